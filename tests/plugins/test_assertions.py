from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from rocketship.errors import AssertionFailed, ConfigError
from rocketship.plugins import json_path
from rocketship.plugins.api import Absent, Found, Observable, Observation, Outcome
from rocketship.plugins.assertions import MAX_MESSAGE_CHARACTERS, MAX_VALUE_CHARACTERS, evaluate
from rocketship.redaction import Redactor
from rocketship.run.events import AssertionResult
from rocketship.suite.fields import Field, Object, Text
from rocketship.suite.model import Assertion
from rocketship.template.scope import Scope
from rocketship.values import Json, Location
from tests.fixtures.waiting import result_of

BODY: Json = {
    "user": {"name": "Ada", "age": 31},
    "id": 42,
    "id_text": "42",
    "yes": "true",
    "none": None,
    "poem": "one\ntwo\n",
}
SCOPE = Scope(
    vars={"age": 31, "path": ".user.age", "code": "42"},
    env={"TOKEN": "s3cret-token"},
    saved={"id": 42, "yes": True, "baseline": 0.2},
)


@dataclass
class FakeFiles:
    contents: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        if path not in self.contents:
            raise ConfigError(f"{path}: was not collected with the run")
        return self.contents[path]


def document(outcome: Outcome) -> Json:
    if outcome.subject is None:
        raise AssertionFailed("the body is not JSON")
    body: Json = outcome.subject
    return body


def observe_header(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    headers = {"content-length": "12", "x-empty": ""}
    if options["name"] not in headers:
        return Absent(f"there is no header {options['name']}")
    return Found(headers[options["name"]])


HEADER = Observable(
    "A header.",
    observe_header,
    options=Object(Field("name", Text(empty=False), required=True)),
    target="name",
    matches=lambda actual, expected: (actual or "") == expected,
)
JSON_PATH = json_path.for_assertions(document)
DURATION = Observable("The time.", lambda outcome, options: Found(1.25))


def check(
    expected: Json = None,
    operator: str = "equals",
    *,
    kind: str = "json_path",
    observable: Observable = JSON_PATH,
    subject: Any = BODY,
    soft: bool = False,
    files: Mapping[str, bytes] | None = None,
    redactor: Redactor | None = None,
    **options: Json,
) -> AssertionResult:
    entry = Assertion(kind, operator, expected, options, soft, Location("suite.yaml", 7))
    outcome = Outcome(subject=subject)
    shipped = FakeFiles(dict(files or {}))
    return result_of(evaluate(entry, observable, outcome, SCOPE, shipped, redactor))


def header(name: str, expected: Json = None, operator: str = "equals") -> AssertionResult:
    return check(expected, operator, kind="header", observable=HEADER, name=name)


def duration(expected: Json, operator: str = "less") -> AssertionResult:
    return check(expected, operator, kind="duration", observable=DURATION)


def test_evaluate_passing_assertion_gives_a_result_without_message():
    assert check(31, path=".user.age", soft=True) == AssertionResult(
        type="json_path",
        target=".user.age",
        operator="equals",
        passed=True,
        expected=31,
        actual=31,
        soft=True,
        line=7,
    )


def test_evaluate_failing_assertion_tells_expected_and_actual():
    assert check(30, path=".user.age") == AssertionResult(
        type="json_path",
        target=".user.age",
        operator="equals",
        passed=False,
        message="json_path .user.age: expected 30, got 31",
        expected=30,
        actual=31,
        line=7,
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            partial(check, "42", path=".id"),
            'expected "42", got 42 (expected a string, got a number)',
        ),
        (partial(check, None, path=".id"), "expected null, got 42"),
        (partial(check, 5, "not_equals", path=".id"), ""),
        (partial(check, 42, "not_equals", path=".id"), "expected anything but 42, got 42"),
        (partial(check, 42, "less", path=".id"), "expected less than 42, got 42"),
        (partial(check, 43, "greater_or_equal", path=".id"), "expected at least 43, got 42"),
        (partial(check, "x", "contains", path=".id_text"), 'something that contains "x", got "42"'),
        (partial(check, "x", "starts_with", path=".none"), "got null (null is not text)"),
        (partial(check, [1, 2], "one_of", path=".id"), "expected one of [1,2], got 42"),
        (
            partial(check, "array", "type", path=".id"),
            'expected the type "array", got 42 (it is a number)',
        ),
        (partial(check, 3, "length", path=".id_text"), 'the length 3, got "42" (the length is 2)'),
        (partial(check, None, "exists", path=".nope"), "expected a value, got null"),
        (
            partial(check, None, "exists", path="empty"),
            "a value, got nothing (the JSON path yields nothing)",
        ),
        (partial(check, None, "not_exists", path=".id"), "expected no value, got 42"),
        (partial(check, None, "is_null", path=".id"), "expected null, got 42"),
        (
            partial(check, 1, "less", path="empty"),
            "less than 1, got nothing (the JSON path yields nothing)",
        ),
        (partial(check, 1, "not_equals", path="empty"), "anything but 1, got nothing"),
        (
            partial(check, {"type": "string"}, "schema", path=".id"),
            "fits the schema, got 42 (.: 42 is not of",
        ),
        (
            partial(header, "x-nope", "a"),
            'header x-nope: expected "a", got nothing (there is no header x-nope)',
        ),
    ],
)
def test_evaluate_message_says_what_was_expected_and_found(make, message):
    result = make()
    assert message in result.message
    assert result.passed is (message == "")


