from __future__ import annotations

import pytest

from rocketship.errors import AssertionFailed, ConfigError
from rocketship.plugins.api import Found
from rocketship.plugins.http.client import LARGE_BODY_BYTES
from rocketship.plugins.http.observables import ASSERTIONS, header_matches, status_matches
from rocketship.plugins.http.plugin import Http
from rocketship.plugins.saves import extract
from rocketship.suite.model import Save
from rocketship.template.scope import Scope
from rocketship.values import Location
from tests.fixtures.http_server import HttpServer, answer
from tests.fixtures.waiting import result_of
from tests.plugins.http.steps import check, run, save

HEADERS = [("X-Kind", "first"), ("x-kind", "second"), ("X-Empty", ""), ("X-Count", "5")]


@pytest.fixture(scope="module")
def outcome():
    with HttpServer({"/": answer('{"a": {"b": [1, 2.5]}, "n": null}', headers=HEADERS)}) as server:
        yield run({"url": server.url()})


@pytest.mark.parametrize(
    ("expected", "fits"),
    [
        (200, True),
        (200.0, True),
        (200.9, True),
        ("200", True),
        (" 200 ", True),
        ("2xx", True),
        ("2XX", True),
        ("200-299", True),
        ("200 - 204", True),
        ([404, "2xx"], True),
        ([], False),
        (201, False),
        ("3xx", False),
        ("201-299", False),
        ([404, "5xx"], False),
    ],
)
def test_status_is_matched_in_many_forms(expected, fits):
    assert status_matches(200, expected) is fits


@pytest.mark.parametrize("expected", ["ok", "", None, True, "20x", {"a": 1}, "200-"])
def test_status_that_is_none_is_a_config_error(expected):
    with pytest.raises(ConfigError, match="is not a status"):
        status_matches(200, expected)


@pytest.mark.parametrize(
    ("actual", "expected", "fits"),
    [
        ("a", "a", True),
        ("a", "A", False),
        ("5", 5, True),
        (None, "", True),
        (None, None, True),
        (None, "a", False),
        ("", "", True),
        ("[]", [], False),
    ],
)
def test_header_is_matched_as_text(actual, expected, fits):
    assert header_matches(actual, expected) is fits


@pytest.mark.parametrize(
    ("kind", "expected", "operator", "options"),
    [
        ("status_code", 200, "equals", {}),
        ("status_code", "4xx", "not_equals", {}),
        ("status_code", ["2xx", 304], "one_of", {}),
        ("status_code", 300, "less", {}),
        ("header", "first", "equals", {"name": "x-KIND"}),
        ("header", "", "equals", {"name": "x-missing"}),
        ("header", None, "not_exists", {"name": "x-missing"}),
        ("header", None, "exists", {"name": "x-empty"}),
        ("header", 4, "greater", {"name": "x-count"}),
        ("json_path", 2.5, "equals", {"path": ".a.b[1]"}),
        ("json_path", 2, "equals", {"path": ".a.b | length"}),
        ("json_path", None, "equals", {"path": ".n"}),
        ("body", '"b": [1', "contains", {}),
        ("duration", "30s", "less", {}),
        ("duration", "1ns", "greater", {}),
        ("redirects", 0, "equals", {}),
    ],
)
def test_assertion_holds(outcome, kind, expected, operator, options):
    result = check(outcome, kind, expected, operator, **options)
    assert result.passed, result.message


@pytest.mark.parametrize(
    ("kind", "expected", "options", "words"),
    [
        ("status_code", "3xx", {}, "got 200"),
        ("header", "second", {"name": "x-kind"}, 'got "first"'),
        ("header", "x", {"name": "x-missing"}, "no header x-missing, but X-Kind"),
        ("json_path", 3, {"path": ".a.b[0]"}, "got 1"),
        ("json_path", 3, {"path": ".a | keys | .[0].x"}, "error evaluating JSON path"),
        ("cookie", "x", {"name": "nope"}, "no cookie nope"),
    ],
)
def test_assertion_that_fails_says_what_was_found(outcome, kind, expected, options, words):
    result = check(outcome, kind, expected, **options)
    assert not result.passed
    assert words in result.message


