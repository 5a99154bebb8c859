"""One run on a page: what failed first, then everything else, and the log."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import chain

from rocketship.dataclass import dataclass
from rocketship.engine.service import RunDetails
from rocketship.errors import RocketshipError
from rocketship.reports.formats import FORMATS
from rocketship.run.events import Recorded
from rocketship.run.narrate import Line, Narrator
from rocketship.run.result import StepResult, TestResult
from rocketship.server.web.pages.waterfall import Bar, phase_bars, step_bars

#: Tests shown with all their steps; the others are loaded when they are opened.
MAX_OPEN = 25
MAX_TESTS = 2000
MAX_LINES = 500
#: What a context has for people, in the order they look for it.
_FACTS = {
    "branch": "Branch",
    "commit": "Commit",
    "source": "Source",
    "trigger": "Trigger",
    "schedule_name": "Schedule",
    "project_id": "Project",
    "rerun_of": "Rerun of",
}


@dataclass(frozen=True, slots=True)
class StepView:
    """A step, its bar in the waterfall of its test, and one for each phase of its call."""

    step: StepResult
    bar: Bar
    phases: tuple[tuple[str, float, Bar], ...]


@dataclass(frozen=True, slots=True)
class TestView:
    """A test; without its steps when they are loaded later."""

    __test__ = False

    test: TestResult
    title: str
    steps: tuple[StepView, ...] | None


@dataclass(frozen=True, slots=True)
class RunView:
    """Everything the template shows."""

    details: RunDetails
    facts: tuple[tuple[str, str], ...]
    tests: tuple[TestView, ...]
    hidden_tests: int
    lines: tuple[Line, ...]
    hidden_lines: int
    formats: tuple[str, ...]


def run_view(details: RunDetails) -> RunView:
    """Lay a run out: units that failed come first, each in the order of the file."""
    units = sorted(details.result.units, key=lambda unit: not unit.status.bad)
    shown = units[:MAX_TESTS]
    narrator = Narrator()
    lines = list(chain.from_iterable(narrator.lines(item.event) for item in details.events))
    return RunView(
        details=details,
        facts=tuple(_facts(details)),
        tests=tuple(
            test_view(unit, whole=unit.status.bad and index < MAX_OPEN)
            for index, unit in enumerate(shown)
        ),
        hidden_tests=len(units) - len(shown),
        lines=tuple(lines[-MAX_LINES:]),
        hidden_lines=max(len(lines) - MAX_LINES, 0),
        formats=tuple(FORMATS),
    )


def test_view(unit: TestResult, *, whole: bool) -> TestView:
    """Lay a test, or the suite's init or cleanup, out."""
    title = f"suite {unit.unit}" if unit.unit in ("init", "cleanup") else unit.name
    if not whole:
        return TestView(unit, title, None)
    bars = step_bars(unit)
    steps = (
        StepView(step, bar, tuple(phase_bars(_phases(step))))
        for step, bar in zip(unit.steps, bars, strict=True)
    )
    return TestView(unit, title, tuple(steps))


def _phases(step: StepResult) -> dict[str, float]:
    """Return the phases of a step's call; their sum is the bar of the step already."""
    return {name: seconds for name, seconds in step.timings.items() if name != "total"}


async def log_text(pages: AsyncGenerator[list[Recorded]]) -> AsyncGenerator[str]:
    """Yield the log of a run as text, a part for each page of its events."""
    narrator = Narrator()
    try:
        async for page in pages:
            lines = chain.from_iterable(narrator.lines(item.event) for item in page)
            yield "".join(f"{line.message}\n" for line in lines)
    except RocketshipError as error:
        # The beginning is with the reader already, who must not take it for the whole.
        yield f"The log cannot be read any further: {error.message}\n"


def _facts(details: RunDetails) -> list[tuple[str, str]]:
    context = details.record.context
    named = [(label, str(context[key])) for key, label in _FACTS.items() if context.get(key)]
    other = [
        (str(key), str(value))
        for key, value in context.items()
        if key not in _FACTS and value and not str(key).startswith("rs_")
    ]
    return [*named, *other]
