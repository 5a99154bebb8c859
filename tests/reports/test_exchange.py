from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rocketship.reports.exchange import Limits, exchange_lines, last_lines, shorten, value_text
from rocketship.values import JsonObject

LIMITS = Limits(lines=6, characters=40)


def test_exchange_http_request_reads_like_http():
    request: JsonObject = {
        "method": "POST",
        "url": "http://h/users",
        "headers": {"accept": "*/*", "x-tag": ["a", "b"]},
        "body": '{"name":"Ada"}',
        "body_truncated": False,
        "attempt": 2,
    }
    assert exchange_lines(request, LIMITS) == [
        "POST http://h/users  (attempt 2)",
        "accept: */*",
        "x-tag: a",
        "x-tag: b",
        "",
        '{"name": "Ada"}',
    ]


@pytest.mark.parametrize(
    ("response", "first"),
    [
        ({"status": 404, "reason": "Not Found"}, "404 Not Found"),
        ({"status_code": 204}, "status 204"),
        ({"status": 200, "url": "http://h/"}, "status 200  (url http://h/)"),
        ({"rows": 3}, "rows: 3"),
        ({"headers": [["Via", "x"]]}, "Via: x"),
        ({"headers": ["odd"]}, "header: odd"),
        ({"rows": [{"id": 1}]}, 'rows: [{"id":1}]'),
        ("just text", "just text"),
        (12, "12"),
        ([1], "[1]"),
    ],
)
def test_exchange_response_of_any_shape_starts_with_what_matters(response, first):
    assert exchange_lines(response, LIMITS)[0] == first


@pytest.mark.parametrize("body", ["{not json", "plain", '"quoted"'])
def test_exchange_body_that_is_no_json_container_is_shown_as_it_is(body):
    assert exchange_lines({"body": body}, LIMITS) == [body]


def test_exchange_huge_json_body_is_not_indented():
    body = json.dumps(["x" * 50] * 2000)
    lines = exchange_lines({"body": body}, LIMITS)
    assert len(lines) == 1


def test_shorten_long_text_counts_what_is_left_out():
    lines = shorten("\n".join("abcdefghi"), LIMITS)
    assert lines == ["a", "b", "c", "d", "e", "f", "… 3 more lines"]
    assert shorten("x" * 50, LIMITS) == ["x" * 40 + "… (10 more characters)"]


def test_shorten_with_a_command_for_the_rest_names_it_in_the_line():
    limits = replace(LIMITS, rest="show --full")
    assert shorten("a\n" * 7, limits)[-1] == "… 1 more line: show --full"
    assert last_lines("a\n" * 8, limits)[0] == "… 2 earlier lines: show --full"
    assert shorten("x" * 50, limits)[0].endswith("… (10 more characters: show --full)")


def test_exchange_body_that_was_recorded_in_part_says_so():
    response: JsonObject = {"status": 200, "body_bytes": 99, "body": "[1, 2", "truncated": True}
    assert exchange_lines(response, LIMITS) == [
        "status 200  (body bytes 99, truncated)",
        "",
        "[1, …",
        "… the rest of the body was not recorded",
    ]


def test_last_lines_of_a_long_text_counts_what_is_before_them():
    lines = last_lines("\n".join("abcdefghi") + "\n", LIMITS)
    assert lines == ["… 3 earlier lines", "d", "e", "f", "g", "h", "i"]
    assert last_lines("a\nb", LIMITS) == ["a", "b"]


def test_shorten_text_that_ends_with_a_line_end_has_no_empty_line():
    assert shorten("a\nb\r\n", LIMITS) == ["a", "b"]


def test_shorten_text_with_escape_sequences_strips_them():
    assert shorten("\x1b[31mred\x1b[0m", LIMITS) == ["red"]


def test_value_text_distinguishes_numbers_from_their_text():
    assert (value_text("5"), value_text(5), value_text(None)) == ('"5"', "5", "null")
