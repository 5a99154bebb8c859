from __future__ import annotations

import json

import pytest

from rocketship.errors import AssertionFailed
from rocketship.plugins.http.client import Reply, Request
from rocketship.plugins.http.response import Response


def response(body: bytes, *headers: tuple[str, str], status: int = 200) -> Response:
    reply = Reply(status, "", "1.1", headers, body, {"total": 0.5}, "h:80", False)
    return Response(Request("GET", "http://h/"), reply, (), {})


def test_header_is_the_first_whatever_its_spelling():
    found = response(b"", ("X-a", "1"), ("x-A", "2"))
    assert found.header("X-A") == "1"
    assert found.header("X-B") is None


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/plain", "grün".encode(), "grün"),
        ("text/plain; charset=ISO-8859-1", "grün".encode("latin-1"), "grün"),
        ('text/plain; charset="utf-16"; x=y', "grün".encode("utf-16"), "grün"),
        ("text/plain; charset=nonsense", "grün".encode(), "grün"),
        ("text/plain; charset=idna", "grün".encode(), "grün"),
        ("text/plain; charset=hex", b"00", "00"),
        ("text/plain; charset=punycode", b"\xff-a", "\ufffd-a"),
        ("text/plain", b"\xff", "\ufffd"),
    ],
)
def test_text_is_decoded_as_declared(content_type, body, text):
    assert response(body, ("Content-Type", content_type)).text == text


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"id": 12345678901234567890123}', {"id": 12345678901234567890123}),
        (b"19.99", 19.99),
        (b"null", None),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ('["ü"]'.encode("utf-16"), ["ü"]),
    ],
)
def test_json_keeps_all_digits(body, value):
    assert response(body).json == value


def test_json_is_read_once():
    found = response(b"[]")
    assert found.json is found.json


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"{}{}", b"NaN", b"\xff\xfe", b"1" * 10_000, b"{'a': 1}"],
)
def test_json_that_is_none_is_refused(body):
    with pytest.raises(AssertionFailed, match="^the body is not JSON"):
        _ = response(body).json


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"c": 1e400}', "the number 1e400 is too large"),
        (b"[-1" + b"0" * 400 + b".0]", f"the number -1{'0' * 38}… is too large"),
        (b"[" * 201 + b"]" * 201, "there are more than 200 levels of lists and objects"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, "there are more than 200 levels"),
        (b"[" * 100_000, "there are more than 200 levels"),
    ],
)
def test_json_that_no_value_can_hold_is_refused_with_the_reason(body, reason):
    with pytest.raises(AssertionFailed) as caught:
        _ = response(body).json
    assert caught.value.message.startswith(f"the body cannot be used: {reason}")


@pytest.mark.parametrize("body", [b"[" * 200 + b"]" * 200, b"[" + b"[]," * 500 + b"[1e300]]"])
def test_json_is_held_up_to_the_limits(body):
    assert response(body).json == json.loads(body)


def test_json_complaint_quotes_type_and_beginning():
    page = response(b"<html>\n  " + b"x" * 500, ("content-type", "text/html"), status=502)
    with pytest.raises(AssertionFailed) as caught:
        _ = page.json
    assert caught.value.message == (
        f"the body is not JSON (status 502, text/html): <html> {'x' * 113}..."
    )


def test_json_complaint_about_nothing():
    with pytest.raises(AssertionFailed, match="the body is empty"):
        _ = response(b"").json


def test_description_stars_secrets_and_joins_repeated_headers():
    shown = response(
        b"hi", ("x-a", "1"), ("X-A", "2"), ("set-cookie", "s=1"), ("Set-Cookie", "t=1")
    )
    assert shown.describe()["headers"] == {"X-A": "1, 2", "Set-Cookie": "***"}
    assert shown.describe()["body"] == "hi"
