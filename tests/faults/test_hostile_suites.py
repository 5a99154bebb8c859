"""Suite files that are huge, deep or endless: each is refused in words, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.fixtures.workbench import Workbench, case, log, suite

#: Address space, in KiB: enough for the interpreter and its libraries, and too little for a file
#: that is read as a whole into objects.
BOUNDED = ("sh", "-c", 'ulimit -v 700000 && exec "$0" "$@"')
STEP = "{name: Say, plugin: log, config: {message: hello}}"
HEAD = "name: Shop\ntests:\n  - name: A\n    steps:\n      - name: Say\n        plugin: log\n"


def whole(config: str) -> str:
    return f"{HEAD}        config: {config}\n"


def bomb() -> str:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(["l0: &l0 [x, x]", *levels, "name: Shop"])


#: What makes the file, and what is said about it.
SUITES: dict[str, tuple[Callable[[], str], str]] = {
    "50 MB of comment": (lambda: "# more\n" * 7_200_000, "larger than 4 MiB"),
    "50 MB of tests": (
        lambda: f"name: Shop\ntests:\n{f'  - {{name: A, steps: [{STEP}]}}' * 700_000}",
        "larger than 4 MiB",
    ),
    "one byte too many": (
        lambda: whole("{message: x}") + "#" * ((4 << 20) + 1 - len(whole("{message: x}"))),
        "larger than 4 MiB",
    ),
    "flow that nests": (lambda: whole("[" * 1_000_000), "too many levels of lists"),
    "blocks that nest": (
        lambda: "\n".join(f"{' ' * depth}a:" for depth in range(2000)),
        "more than 100 levels of lists",
    ),
    "aliases that multiply": (bomb, "alias"),
    "alias of itself": (lambda: "name: &a [*a]\n", "alias"),
    "one line of 4 MB": (lambda: whole("{message: " + "x" * 4_000_000 + ", wrong: 1}"), "wrong"),
    "a million mistakes": (lambda: "name: Shop\n" + "k{}: 1\n" * 500_000, "k{}"),
    "quotes that never end": (lambda: whole("{message: '" + "x" * 3_000_000), "quote"),
    "tabs": (lambda: "name:\tShop\n\ttests: []\n" * 100, "tab"),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", ["validate", "run"])
@pytest.mark.parametrize("name", SUITES)
def test_hostile_suite_is_refused_in_words(bench: Workbench, name: str, command: str):
    make, expected = SUITES[name]
    bench.write("shop.yaml", make())

    ended = bench.run(command, "shop.yaml", wrapper=BOUNDED)

    told = ended.out + ended.err
    assert ended.code == 2, told[:2000]
    assert "shop.yaml" in told
    assert expected in told
    assert "Traceback" not in told
    assert "fault of rocketship" not in told
    assert len(told) < 1_000_000


def test_suite_of_the_largest_size_is_run(bench: Workbench):
    content = whole("{message: x}")
    bench.write("shop.yaml", content + "#" * ((4 << 20) - len(content)))

    ended = bench.run("run", "shop.yaml", wrapper=BOUNDED)

    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([17 << 20], "16 MiB"), ([15 << 20] * 5, "64 MiB")],
    ids=["one", "together"],
)
def test_files_that_are_too_large_to_be_sent_along_are_named(
    bench: Workbench, sizes: list[int], expected: str
):
    steps = []
    for number, size in enumerate(sizes):
        with (bench.folder / f"body-{number}").open("wb") as file:
            file.truncate(size)
        config = {"method": "POST", "url": "http://127.0.0.1:1/", "body_file": f"body-{number}"}
        steps.append({"name": "Post", "plugin": "http", "config": config})
    bench.write("shop.yaml", suite(case("A", *steps)))

    ended = bench.run("run", "shop.yaml")

    assert ended.code == 2
    assert expected in ended.out + ended.err
    assert "body-" in ended.out + ended.err
    assert bench.run_ids() == []


@pytest.mark.parametrize("option", ["--var-file", "--env-file"])
def test_huge_file_of_values_is_refused_in_words(bench: Workbench, option: str):
    bench.write("shop.yaml", suite(case("A", log("a"))))
    bench.write("values", "a: 1\nb: 2\n" * 5_000_000)

    ended = bench.run("run", "shop.yaml", option, "values", wrapper=BOUNDED)

    assert ended.code == 2, ended.err[:2000]
    assert "values" in ended.err
    assert "Traceback" not in ended.err
    assert len(ended.err) < 100_000
