from __future__ import annotations

import pytest

from rocketship.suite.problem import (
    MAX_PROBLEMS,
    Problem,
    Problems,
    Severity,
    did_you_mean,
    format_problem,
    problem_json,
)
from rocketship.values import Location

SOURCE = "name: x\ntests:\n\t- ünit: 漢字 here\n".encode()


def shown(line: int, column: int, source: bytes = SOURCE, hint: str | None = None) -> str:
    return format_problem(Problem(Location("s.yaml", line, column), "it is wrong", hint), source)


def test_format_problem_has_place_line_caret_and_help() -> None:
    expected = """\
s.yaml:2:1: error: it is wrong
    2 | tests:
      | ^
help: do this"""
    assert shown(2, 1, hint="do this") == expected


def test_format_problem_caret_stands_under_wide_characters_and_tabs() -> None:
    line, caret = shown(3, 12).splitlines()[1:]
    assert line == "    3 | \t- ünit: 漢字 here"
    assert caret == "      | \t" + " " * len("- ünit: ") + " " * 4 + "^"


def test_format_problem_combining_characters_take_no_room() -> None:
    assert shown(1, 4, "e\u0301: x".encode()).splitlines()[2] == "      |   ^"


@pytest.mark.parametrize(
    ("before", "after", "cut"),
    [(500, 500, "……"), (500, 0, "… "), (500, 9, "… "), (0, 500, " …"), (20, 500, " …")],
)
@pytest.mark.parametrize("width", [60, 80, 100])
def test_format_problem_long_line_is_cut_around_the_column(
    before: int, after: int, cut: str, width: int
) -> None:
    source = b"a" * before + b"B" + b"a" * after
    problem = Problem(Location("s.yaml", 1, before + 1), "it is wrong")
    text, caret = format_problem(problem, source, width=width).splitlines()[1:]
    assert len(text) < width
    assert text[caret.index("^")] == "B"
    assert (text[8] == "…", text[-1] == "…") == (cut[0] == "…", cut[1] == "…")


def test_format_problem_caret_may_stand_behind_a_long_line() -> None:
    text, caret = shown(1, 501, b"a" * 500).splitlines()[1:]
    assert caret.index("^") == len(text)


def test_format_problem_line_as_wide_as_there_is_room_is_whole() -> None:
    assert "…" not in shown(1, 1, b"a" * 91)
    assert shown(1, 1, b"a" * 92).splitlines()[1].endswith("a…")


def test_format_problem_terminal_escapes_are_taken_out() -> None:
    assert "\x1b" not in shown(1, 1, b"a\x1b[31m")
    assert "\u202e" not in shown(1, 1, "a\u202e".encode())


@pytest.mark.parametrize(("line", "column"), [(0, 0), (99, 1)])
def test_format_problem_without_a_line_has_no_excerpt(line: int, column: int) -> None:
    assert len(shown(line, column).splitlines()) == 1


def test_format_problem_reads_utf16_and_broken_bytes() -> None:
    assert "    1 | é" in shown(1, 1, "é".encode("utf-16"))
    assert "\ufffd" in shown(1, 1, b"\xff")


def test_format_problem_counts_lines_like_the_parser() -> None:
    assert "    3 | c" in shown(3, 1, "a\r\nb\u2028c".encode())


def test_problem_json_has_all_parts() -> None:
    problem = Problem(Location("f", 1, 2), "m", "h", Severity.WARNING)
    assert problem_json(problem) == {
        "severity": "warning",
        "file": "f",
        "line": 1,
        "column": 2,
        "message": "m",
        "help": "h",
    }


def test_problems_repeated_problem_is_kept_once() -> None:
    problems = Problems()
    for _ in range(2):
        problems.error(Location("f", 1, 1), "m")
    problems.warning(Location("f", 1, 1), "m")
    assert [p.severity for p in problems.found] == [Severity.ERROR, Severity.WARNING]


def test_problems_only_warnings_is_no_failure() -> None:
    problems = Problems()
    problems.warning(Location("f", 1, 1), "m")
    assert not problems.failed
    problems.error(Location("f", 1, 1), "m")
    assert problems.failed


def test_problems_are_ordered_by_place() -> None:
    problems = Problems()
    for line, column in [(2, 1), (1, 5), (1, 2)]:
        problems.error(Location("f", line, column), "m")
    places = [(p.location.line, p.location.column) for p in problems.in_order()]
    assert places == [(1, 2), (1, 5), (2, 1)]


def test_problems_too_many_end_with_a_note() -> None:
    problems = Problems()
    for line in range(2 * MAX_PROBLEMS):
        problems.error(Location("f", line, 1), "m")
    assert len(problems.found) == MAX_PROBLEMS + 1
    assert "more problems" in problems.found[-1].message


def test_did_you_mean_ignores_case_and_keeps_spelling() -> None:
    assert did_you_mean("USERID", ["userId"]) == 'did you mean "userId"?'
    assert did_you_mean("zzz", ["userId"]) is None
