from __future__ import annotations

import pytest

from rocketship.errors import AssertionFailed, StepError
from rocketship.plugins import json_path
from rocketship.plugins.api import Absent, Found, Outcome
from rocketship.suite.fields import Jq
from rocketship.values import Json


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
    assert json_path.for_assertions(document).observe(OUTCOME, {"path": program}) == found
    assert json_path.for_saves(document).observe(OUTCOME, {"json_path": program}) == found


def test_json_path_failing_program_raises_its_reason():
    observable = json_path.for_assertions(document)
    with pytest.raises(AssertionFailed, match=r"error evaluating JSON path: cannot read key"):
        observable.observe(OUTCOME, {"path": ".a.b.c"})


def test_json_path_without_document_passes_the_reason_on():
    with pytest.raises(StepError, match="the body is empty"):
        json_path.for_saves(document).observe(Outcome(), {"json_path": ".a"})


def test_json_path_describes_its_keys():
    assert json_path.for_assertions(document).target == "path"
    assert json_path.for_assertions(document).options.fields["path"].required
    assert isinstance(json_path.for_saves(document).argument, Jq)
