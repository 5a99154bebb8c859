from __future__ import annotations

import json

import pytest

from rocketship.reports.pretty import WIDTH, pretty, pretty_text
from rocketship.values import Json


def test_pretty_value_that_fits_stays_on_one_line():
    assert pretty({"id": 5, "tags": ["ä", None]}) == '{"id": 5, "tags": ["ä", null]}'


def test_pretty_long_value_opens_only_what_does_not_fit():
    users: list[Json] = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "x" * WIDTH}]
    assert pretty({"users": users, "more": []}).split("\n") == [
        "{",
        '  "users": [',
        '    {"id": 1, "name": "Ada"},',
        "    {",
        '      "id": 2,',
        f'      "name": "{"x" * WIDTH}"',
        "    }",
        "  ],",
        '  "more": []',
        "}",
    ]


def test_pretty_value_reads_back_as_the_same_value():
    value: Json = {
        "a": [{"b": ["x" * 90, {}, []]}] * 3,
        "c": "line\nbreak",
        "d": 12345678901234567890,
    }
    assert json.loads(pretty(value)) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"a": {"b": [1, 2, {"c": "x, y', '{"a": {"b": [1, 2, …'),
        ('{"a": 1, "b": "\\', '{"a": 1, …'),
        ("[[1, 2], [3", "[[1, 2], …"),
    ],
)
def test_pretty_text_whose_end_is_missing_is_laid_out_as_far_as_it_goes(text, shown):
    assert pretty_text(text, cut=True) == shown
    assert pretty_text(text) == text


@pytest.mark.parametrize(
    "text",
    ["plain", "{not json, at all", "[1, 2] and more", "[1]]", "[", '{"a', "[" * 99_999]
    + ['{"a": 1e400}', "[NaN]", "[" * 900 + "]" * 900],
)
def test_pretty_text_that_is_no_json_stays_as_it_is(text):
    assert pretty_text(text) == pretty_text(text, cut=True) == text