def test_saves_keep_types(outcome):
    assert save(outcome, "json_path", ".a") == {"b": [1, 2.5]}
    assert save(outcome, "header", "x-kind") == "first"
    assert save(outcome, "status") == 200
    assert str(save(outcome, "text")).startswith('{"a"')
    assert save(outcome, "body") == save(outcome, "text")
    assert isinstance(save(outcome, "duration"), float)


def test_saves_of_nothing_say_why(outcome):
    assert "is empty" in str(save(outcome, "header", "x-empty"))
    assert "no header x-none" in str(save(outcome, "header", "x-none"))
    assert "no cookie sid" in str(save(outcome, "cookie", "sid"))


def test_every_kind_is_documented():
    for observable in (*ASSERTIONS.values(), *Http.saves.values()):
        assert observable.doc.endswith(".")
    for field in Http.config.fields.values():
        assert field.doc.endswith((".", ": GET."))


def test_large_body_is_looked_into_and_told_when_it_is_no_json():
    large = b'{"a": [' + b"1," * 600_000 + b"7]}"
    assert len(large) > LARGE_BODY_BYTES
    with HttpServer({"/": answer(large), "/html": answer(b"<html>" + large)}) as server:
        good, bad = run({"url": server.url()}), run({"url": server.url("/html")})

    assert check(good, "json_path", 7, path=".a[-1]").passed
    assert check(good, "json_path", 600_001, path=".a | length").passed
    refused = check(bad, "json_path", 7, path=".a[-1]")
    assert refused.message.startswith("json_path .a[-1]: the body is not JSON (status 200")


LARGE_TEXT = "äß€\U0001f680 and so on\n" * 100_000


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "nobody-knows-it"])
@pytest.mark.parametrize(
    ("operator", "expected", "fits"),
    [
        ("equals", LARGE_TEXT, True),
        ("equals", LARGE_TEXT[:-1], False),
        ("not_equals", LARGE_TEXT, False),
        ("contains", "on\näß", True),
        ("not_contains", "on\näß", False),
        ("starts_with", "äß€\U0001f680", True),
        ("ends_with", "on\n", True),
        ("matches", r"(and so on\s+äß€. ){3}", True),
        ("matches", "^so", False),
        ("length", len(LARGE_TEXT), True),
        ("one_of", ["a", LARGE_TEXT], True),
        ("type", "string", True),
        ("exists", None, True),
        ("is_null", None, False),
    ],
)
def test_large_text_is_compared_as_any_other(charset, operator, expected, fits):
    body = LARGE_TEXT.encode("utf-16" if charset == "utf-16" else "utf-8")
    assert len(body) > LARGE_BODY_BYTES
    kind = [("Content-Type", f"text/plain; charset={charset}")]
    with HttpServer({"/": answer(body, headers=kind)}) as server:
        outcome = run({"url": server.url()})
    result = check(outcome, "body", expected, operator=operator)
    assert result.passed is fits
    assert str(result.actual).startswith("äß€\U0001f680 and so on\näß")
    assert str(result.actual).endswith(f"… ({len(LARGE_TEXT)} characters)")


@pytest.mark.parametrize(
    ("operator", "expected", "reason"),
    [
        ("length", 5, f"the length is {len(LARGE_TEXT)}"),
        ("matches", "(", "not a regular expression: missing ) at position 1"),
        ("contains", {"a": 1}, "a string cannot contain an object"),
    ],
)
def test_large_text_that_does_not_compare_says_why(operator, expected, reason):
    with HttpServer({"/": answer(LARGE_TEXT)}) as server:
        result = check(run({"url": server.url()}), "body", expected, operator=operator)
    assert not result.passed
    assert reason in result.message


def test_large_text_can_be_saved_up_to_a_limit():
    with HttpServer({"/": answer(LARGE_TEXT), "/more": answer(LARGE_TEXT * 10)}) as server:
        small, large = run({"url": server.url()}), run({"url": server.url("/more")})
    kept = Save("text", "body", True, True, False, Location("suite.yaml", 1))
    assert result_of(extract(kept, Http.saves["body"], small, Scope())) == Found(LARGE_TEXT)
    with pytest.raises(AssertionFailed, match="more than 4 MiB"):
        result_of(extract(kept, Http.saves["body"], large, Scope()))
