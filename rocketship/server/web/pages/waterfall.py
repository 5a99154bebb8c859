"""When the steps of a test ran, as bars on one scale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rocketship.dataclass import dataclass
from rocketship.run.result import StepResult, TestResult

#: The scale's length, in the units of the drawing.
WIDTH = 1000.0
#: Shorter bars could not be seen.
MIN_WIDTH = 2.0


@dataclass(frozen=True, slots=True)
class Bar:
    """From where to where a bar goes, in units of a scale of `WIDTH`."""

    x: float
    width: float


def step_bars(test: TestResult) -> list[Bar]:
    """Return a bar for each step of a test, on the scale of the test."""
    spans = [_span(step) for step in test.steps]
    return _bars(spans)


def phase_bars(timings: dict[str, float]) -> list[tuple[str, float, Bar]]:
    """Return name, seconds and bar of each phase of a call, one after the other."""
    spans, begun = [], 0.0
    for seconds in timings.values():
        spans.append((begun, begun + seconds))
        begun += seconds
    return list(zip(timings, timings.values(), _bars(spans), strict=True))


def _span(step: StepResult) -> tuple[float, float]:
    return step.started_at, step.started_at + step.duration_seconds


def _bars(spans: Sequence[tuple[float, float]]) -> list[Bar]:
    if not spans:
        return []
    start = min(begin for begin, _ in spans)
    scale = WIDTH / max(_longest(spans, start), 1e-9)
    return [_bar((begin - start) * scale, (end - begin) * scale) for begin, end in spans]


def _longest(spans: Iterable[tuple[float, float]], start: float) -> float:
    return max(end - start for _, end in spans)


def _bar(x: float, width: float) -> Bar:
    width = max(width, MIN_WIDTH)
    return Bar(round(min(x, WIDTH - width), 1), round(width, 1))
