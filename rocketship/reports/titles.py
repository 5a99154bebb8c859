"""What units are called for people, the same in every output."""

from __future__ import annotations

from rocketship.run.printable import printable
from rocketship.run.result import RunResult, TestResult


def unit_title(run: RunResult, test: TestResult, *, several: bool) -> str:
    """Return the name of a test for people, with its suite when there are several."""
    name = f"suite {test.unit}" if test.unit in ("init", "cleanup") else test.name
    title = f"{run.suite} › {name}" if several and run.suite else name
    return printable(title).replace("\n", " ")


def cleanup_title(run: RunResult, unit: TestResult, *, several: bool) -> str:
    """Return the name of a unit's cleanup for people; suite cleanup is a unit of its own."""
    title = unit_title(run, unit, several=several)
    return title if unit.unit == "cleanup" else f'cleanup of "{title}"'
