from __future__ import annotations

from typing import Any

import pytest

from rocketship.errors import AssertionFailed, ConfigError, TemplateError
from rocketship.plugins import json_path
from rocketship.plugins.api import Absent, Found, Observable, Outcome
from rocketship.plugins.saves import MAX_SAVED_CHARACTERS, extract
from rocketship.suite.model import Save
from rocketship.template.scope import Scope
from rocketship.values import Json, Location
from tests.fixtures.waiting import result_of

BODY: Json = {"id": 9007199254740993, "price": 19.99, "user": {"name": "Ada"}, "none": None}
SCOPE = Scope(vars={"key": "price", "list": [1]})


def document(outcome: Outcome) -> Json:
    if outcome.subject is None:
        raise AssertionFailed("the body is not JSON")
    body: Json = outcome.subject
    return body


JSON_PATH = json_path.for_saves(document)


def save(argument: Json, *, required: bool = True, subject: Any = BODY) -> Found | Absent:
    entry = Save("kept", "json_path", argument, required, False, Location("suite.yaml", 3))
    return result_of(extract(entry, JSON_PATH, Outcome(subject=subject), SCOPE))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (".id", 9007199254740993),
        (".price", 19.99),
        (".user", {"name": "Ada"}),
        (".user.name", "Ada"),
        (".user | length", 1),
        (".none == null", True),
        (".{{ .vars.key }}", 19.99),
    ],
)
def test_extract_keeps_the_value_with_its_type(path, value):
    assert save(path) == Found(value)


@pytest.mark.parametrize(
    ("path", "subject", "reason"),
    [
        (".none", BODY, "the value is null"),
        (".nope", BODY, "the value is null"),
        ("empty", BODY, "the JSON path yields nothing"),
        (".id.x", BODY, 'error evaluating JSON path: cannot read key "x" of a number'),
        (".id", None, "the body is not JSON"),
    ],
)
def test_extract_missing_value_fails_only_when_required(path, subject, reason):
    with pytest.raises(AssertionFailed) as caught:
        save(path, subject=subject)
    assert caught.value.message == f'cannot save "kept" from json_path {path}: {reason}'
    assert caught.value.hint is not None
    assert save(path, required=False, subject=subject) == Absent(reason)


def test_extract_unknown_name_in_the_path_is_an_error_even_when_optional():
    with pytest.raises(TemplateError, match=r"^save\.json_path: there is no saved value"):
        save(".{{ nope }}", required=False)


def test_extract_path_of_the_wrong_type_is_an_error():
    with pytest.raises(ConfigError, match="expected a jq program"):
        save("{{ .vars.list }}")


def test_extract_without_argument_description_passes_the_value_on():
    def observe(outcome: Outcome, options: Any) -> Found:
        return Found(options["status"])

    entry = Save("code", "status", True, True, False, Location("suite.yaml"))
    found = extract(entry, Observable("The status.", observe), Outcome(), Scope())
    assert result_of(found) == Found(True)


@pytest.mark.parametrize("value", ["x" * (MAX_SAVED_CHARACTERS + 1), ["x" * MAX_SAVED_CHARACTERS]])
def test_extract_refuses_a_value_that_is_too_large_to_keep(value):
    with pytest.raises(AssertionFailed, match=r'"kept" from json_path .big: .* more than 4 MiB'):
        save(".big", subject={"big": value}, required=False)
