from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketship.run.printable import printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("ä 日本 ✓ 👍", "ä 日本 ✓ 👍"),
        ("a\tb\nc", "a\tb\nc"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hhome", "home"),
        ("\x1b]0;a new title\x07text", "text"),
        ("\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x1bcreset", "reset"),
        ("\x1b]0;never closed", "0;never closed"),
        ("\x1b", ""),
        ("bell\x07 back\x08space\x00", "bell backspace"),
        ("\u202eevil\u2066", "evil"),
        ("half \ud800 pair", "half \ufffd pair"),
    ],
)
def test_printable_text_loses_only_terminal_control(text, expected):
    assert printable(text) == expected


@given(st.text())
def test_printable_any_text_has_no_control_left(text):
    left = [char for char in printable(text) if unicodedata.category(char) in ("Cc", "Cs")]
    assert set(left) <= {"\t", "\n"}


@given(st.text(st.characters(categories=("L", "N", "P", "S"))))
def test_printable_ordinary_text_is_unchanged(text):
    assert printable(text) == text


def test_printable_many_unclosed_sequences_take_linear_time():
    text = "\x1b]" * 200_000
    assert printable(text) == ""
