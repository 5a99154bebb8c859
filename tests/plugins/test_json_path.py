from __future__ import annotations

import pytest

from rocketship.errors import AssertionFailed, StepError
from rocketship.plugins import json_path
from rocketship.plugins.api import Absent, Found, Outcome
from rocketship.suite.fields import Jq
from rocketship.values import Json
from tests.fixtures.waiting import result_of


def document(outcome: Outcome) -> Json:
    if outcome.subject is None:
        raise AssertionFailed("the body is empty")
    body: Json = outcome.subject
    return body


OUTCOME = Outcome(subject={"a": {"b": 1}, "none": None})


@pytest.mark.parametrize(
    ("program", "found"),
    [
        (".a.b", Found(1)),
        (".none", Found(None)),
        (".nope", Found(None)),
        (".a | keys", Found(["b"])),
        ("empty", Absent("the JSON path yields nothing")),
    ],
)
def test_json_path_gives_the_first_output(program, found):
    assertion = json_path.for_assertions(document)
    assert result_of(assertion.look(OUTCOME, {"path": program})) == found
    save = json_path.for_saves(document)
    assert result_of(save.look(OUTCOME, {"json_path": program})) == found


def test_json_path_failing_program_raises_its_reason():
    observable = json_path.for_assertions(document)
    with pytest.raises(AssertionFailed, match=r"error evaluating JSON path: cannot read key"):
        result_of(observable.look(OUTCOME, {"path": ".a.b.c"}))


def test_json_path_without_document_passes_the_reason_on():
    with pytest.raises(StepError, match="the body is empty"):
        result_of(json_path.for_saves(document).look(Outcome(), {"json_path": ".a"}))


def test_json_path_describes_its_keys():
    assert json_path.for_assertions(document).target == "path"
    assert json_path.for_assertions(document).options.fields["path"].required
    assert isinstance(json_path.for_saves(document).argument, Jq)
