"""`rocketship run --dry-run`: shows the plan without an engine and without running anything."""

from __future__ import annotations

from rocketship.cli.console import standard_console
from rocketship.cli.context import plugin_registry
from rocketship.cli.running import RunRequest, prepare
from rocketship.engine.planning import Planner
from rocketship.interpreter.plan import Plan, PlannedUnit
from rocketship.run.printable import printable

_TITLES = {
    "init": "init",
    "steps": "steps",
    "on_failure": "cleanup on failure",
    "always": "cleanup",
}


def show_plan(request: RunRequest) -> int:
    """Print every unit and step that would run, in order."""
    console = standard_console()
    planner = Planner(plugin_registry())
    for launch in prepare(console, request):
        plan, _ = planner.plan(launch.spec, launch.env, "dry-run")
        console.print(console.paint(printable(f"{plan.suite} ({plan.file})"), bold=True))
        for text in _lines(plan):
            console.print(printable(text))
        console.print()
    return 0


def _lines(plan: Plan) -> list[str]:
    lines = _unit_lines(plan.init, "suite init") if plan.init else []
    for test in plan.tests:
        skip = f" [skipped: {test.skip}]" if test.skip else ""
        lines += _unit_lines(test.unit, f"test {test.info.id}: {test.info.name}{skip}")
    return lines + (_unit_lines(plan.cleanup, "suite cleanup") if plan.cleanup else [])


def _unit_lines(unit: PlannedUnit, title: str) -> list[str]:
    lines = [f"  {title}"]
    for phase, steps in unit.phases.items():
        lines += [
            f"    {_TITLES[phase]}: {planned.step.name} ({planned.step.plugin})"
            for planned in steps
        ]
    return lines
