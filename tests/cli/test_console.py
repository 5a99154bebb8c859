from __future__ import annotations

import io

import pytest

from rocketship.cli.console import Console
from rocketship.errors import InvalidSuite, UsageError
from tests.terminal import Terminal


def make_stream(encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True, newline="")


def text_of(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode(stream.encoding)


@pytest.mark.parametrize(
    ("environment", "on_terminal", "on_pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
        ({"CI": "true"}, True, False),
    ],
)
def test_colour_depends_on_stream_and_environment(environment, on_terminal, on_pipe):
    with Terminal() as terminal:
        assert Console(terminal.out, make_stream(), environment).colour is on_terminal
    assert Console(make_stream(), make_stream(), environment).colour is on_pipe


@pytest.mark.parametrize(
    ("environment", "interactive", "can_redraw"),
    [
        ({"TERM": "xterm"}, True, True),
        ({"TERM": "dumb"}, False, False),
        ({"CI": "true"}, False, True),
        ({"CI": "false"}, True, True),
    ],
)
def test_interactive_terminal_depends_on_environment(environment, interactive, can_redraw):
    with Terminal() as terminal:
        console = Console(terminal.out, make_stream(), environment)
        assert (console.interactive, console.can_redraw) == (interactive, can_redraw)


def test_pipe_is_never_interactive():
    console = Console(make_stream(), make_stream(), {"FORCE_COLOR": "1", "TERM": "xterm"})
    assert not console.interactive
    assert not console.can_redraw


def test_width_follows_the_terminal_and_the_environment():
    with Terminal(columns=100, rows=30) as terminal:
        console = Console(terminal.out, make_stream(), {})
        assert console.size == (100, 30)
        terminal.resize(50, 10)
        assert console.size == (50, 10)
        assert Console(terminal.out, make_stream(), {"COLUMNS": "66"}).width == 50
    assert Console(make_stream(), make_stream(), {"COLUMNS": "66"}).width == 66
    assert Console(make_stream(), make_stream(), {}).size == (80, 24)


def test_paint_without_colour_returns_the_text():
    plain = Console(make_stream(), make_stream(), {})
    coloured = Console(make_stream(), make_stream(), {"FORCE_COLOR": "1"})
    assert plain.paint("x", "red", bold=True) == "x"
    assert coloured.paint("x", "red", bold=True) == "\x1b[1;31mx\x1b[0m"
    assert coloured.paint("x", dim=True) == "\x1b[2mx\x1b[0m"
    assert coloured.paint("x") == "x"
    assert coloured.paint("", "red") == ""


def test_results_go_to_stdout_and_everything_else_to_stderr():
    out, err = make_stream(), make_stream()
    console = Console(out, err, {})
    console.print("result")
    console.note("note")
    console.warning("careful")
    console.error(UsageError("no such thing", hint="try another"))
    assert text_of(out) == "result\n"
    assert text_of(err) == "note\nwarning: careful\nerror: no such thing\nhint: try another\n"


def test_error_of_an_invalid_suite_shows_the_report_first():
    err = make_stream()
    console = Console(make_stream(), err, {"FORCE_COLOR": "1"})
    console.error(InvalidSuite("2 problems", report="a.yaml:1:2: bad\n"))
    assert text_of(err) == "a.yaml:1:2: bad\n\x1b[1;31merror: \x1b[0m2 problems\n"


def test_text_from_outside_cannot_control_the_terminal():
    err = make_stream()
    Console(make_stream(), err, {}).error(UsageError("\x1b[2Jgone\x07"))
    assert text_of(err) == "error: gone\n"


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", "✓ ✗ a › b…\n"),
        ("ascii", "+ x a > b...\n"),
        ("latin-1", "+ x a > b...\n"),
    ],
)
def test_marks_fit_the_encoding(encoding, expected):
    out = make_stream(encoding)
    Console(out, make_stream(), {}).print("✓ ✗ a › b…")
    assert text_of(out) == expected


def test_characters_the_encoding_lacks_are_escaped():
    out = make_stream("ascii")
    Console(out, make_stream("ascii"), {}).print("日 \ud800")
    assert text_of(out) == "\\u65e5 \\ud800\n"
