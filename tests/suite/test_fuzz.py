"""Whatever is in a file: loading it ends soon, raises nothing, and complains about places in it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rocketship.suite.load import LoadedSuite, load_source, load_suite
from rocketship.suite.problem import LINE_BREAK, decode, format_problem
from tests.suite.echo import CATALOG, suite_of_step
from tests.suite.test_load import EVERYTHING

RICH = EVERYTHING + suite_of_step(
    "config: &c {text: '{{ .vars.a }} \\{{ x }}', body_file: a.txt}\nif: .a", "x-c: *c\n"
).replace("name: s\n", "x-b: &c {<<: {a: 1}}\n", 1).replace("tests:", "x-tests:")

SNIPPETS = st.sampled_from(
    ["{{", "}}", "{{ x }}", "&a ", "*a", "<<: ", "!!int ", "- ", ": ", "\t", "\n", "  ", "#", '"',
     "'", "|\n", "[", "{", "]", "null", "5", "1e999", "true", ".inf", "2025-01-01", "\\", "\u2028",
     "\x85", "é", "\x00", "\ufeff", "---\n", "...\n", "%YAML 1.1\n", "name: ", "plugin: echo",
     "expected: ", "exists: true", "operator: schema", "text: ", "vars: ", "as: env", "0x",
     "a" * 300]
)  # fmt: skip

EDITS = st.lists(
    st.tuples(st.integers(0, len(RICH)), st.integers(0, 40), SNIPPETS), min_size=1, max_size=6
)
BOUNDED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def check(loaded: LoadedSuite) -> None:
    lines = LINE_BREAK.split(decode(loaded.source))
    for problem in loaded.problems:
        location = problem.location
        assert 1 <= location.line <= len(lines)
        assert 1 <= location.column <= len(lines[location.line - 1]) + 1
        assert problem.message.strip()
        assert format_problem(problem, loaded.source)
    failed = any(problem.severity.value == "error" for problem in loaded.problems)
    assert failed == (loaded.suite is None)


def load_bytes(data: bytes) -> LoadedSuite:
    return load_source(data, "f", CATALOG, variables={"a": 1}, files={}, allow_unknown_keys=False)


@given(st.binary(max_size=300))
@example(b"")
@example(b"\xff\xfe")
@example(b"\xef\xbb\xbf")
@example("a: \u2028é: [".encode())
@example(b"? {a: b}\n: c")
@example(b"tests: [{steps: {}}]\ndefaults: {echo: []}")
@example(b"tests: {}\ninit: 5\ncleanup: [1]")
@BOUNDED
def test_load_any_bytes_never_raises(data: bytes) -> None:
    check(load_bytes(data))


@given(st.text(alphabet=" \n-:[]{}\"'#&*!|>%@ab1{}", max_size=80))
@BOUNDED
def test_load_any_punctuation_never_raises(text: str) -> None:
    check(load_bytes(text.encode()))


@given(edits=EDITS)
@BOUNDED
def test_load_mutated_suite_never_raises(tmp_path: Path, edits: list[tuple[int, int, str]]) -> None:
    text = RICH
    for place, length, snippet in edits:
        text = text[:place] + snippet + text[place + length :]
    (tmp_path / "s.yaml").write_bytes(text.encode())
    check(load_suite(Path("s.yaml"), CATALOG, cwd=tmp_path))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("{{ x }}"),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["name", "tests", "steps", "plugin", "config", "assertions", "save", "type", "text",
             "expected", "exists", "operator", "as", "json_path", "retry", "cleanup", "always",
             "init", "defaults", "echo", "vars", "openapi", "spec", "body_file", "template", "if"]
        ),
        inner | st.just("echo"),
        max_size=5,
    ),
    max_leaves=30,
)  # fmt: skip


@given(JSON, JSON)
@BOUNDED
def test_load_any_shape_never_raises(tests: object, rest: object) -> None:
    shape = {"name": "s", "tests": tests, **(rest if isinstance(rest, dict) else {"init": rest})}
    check(load_bytes(json.dumps(shape).encode()))


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 1_000_000,
        b"{a: " * 500_000,
        b"- " * 1_000_000,
        b"? " * 1_000_000,
        b"a: " * 1_000_000,
        b"'x': " * 500_000,
        b'a: ": "' * 300_000,
        b"&a " * 1_000_000,
        b"*a " * 1_000_000,
        b"!a " * 1_000_000,
        b"a" * 4_000_000,
        b'a: "' + b"\\n" * 1_000_000,
        b"name: " + b"{{" * 500_000,
        b"name: '" + b"{{ x }}" * 100_000 + b"'",
        b"name: s\ntests: [" + b"{}," * 50_000 + b"]",
        b"name: s\n" + b"".join(b"k%d: 1\n" % i for i in range(50_000)),
        b"name: s\ntests: [{name: t, steps: [" + b"{name: a, plugin: ecko}," * 20_000 + b"]}]",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_load_hostile_megabytes_end_soon(data: bytes) -> None:
    started = time.process_time()
    check(load_bytes(data))
    assert time.process_time() - started < 5
