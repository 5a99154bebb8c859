"""The events of a run: the one record that store, live view, reports and verdict are folded from.

Every event carries the unit it belongs to and the number of the attempt at that unit, so that a
unit resumed after a lost process overwrites what it repeats instead of adding to it. Events are
plain data: redacted before they are emitted, convertible to JSON and back without loss.
"""

from __future__ import annotations

import dataclasses
from dataclasses import field
from typing import Any, ClassVar, TypeAlias

from rocketship.dataclass import dataclass
from rocketship.run.status import Status
from rocketship.values import Json, JsonObject


@dataclass(frozen=True, slots=True)
class TestInfo:
    """A test as planned: its stable id, its name, and where it is written."""

    __test__: ClassVar[bool] = False

    id: str
    name: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed: the error's type name, a message, and a hint when there is one."""

    type: str
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class AssertionResult:
    """One evaluated assertion.

    `target` names what was looked at (a jq program, a header name), `expected` and `actual` are
    JSON values, `diff` is a unified diff for containers and long text, `line` its line in the suite
    file.
    """

    type: str
    target: str
    operator: str
    passed: bool
    message: str = ""
    expected: Json = None
    actual: Json = None
    diff: str | None = None
    soft: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The run exists and its tests are known, in document order."""

    kind: ClassVar[str] = "run_started"
    at: float
    suite: str
    file: str
    tests: tuple[TestInfo, ...]
    context: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TestStarted:
    """A unit began: `unit` is `init`, `t-N`, or `cleanup`; `name` is what people see."""

    __test__: ClassVar[bool] = False
    kind: ClassVar[str] = "test_started"
    at: float
    unit: str
    attempt: int
    name: str


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A step began. `path` is unique in the unit (`steps[3]`), `phase` is the list it stands in."""

    kind: ClassVar[str] = "step_started"
    at: float
    unit: str
    attempt: int
    path: str
    name: str
    phase: str
    plugin: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """One attempt of a step failed and another follows after `wait_seconds`."""

    kind: ClassVar[str] = "attempt_failed"
    at: float
    unit: str
    attempt: int
    path: str
    number: int
    maximum: int
    failure: Failure
    wait_seconds: float


@dataclass(frozen=True, slots=True)
class StepFinished:
    """A step ended, or was skipped (`reason` says why).

    `request`, `response` and `timings` (phase name to seconds) are what the plugin chose to show,
    `reproduce` a command line that repeats the call, `saved` the saved names with their (redacted)
    values, `contract` the operation of an API description that was used (`run/contracts.py`).
    """

    kind: ClassVar[str] = "step_finished"
    at: float
    unit: str
    attempt: int
    path: str
    name: str
    phase: str
    plugin: str
    status: Status
    duration_seconds: float
    attempts: int = 1
    line: int = 0
    failure: Failure | None = None
    reason: str | None = None
    assertions: tuple[AssertionResult, ...] = ()
    saved: JsonObject = field(default_factory=dict)
    request: Json = None
    response: Json = None
    timings: dict[str, float] = field(default_factory=dict)
    reproduce: str | None = None
    contract: JsonObject | None = None


@dataclass(frozen=True, slots=True)
class TestFinished:
    """A unit ended; `cleanup_failures` counts failed cleanup steps, which never change `status`."""

    __test__: ClassVar[bool] = False
    kind: ClassVar[str] = "test_finished"
    at: float
    unit: str
    attempt: int
    name: str
    status: Status
    duration_seconds: float
    message: str = ""
    cleanup_failures: int = 0


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run ended; emitted exactly once, and always last."""

    kind: ClassVar[str] = "run_finished"
    at: float
    status: Status
    duration_seconds: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class LogEmitted:
    """A line for people: from a log step, a script, or the runner itself (`unit` empty)."""

    kind: ClassVar[str] = "log_emitted"
    at: float
    unit: str
    attempt: int
    path: str
    message: str
    level: str = "info"
    source: str = "log"


Event: TypeAlias = (
    RunStarted
    | TestStarted
    | StepStarted
    | AttemptFailed
    | StepFinished
    | TestFinished
    | RunFinished
    | LogEmitted
)

EVENT_TYPES: dict[str, type[Any]] = {
    cls.kind: cls
    for cls in (
        RunStarted,
        TestStarted,
        StepStarted,
        AttemptFailed,
        StepFinished,
        TestFinished,
        RunFinished,
        LogEmitted,
    )
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the run's sequence, counted from 1 without gaps."""

    seq: int
    event: Event


def encode(event: Event) -> JsonObject:
    """Return the event as JSON; fields that hold their default are left out."""
    return {"kind": event.kind, **_encode_fields(event)}


def decode(data: JsonObject) -> Event:
    """Return the event that `encode` wrote; fields this version does not know are dropped."""
    cls = EVENT_TYPES[str(data["kind"])]
    event: Event = _decode_fields(cls, data)
    return event


def _encode_fields(value: Any) -> JsonObject:
    out: JsonObject = {}
    for name, default in _FIELDS[type(value)]:
        item = getattr(value, name)
        # Most fields hold the very object that is their default.
        if item is not default and (item != default or type(item) is not type(default)):
            out[name] = item if type(item) in _JSON_TYPES else _encode_value(item)
    return out


_JSON_TYPES = frozenset({str, int, float, bool, list, dict, type(None)})


def _encode_value(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_encode_value(item) for item in value]
    if isinstance(value, Status):
        return value.value
    return _encode_fields(value) if type(value) in _FIELDS else value


_NESTED: dict[tuple[str, str], Any] = {
    ("RunStarted", "tests"): lambda items: tuple(_decode_fields(TestInfo, item) for item in items),
    ("StepFinished", "assertions"): lambda items: tuple(
        _decode_fields(AssertionResult, item) for item in items
    ),
    ("StepFinished", "failure"): lambda item: item and _decode_fields(Failure, item),
    ("AttemptFailed", "failure"): lambda item: _decode_fields(Failure, item),
    ("StepFinished", "status"): Status,
    ("TestFinished", "status"): Status,
    ("RunFinished", "status"): Status,
}


def _decode_fields(cls: type[Any], data: JsonObject) -> Any:
    known: dict[str, Any] = {}
    for name, _ in _FIELDS[cls]:
        if name in data:
            convert = _NESTED.get((cls.__name__, name))
            known[name] = convert(data[name]) if convert else data[name]
    return cls(**known)


class _Required:
    """Stands for the default of a field that has none; equal to nothing."""


def _fields(cls: type[Any]) -> tuple[tuple[str, Any], ...]:
    pairs = []
    for item in dataclasses.fields(cls):
        if item.default is not dataclasses.MISSING:
            pairs.append((item.name, item.default))
        elif item.default_factory is not dataclasses.MISSING:
            pairs.append((item.name, item.default_factory()))
        else:
            pairs.append((item.name, _Required))
    return tuple(pairs)


_FIELDS = {cls: _fields(cls) for cls in (*EVENT_TYPES.values(), TestInfo, Failure, AssertionResult)}
