"""A suite as written: the checked, immutable shape that everything after parsing works with.

Values that may hold templates stay as they were written (`Json`); the interpreter renders and
converts them when they are needed, with the field descriptions the parser checked them against.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from rocketship.dataclass import dataclass
from rocketship.values import Json, Location

#: The budget of cleanup after the run's own deadline, unless a suite sets `cleanup_timeout`.
DEFAULT_CLEANUP_TIMEOUT_SECONDS = 600.0
#: `retry` without `maximum_attempts`.
DEFAULT_MAXIMUM_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Assertion:
    """What must hold after a step; `options` has the keys of its type, such as `path` or `name`."""

    type: str
    operator: str
    expected: Json
    options: Mapping[str, Json]
    soft: bool
    location: Location


@dataclass(frozen=True, slots=True)
class Save:
    """A value to keep: `source` is the key that says from where, `argument` its value."""

    name: str
    source: str
    argument: Json
    required: bool
    redact: bool
    location: Location


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `config` already has the suite's `defaults` for its plugin merged under it."""

    name: str
    plugin: str
    config: Mapping[str, Json]
    location: Location
    assertions: tuple[Assertion, ...] = ()
    saves: tuple[Save, ...] = ()
    retry: Mapping[str, Json] | None = None
    timeout: Json = None
    condition: str | None = None
    continue_on_failure: Json = False
    replay: str | None = None


@dataclass(frozen=True, slots=True)
class Cleanup:
    """Steps that run at the end: always, and before them on failure."""

    on_failure: tuple[Step, ...] = ()
    always: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Test:
    """One test; `skip` is false, true, or the reason.

    `runs_on` takes the place of the suite's labels, also when it is empty, unless it is None.
    """

    __test__ = False

    id: str
    name: str
    location: Location
    steps: tuple[Step, ...]
    init: tuple[Step, ...] = ()
    cleanup: Cleanup = Cleanup()
    description: str = ""
    tags: tuple[str, ...] = ()
    timeout: Json = None
    skip: Json = False
    runs_on: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Suite:
    """A whole suite file, before variables are known.

    `runs_on` are the labels a worker must have.
    """

    name: str
    location: Location
    tests: tuple[Test, ...]
    init: tuple[Step, ...] = ()
    cleanup: Cleanup = Cleanup()
    description: str = ""
    vars: Mapping[str, Json] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    timeout: Json = None
    cleanup_timeout: Json = None
    concurrency: Json = None
    openapi: Mapping[str, Json] | None = None
    runs_on: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step of the suite in document order: suite init, each test, suite cleanup."""
        found = list(self.init)
        for test in self.tests:
            found += [*test.init, *test.steps, *test.cleanup.on_failure, *test.cleanup.always]
        return (*found, *self.cleanup.on_failure, *self.cleanup.always)
