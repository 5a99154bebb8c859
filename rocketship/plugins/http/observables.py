"""What assertions can check and saves can keep of a response."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from rocketship.errors import ConfigError
from rocketship.plugins import json_path
from rocketship.plugins.api import Absent, Found, Large, Observable, Observation, Outcome
from rocketship.plugins.http import cookies
from rocketship.plugins.http.client import LARGE_BODY_BYTES
from rocketship.plugins.http.response import Response
from rocketship.suite.fields import Boolean, Choice, Field, Object, Text
from rocketship.values import Json, to_text

CERTIFICATE_FIELDS = (
    "subject",
    "issuer",
    "starts",
    "expires",
    "days_left",
    "san",
    "serial",
    "sha256",
)

_STATUS_CLASS = r"([1-9])[xX]{2}"
_STATUS_RANGE = r"(\d{3})\s*-\s*(\d{3})"


def status_matches(actual: Json, expected: Json) -> bool:
    """Return whether a status is the expected one: a number, `2xx`, `200-299`, or a list of these.

    Raises:
        ConfigError: The expectation is none of these.
    """
    if isinstance(expected, list):
        return any(status_matches(actual, item) for item in expected)
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return actual == int(expected)
    text = to_text(expected).strip()
    if text.isdecimal():
        return actual == int(text)
    if match := re.fullmatch(_STATUS_CLASS, text):
        return isinstance(actual, int) and actual // 100 == int(match[1])
    if match := re.fullmatch(_STATUS_RANGE, text):
        return isinstance(actual, int) and int(match[1]) <= actual <= int(match[2])
    raise ConfigError(f"{to_text(expected)!r} is not a status; write 200, 2xx, 200-299, or a list")


def header_matches(actual: Json, expected: Json) -> bool:
    """Return whether a header has the expected text; a missing one has none, or the empty one."""
    if actual is None:
        return expected in (None, "")
    return not isinstance(expected, list | dict) and actual == to_text(expected)


def _response(outcome: Outcome) -> Response:
    response: Response = outcome.subject
    return response


def _json(outcome: Outcome) -> Json | json_path.Unread:
    response = _response(outcome)
    if len(response.reply.body) > LARGE_BODY_BYTES:
        return json_path.Unread(response.reply.body, response.not_json)
    return response.json


def _status(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    return Found(_response(outcome).reply.status)


def _text(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    response = _response(outcome)
    if len(response.reply.body) > LARGE_BODY_BYTES:
        return Large(response.reply.body, response.charset)
    return Found(response.text)


def _duration(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    return Found(_response(outcome).timings["total"])


def _redirects(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    return Found(len(_response(outcome).hops))


def _header(
    option: str, *, allow_empty: bool
) -> Callable[[Outcome, Mapping[str, Any]], Observation]:
    def observe(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
        response = _response(outcome)
        value = response.header(options[option])
        if value is None:
            names = ", ".join(dict.fromkeys(name for name, _ in response.reply.headers))
            return Absent(f"the response has no header {options[option]}, but {names or 'none'}")
        if not value and not allow_empty:
            return Absent(f"the header {options[option]} is empty")
        return Found(value)

    return observe


def _cookie(option: str) -> Callable[[Outcome, Mapping[str, Any]], Observation]:
    def observe(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
        response, name = _response(outcome), options[option]
        value = response.cookies.get(name)
        if value is None:
            value = cookies.find(response.reply.cookies, response.request.url, name)
        return Absent(f"no cookie {name} is set") if value is None else Found(value)

    return observe


def _certificate(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    certificate = _response(outcome).certificate
    if certificate is None:
        return Absent("the connection was not encrypted")
    return Found(certificate[options["field"]])


def _name(doc: str) -> Object:
    return Object(Field("name", Text(empty=False), doc, required=True))


ASSERTIONS: Mapping[str, Observable] = {
    "status_code": Observable(
        "The status: a number, `2xx`, a range `200-299`, or a list of these.",
        _status,
        matches=status_matches,
    ),
    "header": Observable(
        "The first value of a header; a missing header equals the empty text.",
        _header("name", allow_empty=True),
        options=_name("The header; upper and lower case do not matter."),
        target="name",
        matches=header_matches,
    ),
    "json_path": json_path.for_assertions(_json),
    "body": Observable("The body as text.", _text),
    "duration": Observable("How long the exchange took, redirects included.", _duration),
    "cookie": Observable(
        "The value of a cookie that was set on the way, or is in the test's jar.",
        _cookie("name"),
        options=_name("The cookie."),
        target="name",
    ),
    "redirects": Observable("How many redirects were followed.", _redirects),
    "certificate": Observable(
        "A field of the server's certificate; days_left counts whole days.",
        _certificate,
        options=Object(
            Field(
                "field",
                Choice(CERTIFICATE_FIELDS),
                f"Which field: {', '.join(CERTIFICATE_FIELDS)}.",
                required=True,
            ),
        ),
        target="field",
    ),
}

_BODY = Observable("The body as text.", _text, argument=Boolean())

SAVES: Mapping[str, Observable] = {
    "json_path": json_path.for_saves(_json),
    "header": Observable(
        "The first value of a header that is not empty.",
        _header("header", allow_empty=False),
        argument=Text(empty=False),
    ),
    "text": _BODY,
    "body": _BODY,
    "status": Observable("The status, a number.", _status, argument=Boolean()),
    "duration": Observable("The seconds the exchange took.", _duration, argument=Boolean()),
    "cookie": Observable("The value of a cookie.", _cookie("cookie"), argument=Text(empty=False)),
}