@pytest.mark.parametrize(
    "make",
    [
        partial(check, None, path=".none"),
        partial(check, None, path=".nope"),
        partial(check, None, path="empty"),
        partial(check, None, "exists", path=".id"),
        partial(check, None, "not_null", path=".id"),
        partial(check, None, "not_exists", path=".nope"),
        partial(check, None, "not_exists", path=".none"),
        partial(check, None, "not_exists", path="empty"),
        partial(check, None, "is_null", path=".none"),
        partial(check, None, "is_null", path="empty"),
        partial(check, [None, 1], "one_of", path="empty"),
        partial(header, "x-nope", None, "not_exists"),
        partial(header, "x-empty", None, "exists"),
        partial(header, "x-nope", ""),
        partial(header, "x-empty", ""),
        partial(header, "content-length", "12"),
        partial(header, "content-length", ["11", "12"], "one_of"),
        partial(header, "content-length", 100, "less"),
    ],
)
def test_evaluate_presence_of_values_and_headers_passes(make):
    result = make()
    assert result.passed, result.message


@pytest.mark.parametrize(
    ("expected", "path"),
    [
        ("{{ .vars.age }}", ".user.age"),
        ("{{ .vars.age }}", "{{ .vars.path }}"),
        ("{{ id }}", ".id"),
        ("{{ id }}", ".id_text"),
        ("{{ yes }}", ".yes"),
        ({"name": "Ada", "age": "{{ .vars.age }}"}, ".user"),
    ],
)
def test_evaluate_templates_are_rendered_with_their_types(expected, path):
    result = check(expected, path=path)
    assert result.passed, result.message
    assert not check(expected, "not_equals", path=path).passed


def test_evaluate_text_variable_does_not_equal_a_number():
    result = check("{{ .vars.code }}", path=".id")
    assert (result.passed, result.expected) == (False, "42")


def test_evaluate_number_as_literal_does_not_equal_text():
    assert not check(42, path=".id_text").passed


@pytest.mark.parametrize("field", ["expected", "path"])
def test_evaluate_unknown_name_fails_with_its_message(field):
    arguments: dict[str, Any] = {"expected": 1, "path": ".id", field: "{{ nope }}"}
    result = check(**arguments)
    assert not result.passed
    assert f'{field}: there is no saved value "nope" (saved so far: baseline' in result.message
    assert result.expected is None


def test_evaluate_wrong_option_type_fails_with_its_message():
    result = check(1, path=5)
    assert result.message == "json_path: path: expected a jq program, found the number 5"


def test_evaluate_body_that_cannot_be_observed_fails():
    result = check(31, path=".id", subject=None)
    assert (result.passed, result.expected, result.actual) == (False, 31, None)
    assert result.message == "json_path .id: the body is not JSON"


