from __future__ import annotations

import io

import pytest

from rocketship.cli.console import Console
from rocketship.cli.output.frame import Frame, fit
from tests.terminal import Terminal, show


def make_frame(terminal: Terminal) -> Frame:
    return Frame(Console(terminal.out, io.StringIO(), {"NO_COLOR": "1"}))


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("short", 10, "short"),
        ("exactly10!", 10, "exactly10!"),
        ("one too many", 10, "one too m…"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("text", 1, "…"),
        ("text", 0, "…"),
    ],
)
def test_fit_text_is_cut_by_the_columns_it_takes(text, columns, expected):
    assert fit(text, columns) == expected


def test_frame_redrawn_replaces_itself_and_keeps_what_is_above():
    with Terminal() as terminal:
        frame = make_frame(terminal)
        frame.draw([], [("a", ""), ("b", ""), ("c", "")])
        frame.draw(["done 1"], [("a", ""), ("b", "")])
        frame.draw([], [("longer than before", "")])
        frame.draw(["done 2", "done 3"], [("x", ""), ("y", "")])
        terminal.hang_up()
        assert show(terminal.written) == ["done 1", "done 2", "done 3", "x", "y"]


def test_frame_taken_away_leaves_nothing_and_shows_the_cursor():
    with Terminal() as terminal:
        frame = make_frame(terminal)
        frame.draw([], [("a", ""), ("b", "")])
        frame.draw([], [])
        terminal.hang_up()
        assert "".join(show(terminal.written)) == ""
        assert terminal.written.rindex("\x1b[?25h") > terminal.written.rindex("\x1b[?25l")


def test_frame_lines_never_fill_the_last_column_and_never_exceed_the_rows():
    with Terminal(columns=20, rows=5) as terminal:
        make_frame(terminal).draw([], [("x" * 100, "")] * 50)
        terminal.hang_up()
        assert show(terminal.written) == ["x" * 18 + "…"] * 5


def test_frame_on_a_narrowed_terminal_takes_back_the_rows_it_was_wrapped_to():
    with Terminal(columns=80) as terminal:
        frame = make_frame(terminal)
        frame.draw([], [("x" * 70, ""), ("y" * 10, "")])
        terminal.resize(20, 24)
        frame.draw([], [("z", "")])
        terminal.hang_up()
        # 70 columns wrap to four rows of 20, 10 columns to one: the cursor is in the fifth.
        assert "\r\x1b[4Az" in terminal.written
