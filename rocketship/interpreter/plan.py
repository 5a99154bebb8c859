"""From a suite to a plan: tests selected, names rendered, limits converted, steps numbered by path.

A plan is immutable and a pure function of the run's specification, so a recovered run is planned
again instead of being stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError, InvalidSuite, TemplateError
from rocketship.interpreter.selection import select
from rocketship.run.events import TestInfo
from rocketship.run.spec import RunSpec
from rocketship.suite.fields import Boolean, Duration, Integer, Kind
from rocketship.suite.model import DEFAULT_CLEANUP_TIMEOUT_SECONDS, Step, Suite, Test
from rocketship.template.render import render
from rocketship.template.scope import Scope
from rocketship.values import Json, JsonObject, Location, to_text


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with its place: `path` is unique in its unit, `phase` names the list it stands in."""

    path: str
    phase: str
    step: Step


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """The steps of a unit by phase: init, steps, on_failure, always."""

    name: str
    phases: Mapping[str, tuple[PlannedStep, ...]]
    timeout_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """A selected test; `skip` is the reason it is not run, or None.

    `runs_on` are the labels a worker must have to run it.
    """

    info: TestInfo
    unit: PlannedUnit
    skip: str | None = None
    runs_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A run as it will be carried out; `plugins` are those of the whole suite.

    `runs_on` are the labels a worker must have for its init and cleanup.
    """

    suite: str
    file: str
    vars: JsonObject
    tests: tuple[PlannedTest, ...]
    init: PlannedUnit | None
    cleanup: PlannedUnit | None
    timeout_seconds: float | None
    cleanup_timeout_seconds: float
    concurrency: int | None
    fail_fast: bool
    workdir: str
    blocks: Mapping[str, Json] = field(default_factory=dict)
    plugins: frozenset[str] = frozenset()
    runs_on: tuple[str, ...] = ()


def compile_plan(suite: Suite, spec: RunSpec, env: Mapping[str, str], run_id: str) -> Plan:
    """Return the plan of a checked suite.

    Raises:
        InvalidSuite: A name or limit cannot be rendered, or has the wrong type once rendered.
        UsageError: The tag expression of the selection cannot be read.
    """
    writer = _Writer(Scope(vars=spec.vars, env=env, run={"id": run_id, "suite": suite.name}))
    name = writer.text(suite.name, suite.location)
    timeout = writer.convert(suite.timeout, Duration(), "timeout", suite.location)
    concurrency = writer.convert(suite.concurrency, Integer(1), "concurrency", suite.location)
    budget = writer.convert(suite.cleanup_timeout, Duration(), "cleanup_timeout", suite.location)
    chosen = select(suite.tests, spec.selection, suite.tags)
    openapi: JsonObject = {"openapi": dict(suite.openapi)} if suite.openapi else {}
    return Plan(
        suite=name,
        file=spec.file,
        vars=spec.vars,
        tests=tuple(_plan_test(test, writer, suite.runs_on) for test in chosen),
        init=_plan_init(suite),
        cleanup=_plan_cleanup(suite),
        timeout_seconds=spec.timeout_seconds or timeout,
        cleanup_timeout_seconds=budget or DEFAULT_CLEANUP_TIMEOUT_SECONDS,
        concurrency=spec.concurrency or concurrency,
        fail_fast=spec.fail_fast,
        workdir=spec.workdir,
        blocks=openapi,
        plugins=frozenset(step.plugin for step in suite.steps),
        runs_on=suite.runs_on,
    )


def _plan_init(suite: Suite) -> PlannedUnit | None:
    if not suite.init:
        return None
    return PlannedUnit("suite init", {"init": _number("init", "init", suite.init)})


def _plan_cleanup(suite: Suite) -> PlannedUnit | None:
    if not (suite.cleanup.on_failure or suite.cleanup.always):
        return None
    phases = {
        "on_failure": _number("cleanup.on_failure", "on_failure", suite.cleanup.on_failure),
        "always": _number("cleanup.always", "always", suite.cleanup.always),
    }
    return PlannedUnit("suite cleanup", phases)


def _plan_test(test: Test, writer: _Writer, runs_on: tuple[str, ...]) -> PlannedTest:
    name = writer.text(test.name, test.location)
    phases = {
        "init": _number("init", "init", test.init),
        "steps": _number("steps", "steps", test.steps),
        "on_failure": _number("cleanup.on_failure", "on_failure", test.cleanup.on_failure),
        "always": _number("cleanup.always", "always", test.cleanup.always),
    }
    timeout = writer.convert(test.timeout, Duration(), "timeout", test.location)
    return PlannedTest(
        TestInfo(test.id, name, test.location.line),
        PlannedUnit(name, phases, timeout),
        writer.skip_reason(test),
        runs_on if test.runs_on is None else test.runs_on,
    )


def _number(prefix: str, phase: str, steps: tuple[Step, ...]) -> tuple[PlannedStep, ...]:
    return tuple(PlannedStep(f"{prefix}[{i}]", phase, step) for i, step in enumerate(steps))


class _Writer:
    """Renders what must be known before a run starts, with positions in its complaints."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def text(self, value: str, location: Location) -> str:
        return to_text(self._render(value, "name", location))

    def convert(self, value: Json, kind: Kind, key: str, location: Location) -> Any:
        rendered = self._render(value, key, location)
        if rendered is None:
            return None
        try:
            return kind.convert(rendered, key)
        except ConfigError as error:
            raise InvalidSuite(f"{location}: {error.message}") from error

    def skip_reason(self, test: Test) -> str | None:
        value = self._render(test.skip, "skip", test.location)
        try:
            return "skipped by the suite" if Boolean().convert(value, "skip") else None
        except ConfigError:
            return to_text(value) or None

    def _render(self, value: Json, key: str, location: Location) -> Json:
        try:
            return render(value, self._scope, key)
        except TemplateError as error:
            raise InvalidSuite(f"{location}: {error.message}", hint=error.hint) from error