def test_evaluate_failing_program_fails():
    assert "error evaluating JSON path: cannot read" in check(1, path=".id.x").message


@pytest.mark.parametrize(
    ("expected", "operator", "passed"),
    [
        ("2s", "less", True),
        ("1250ms", "less_or_equal", True),
        ("500ms", "less", False),
        ("1s", "greater", True),
        ("1.25s", "equals", True),
        (["1s", "1.25s"], "one_of", True),
        ("{{ baseline }}s", "greater", True),
        (2, "less", False),
        ("fast", "less", False),
        (None, "equals", False),
        (None, "exists", True),
        ("number", "type", True),
    ],
)
def test_evaluate_duration_compares_with_durations(expected, operator, passed):
    assert duration(expected, operator).passed is passed


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ("500ms", "duration: expected less than 500ms, got 1.2s"),
        (500, "a duration needs a unit: 500ms or 500s"),
        ("fast", '"fast" is not a duration'),
    ],
)
def test_evaluate_duration_message_has_units(expected, message):
    assert message in duration(expected).message


def test_evaluate_containers_and_long_text_have_a_diff():
    shown = check({"name": "Ada", "age": 30}, path=".user").diff
    assert shown is not None
    assert '-  "age": 30,\n+  "age": 31,\n' in shown
    assert check("one\n2\n", path=".poem").diff is not None
    assert check({"name": "Ada", "age": 31}, path=".user").diff is None


def test_evaluate_long_value_is_left_out_of_a_message_with_a_reason():
    result = check(3, "length", path="[range(40)]")
    assert result.message == "json_path [range(40)]: expected the length 3, but the length is 40"
    assert result.actual == list(range(40))


def test_evaluate_schema_is_read_from_a_file():
    files = {"user.json": b'{"required": ["name", "age"]}', "bad.json": b"{"}
    assert check("user.json", "schema", path=".user", files=files).passed
    assert (
        "bad.json: not a JSON Schema" in check("bad.json", "schema", path=".", files=files).message
    )
    assert "no.json: was not collected" in check("no.json", "schema", path=".", files=files).message


def test_evaluate_shows_the_beginning_of_a_huge_text_and_no_secret_in_it():
    redactor = Redactor(["hunter22"])
    huge = "hunter22" + "x" * (MAX_VALUE_CHARACTERS // 2 - 12) + "hunter22" + "x" * (1 << 20)
    result = check("short", path=".", subject=huge, redactor=redactor)
    assert result.message.startswith('json_path .: expected "short", got "***xxx')
    assert result.message.endswith(f"… ({len(huge)} characters)")
    assert len(result.message) < 400
    assert isinstance(result.actual, str)
    assert result.actual.endswith(f"x***… ({len(huge)} characters)")
    assert "hunt" not in result.actual


def test_evaluate_long_values_are_shortened_in_messages_and_bounded_in_results():
    result = check("x", path=".", subject="y" * 100_000)
    assert len(result.message) < 400
    assert result.message.endswith("… (100002 characters)")
    assert isinstance(result.actual, str)
    assert MAX_VALUE_CHARACTERS < len(result.actual) < MAX_VALUE_CHARACTERS + 40
    wide = check([], path=".", subject=["y" * 100] * 1000)
    assert isinstance(wide.actual, str)
    assert check("x", path=".", subject=["y" * 100] * 10).actual == ["y" * 100] * 10


def test_evaluate_long_reason_is_shortened():
    schema: Json = {"const": "z" * 5000}
    assert len(check(schema, "schema", path=".id").message) < MAX_MESSAGE_CHARACTERS + 40


def test_evaluate_removes_secrets_before_shortening():
    secret = "s3cret-token"
    body = "x" * 195 + secret + "y" * 100_000
    result = check(
        "{{ .env.TOKEN }}",
        path=f'. | "{secret}" as $x | .',
        subject=body,
        redactor=Redactor([secret]),
    )
    shown = repr(result)
    assert "s3cret" not in shown
    assert result.expected == "***"
    assert result.target == '. | "***" as $x | .'
