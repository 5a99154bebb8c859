from __future__ import annotations

import pytest

from rocketship.plugins.diff import MAX_SHOWN_LINES, diff


def test_diff_of_mappings_shows_changed_lines_with_sorted_keys():
    assert diff({"b": 1, "a": "é"}, {"a": "é", "b": 2}) == (
        '--- expected\n+++ actual\n@@ -1,4 +1,4 @@\n {\n   "a": "é",\n-  "b": 1\n+  "b": 2\n }'
    )


def test_diff_of_texts_with_several_lines_shows_changed_lines():
    assert diff("a\nb", "a\nc") == "--- expected\n+++ actual\n@@ -1,2 +1,2 @@\n a\n-b\n+c"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [("a", "b"), (1, 2), (None, {}), ([1], "x"), ([1], {"a": 1}), ("a\nb", "a\nb"), ([], [])],
)
def test_diff_that_would_help_nobody_is_none(expected, actual):
    assert diff(expected, actual) is None


def test_diff_of_huge_values_is_none():
    assert diff("x\n" * 200_000, "y\n" * 200_000) is None
    assert diff(list(range(4000)), list(range(4001))) is None


def test_diff_with_many_or_long_lines_is_cut():
    shown = diff("\n".join("a" * 500 for _ in range(300)), "b\nb")
    assert shown is not None
    lines = shown.split("\n")
    assert len(lines) == MAX_SHOWN_LINES + 1
    assert lines[-1] == "… 245 more lines"
    assert max(map(len, lines)) == 401
