"""QR codes in half blocks."""

from __future__ import annotations

import re

import segno

from rocketship.cli.login.qr import qr_code

URL = "https://idp.example.com/device?user_code=ABCD-EFGH"
_HALVES = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}


def modules(drawn: str) -> list[list[int]]:
    """Return the rows of modules that half blocks stand for."""
    rows = []
    for line in drawn.splitlines():
        halves = [_HALVES[mark] for mark in re.sub(r"\x1b\[[0-9;]*m", "", line)]
        rows += [[half[0] for half in halves], [half[1] for half in halves]]
    return rows


def test_code_in_colour_is_black_on_white() -> None:
    drawn = qr_code(URL, width=80, height=24, colour=True)

    expected = [list(row) for row in segno.make(URL, error="l", micro=False).matrix_iter(border=2)]
    assert modules(drawn)[: len(expected)] == expected
    assert all(line.startswith("\x1b[30;107m") for line in drawn.splitlines())


def test_code_without_colour_draws_the_light_modules() -> None:
    with_colour = modules(qr_code(URL, width=80, height=24, colour=True))
    without = modules(qr_code(URL, width=80, height=24, colour=False))

    assert [[1 - module for module in row] for row in without] == with_colour


def test_code_that_has_no_room_is_left_out() -> None:
    assert qr_code(URL, width=20, height=24, colour=True) == ""
    assert qr_code(URL, width=80, height=12, colour=True) == ""
