"""A plugin that does what its configuration says, and a way to run units of its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rocketship.errors import ConnectionFailed, ScriptError
from rocketship.interpreter.context import UnitJob
from rocketship.interpreter.host import UnitKind, UnitRef
from rocketship.interpreter.plan import Plan, PlannedStep, PlannedTest, PlannedUnit
from rocketship.interpreter.unit import UnitOutcome, run_unit
from rocketship.plugins.api import Absent, Call, Found, Observable, Outcome, Plugin
from rocketship.redaction import Redactor
from rocketship.run.events import StepFinished, TestInfo
from rocketship.suite.fields import AnyJson, Field, Integer, Object, Text
from rocketship.suite.model import Assertion, Save, Step
from rocketship.testing import FakeFiles, FakeHost
from rocketship.values import JsonObject, Location

HERE = Location("suite.yaml", 1, 1)


#: A value that neither assertions nor saves can look at.
UNREADABLE = "unreadable"
#: One that takes for ever to look at.
ENDLESS = "endless"


async def _observe(outcome: Outcome, options: Mapping[str, Any]) -> Found | Absent:
    if outcome.subject == ENDLESS:
        await asyncio.Event().wait()
    if outcome.subject == UNREADABLE:
        raise ValueError("cannot be read")
    return Absent("nothing was returned") if outcome.subject is None else Found(outcome.subject)


@dataclass
class Gate:
    """Lets a test stop a step in its middle."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    open: asyncio.Event = field(default_factory=asyncio.Event)


class Probe(Plugin):
    """Records its calls; `do` says what happens: ok, fail, crash, wait, script."""

    name = "probe"
    summary = "Does what it is told."
    config = Object(
        Field("id", Text(), required=True),
        Field("do", Text(), default="ok"),
        Field("value", AnyJson()),
        Field("times", Integer(), default=0),
        Field("safe", Text(), default="yes"),
        Field("password", Text(), secret=True),
    )
    assertions = {"value": Observable("The value.", _observe)}
    saves = {"value": Observable("The value.", _observe)}

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.seen: list[Call] = []
        self.gates: dict[str, Gate] = {}

    async def run(self, call: Call) -> Outcome:
        name = call.config["id"]
        self.calls.append(name)
        self.seen.append(call)
        match call.config["do"]:
            case "fail" if (
                not call.config["times"] or self.calls.count(name) <= call.config["times"]
            ):
                raise ConnectionFailed(f"{name} refused")
            case "crash":
                raise RuntimeError("surprise")
            case "wait":
                gate = self.gates.setdefault(name, Gate())
                gate.entered.set()
                await gate.open.wait()
            case "script":
                failure = ScriptError("exit code 3")
                return Outcome(subject=call.config["value"], saved={"out": 3}, failure=failure)
        return Outcome(subject=call.config["value"], request={"said": call.config["password"]})

    def replay_safe(self, config: Mapping[str, Any]) -> bool:
        if config["safe"] == UNREADABLE:
            raise ValueError("cannot be read")
        return bool(config["safe"] == "yes")


class Plugins:
    def __init__(self, probe: Probe) -> None:
        self.probe = probe

    def get(self, name: str) -> Plugin | None:
        return self.probe if name == "probe" else None


def step(name: str, do: str = "ok", *, save: str = "", expect: Any = ..., **keys: Any) -> Step:
    """Return a step whose plugin call is known by the step's name."""
    config = {"id": name, "do": do}
    config |= {key: keys.pop(key) for key in ("value", "times", "safe", "password") if key in keys}
    redact = keys.pop("redact", False)
    saves = (Save(save, "value", True, True, redact, HERE),) if save else ()
    checks = () if expect is ... else (Assertion("value", "equals", expect, {}, False, HERE),)
    return Step(name, "probe", config, HERE, assertions=checks, saves=saves, **keys)


def unit(name: str = "T", *, timeout: float | None = None, **phases: Any) -> PlannedUnit:
    """Return a unit with steps by phase: init, steps, on_failure, always."""
    planned = {
        phase: tuple(PlannedStep(f"{phase}[{i}]", phase, item) for i, item in enumerate(steps))
        for phase, steps in phases.items()
    }
    return PlannedUnit(name, planned, timeout)


def plan(
    *tests: PlannedUnit,
    init: PlannedUnit | None = None,
    cleanup: PlannedUnit | None = None,
    skips: Mapping[int, str] | None = None,
    **changes: Any,
) -> Plan:
    values: dict[str, Any] = {
        "suite": "S",
        "file": "suite.yaml",
        "vars": {},
        "tests": tuple(
            PlannedTest(TestInfo(f"t{i}", test.name, 1), test, (skips or {}).get(i))
            for i, test in enumerate(tests)
        ),
        "init": init,
        "cleanup": cleanup,
        "timeout_seconds": None,
        "cleanup_timeout_seconds": 60.0,
        "concurrency": None,
        "fail_fast": False,
        "workdir": ".",
    }
    return Plan(**{**values, **changes})


@dataclass
class Stage:
    """One unit, its host and its probe."""

    unit: PlannedUnit
    probe: Probe = field(default_factory=Probe)
    kind: UnitKind = UnitKind.TEST
    earlier: JsonObject | None = None
    only_cleanup: bool = False
    plan_changes: dict[str, Any] = field(default_factory=dict)
    job_changes: dict[str, Any] = field(default_factory=dict)
    host: FakeHost = field(init=False)

    def __post_init__(self) -> None:
        attempt = 1 if self.earlier is None else 2
        ref = UnitRef("run", self.kind, 0, attempt, self.only_cleanup)
        self.host = FakeHost(ref, self.earlier)

    async def play(self) -> UnitOutcome:
        roles = {UnitKind.INIT: "init", UnitKind.CLEANUP: "cleanup"}
        if self.kind is UnitKind.TEST:
            whole = plan(self.unit, **self.plan_changes)
        else:
            role: dict[str, Any] = {roles[self.kind]: self.unit}
            whole = plan(**role, **self.plan_changes)
        job = UnitJob(
            plan=whole,
            ref=self.host.unit,
            plugins=Plugins(self.probe),
            files=FakeFiles(),
            redactor=Redactor(),
            **self.job_changes,
        )
        return await run_unit(job, self.host)

    def run(self) -> UnitOutcome:
        return asyncio.run(self.play())

    @property
    def finished(self) -> list[tuple[str, str]]:
        """Names and statuses of the steps that ended, in order."""
        return [
            (event.name, event.status.value)
            for event in self.host.events
            if isinstance(event, StepFinished)
        ]
