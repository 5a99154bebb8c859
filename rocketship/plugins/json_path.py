"""The observable `json_path`, for every plugin that has a JSON document to look into."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import AssertionFailed
from rocketship.plugins.api import Absent, Found, Observable, Observation, Outcome
from rocketship.suite.fields import Field, Jq, Object
from rocketship.template import document as texts
from rocketship.template import query
from rocketship.values import Json

_DOC = "The first output of a jq program."


@dataclass(frozen=True, slots=True)
class Unread:
    """JSON that is too large to be read in this process.

    Attributes:
        text: The JSON.
        complaint: Returns the failure of the observation when it cannot be read, from what is said
            of the text then: `is not JSON`.
    """

    text: bytes
    complaint: Callable[[str], AssertionFailed]


def for_assertions(document: Callable[[Outcome], Json | Unread]) -> Observable:
    """Return the `json_path` of assertions, whose program is in the key `path`.

    Args:
        document: Returns the outcome's JSON, unread where it is large, or raises StepError when it
            has none.
    """
    path = Field("path", Jq(), "A jq program; its first output is compared.", required=True)

    async def observe(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
        return await _first(options["path"], document(outcome))

    return Observable(_DOC, observe, options=Object(path), target="path")


def for_saves(document: Callable[[Outcome], Json | Unread]) -> Observable:
    """Return the `json_path` of saves, whose program is the value of the key itself.

    Args:
        document: Returns the outcome's JSON, unread where it is large, or raises StepError when it
            has none.
    """

    async def observe(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
        return await _first(options["json_path"], document(outcome))

    return Observable(_DOC, observe, argument=Jq())


async def _first(program: str, document: Json | Unread) -> Observation:
    try:
        if isinstance(document, Unread):
            outputs = await texts.first(program, document.text)
        else:
            outputs = await query.first(program, document)
    except texts.NotJson as error:
        assert isinstance(document, Unread)
        raise document.complaint(str(error)) from None
    except query.QueryError as error:
        raise AssertionFailed(f"error evaluating JSON path: {error}") from None
    return Found(outputs[0]) if outputs else Absent("the JSON path yields nothing")
