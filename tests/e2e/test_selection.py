"""Which tests run, in which order, with which values."""

from __future__ import annotations

from typing import Any

from tests.fixtures.workbench import Workbench, case, fail, log, suite


def test_pattern_and_tags_choose_tests(bench: Workbench):
    bench.write(
        "shop.yaml",
        suite(
            case("pay by card", bench.say("card"), tags=["smoke"]),
            case("pay by cash", bench.say("cash"), tags=["smoke", "slow"]),
            case("send", bench.say("send"), tags=["smoke"]),
        ),
    )

    ended = bench.run("run", "shop.yaml", "--test", "pay*", "--tag", "smoke and not slow")

    assert ended.code == 0, ended.err
    assert bench.words() == ["card"]
    assert "Total Tests: 1\n" in ended.out


def test_concurrency_of_one_keeps_the_order_of_the_file(bench: Workbench):
    names = [f"t{number}" for number in range(8)]
    bench.write("shop.yaml", suite(*(case(name, bench.say(name)) for name in names)))

    ended = bench.run("run", "shop.yaml", "--concurrency", "1")

    assert ended.code == 0
    assert bench.words() == names


def test_fail_fast_begins_no_test_after_a_failure(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", fail()), case("B", bench.say("b"))))

    ended = bench.run("run", "shop.yaml", "--fail-fast", "--concurrency", "1")

    assert ended.code == 1
    assert bench.words() == []
    assert [test["status"] for test in bench.result(bench.run_ids()[0])["tests"]] == [
        "FAILED",
        "SKIPPED",
    ]


def test_dry_run_shows_every_step_and_runs_nothing(bench: Workbench):
    bench.write(
        "shop.yaml",
        suite(
            case("A", bench.say("a"), cleanup={"always": [bench.say("tidy")]}),
            init=[bench.say("seed")],
        ),
    )

    ended = bench.run("run", "shop.yaml", "--dry-run")

    assert ended.code == 0
    assert [word in ended.out for word in ("seed", "a (script)", "tidy")] == [True] * 3
    assert bench.words() == []
    assert bench.run_ids() == []


def test_last_failed_runs_only_what_failed_and_everything_once_nothing_fails(bench: Workbench):
    check = {
        "name": "Check",
        "plugin": "script",
        "config": {"language": "shell", "script": "test {{ .vars.mood }} = good"},
    }
    bench.write("shop.yaml", suite(case("A", log("a")), case("B", check), vars={"mood": "bad"}))

    def totals(*arguments: str) -> tuple[int, int]:
        code = bench.run("run", "shop.yaml", *arguments).code
        return code, bench.result(bench.run_ids()[-1])["totals"]["total"]

    assert totals() == (1, 2)
    assert totals("--last-failed") == (1, 1)
    assert totals("--last-failed", "--var", "mood=good") == (0, 1)
    assert totals("--last-failed", "--var", "mood=good") == (0, 2)


def test_values_come_from_flags_files_and_suite_in_this_order(bench: Workbench):
    message = "{{ .vars.a }} {{ .vars.b }} {{ .vars.c }} {{ .env.D }} {{ .env.E }}"
    bench.write("shop.yaml", suite(case("A", log(message)), vars=dict.fromkeys("abc", "suite")))
    bench.write("vars.yaml", "a: file\nb: file\n")
    bench.write("shop.env", "D=dotenv\nE=dotenv\n")
    values = ("--var", "a=flag", "--var-file", "vars.yaml", "--env-file", "shop.env")

    ended = bench.run("run", "shop.yaml", *values, env={"E": "process"})

    # Environment values are secret, so what is seen of them is that they are there.
    assert ended.code == 0, ended.err
    assert "[Log] flag file suite *** ***\n" in ended.out


def test_several_suites_run_at_once_and_every_verdict_counts(bench: Workbench):
    meet = [bench.hold("first"), bench.hold("second")]
    for name, step in zip(("one", "two"), meet, strict=True):
        bench.write(f".rocketship/{name}.yaml", suite(case(name, step)) | {"name": name})
    bench.write(".rocketship/deep/three.yaml", suite(case("three", fail())) | {"name": "three"})

    running = bench.start("run")
    bench.wait_for("first", "second")
    bench.release("first")
    bench.release("second")
    ended = running.end()

    assert ended.code == 1
    assert "Total Test Suites: 3\n✓ Passed Suites: 2\n✗ Failed Suites: 1\n" in ended.out
    assert len(bench.run_ids()) == 3


def test_suite_given_twice_runs_once(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.say("a"))))

    absolute = str(bench.folder / "shop.yaml")
    ended = bench.run("run", "shop.yaml", "-f", "./shop.yaml", "-f", absolute)

    assert ended.code == 0
    assert bench.words() == ["a"]


def test_concurrency_is_of_all_suites_together(bench: Workbench):
    together = [bench.say("begin"), bench.say("end")]
    for name in ("shop", "stock", "orders"):
        bench.write(f"{name}.yaml", suite(case(name, *together)))

    ended = bench.run("run", "shop.yaml", "stock.yaml", "orders.yaml", "--concurrency", "1")

    assert ended.code == 0, ended.err
    assert bench.words() == ["begin", "end"] * 3


def test_fail_fast_begins_no_suite_after_a_failure(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", fail())))
    bench.write("stock.yaml", suite(case("B", bench.say("b"))))

    ended = bench.run("run", "shop.yaml", "stock.yaml", "--fail-fast")

    assert ended.code == 1
    assert bench.words() == []
    assert "1 suite was not begun, because an earlier one failed (--fail-fast)." in ended.err


def test_last_failed_remembers_each_test_by_itself(bench: Workbench):
    def check(name: str) -> dict[str, Any]:
        config = {"language": "shell", "script": f"test {{{{ .vars.{name} }}}} = good"}
        return case(name, {"name": "n", "plugin": "script", "config": config})

    bench.write("shop.yaml", suite(check("a"), check("b"), vars={"a": "bad", "b": "bad"}))
    assert bench.run("run", "shop.yaml").code == 1
    assert bench.run("run", "shop.yaml", "--test", "a", "--var", "a=good").code == 0

    assert bench.run("run", "shop.yaml", "--last-failed").code == 1

    tests = bench.result(bench.run_ids()[-1])["tests"]
    assert [test["name"] for test in tests] == ["b"]


def test_brackets_in_a_pattern_are_brackets(bench: Workbench):
    bench.write(
        "shop.yaml", suite(case("GET /x [200]", bench.say("x")), case("GET /x 2", log("y")))
    )

    ended = bench.run("run", "shop.yaml", "--test", "GET /x [2*]")

    assert ended.code == 0, ended.err
    assert bench.words() == ["x"]
