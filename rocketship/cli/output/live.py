"""Runs on a terminal: running tests at the bottom, finished ones scrolling above them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from rich.cells import cell_len

from rocketship.cli.console import Console
from rocketship.cli.output.detail import BRIEF, Detail
from rocketship.cli.output.frame import Frame, fit
from rocketship.cli.output.summary import print_results
from rocketship.dataclass import dataclass
from rocketship.run.events import (
    AttemptFailed,
    Event,
    LogEmitted,
    Recorded,
    RunStarted,
    StepStarted,
    TestFinished,
    TestStarted,
)
from rocketship.run.printable import printable
from rocketship.run.result import RunResult
from rocketship.run.status import Status
from rocketship.values import format_duration

REFRESH_SECONDS = 0.1
#: More running tests than this are only counted.
MAX_RUNNING_LINES = 12

_SPINNER, _ASCII_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
_MARKS = {Status.PASSED: ("✓", "green"), Status.SKIPPED: ("-", "yellow")}
_FAILED_MARK = ("✗", "red")


@dataclass(slots=True)
class _Running:
    """A unit in progress: what it is called, what it does, since when."""

    name: str
    since: float
    step: str = ""


class LiveOutput:
    """Redraws the running tests a few times a second, from a thread of its own.

    Events only change what is to be drawn, so thousands of them cost no more than a few. Whatever
    else is printed meanwhile goes through the console, whose guard takes the frame away first.
    """

    def __init__(self, console: Console, *, detail: Detail = BRIEF) -> None:
        self._console = console
        self._detail = detail
        self._frame = Frame(console)
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._refresh, name="live-output", daemon=True)
        self._running: dict[tuple[str, str], _Running] = {}
        self._above: list[str] = []
        self._several = False
        self._total = self._finished = self._failed = 0
        self._begun = time.monotonic()

    def start(self, suites: Sequence[str]) -> None:
        """Begin to draw."""
        self._several = len(suites) > 1
        self._begun = time.monotonic()
        self._console.guard = self._aside
        self._thread.start()

    def handle(self, run_id: str, suite: str, recorded: Recorded) -> None:
        """Take an event into the picture; it shows with the next drawing."""
        with self._lock:
            self._apply(run_id, suite, recorded.event)

    def close(self, results: Sequence[RunResult]) -> None:
        """Take the frame away, then print failures in full, and totals."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._console.guard = nullcontext
            self._frame.draw(self._above, ())
            self._above.clear()
        print_results(self._console, results, self._detail)

    def _apply(self, run_id: str, suite: str, event: Event) -> None:
        match event:
            case RunStarted():
                self._total += len(event.tests)
            case TestStarted():
                name = self._title(suite, event.unit, event.name)
                self._running[run_id, event.unit] = _Running(name, time.monotonic())
            case StepStarted():
                self._set_step(run_id, event.unit, event.name)
            case AttemptFailed():
                running = self._running.get((run_id, event.unit))
                if running:
                    base = running.step.partition(" (attempt ")[0]
                    running.step = f"{base} (attempt {event.number + 1} of {event.maximum})"
            case LogEmitted():
                self._log(run_id, suite, event)
            case TestFinished():
                self._test_finished(run_id, suite, event)

    def _set_step(self, run_id: str, unit: str, step: str) -> None:
        if running := self._running.get((run_id, unit)):
            running.step = _label(step)

    def _log(self, run_id: str, suite: str, event: LogEmitted) -> None:
        """Keep what log steps say, and whatever else is important."""
        if event.unit and event.source != "log" and event.level not in ("warn", "error"):
            return
        running = self._running.get((run_id, event.unit))
        name = running.name if running else _label(suite)
        color = {"warn": "yellow", "error": "red"}.get(event.level, "cyan")
        head = self._console.paint(f"· {name}:", color)
        self._above += [f"{head} {line}" for line in printable(event.message).split("\n")]

    def _test_finished(self, run_id: str, suite: str, event: TestFinished) -> None:
        self._running.pop((run_id, event.unit), None)
        is_test = event.unit.startswith("t-")
        if is_test:
            self._finished += 1
            self._failed += event.status.bad
        # Suite init and cleanup are only worth a line when they went wrong.
        if is_test or event.status.bad or event.cleanup_failures:
            self._above.append(self._finished_line(suite, event))

    def _finished_line(self, suite: str, event: TestFinished) -> str:
        """Return one row on how a test ended; what does not fit is told in full at the end."""
        mark, color = _MARKS.get(event.status, _FAILED_MARK)
        took = format_duration(event.duration_seconds)
        endings = {
            Status.SKIPPED: "skipped",
            Status.TIMEOUT: f"timed out after {took}",
            Status.CANCELLED: f"cancelled after {took}",
        }
        ending = endings.get(event.status, took)
        warning = "cleanup failed" if event.cleanup_failures else ""
        detail = "  ".join(filter(None, (ending, warning, _label(event.message))))
        # As in the frame, the last column stays empty.
        room = self._console.width - len(f"{mark} ") - len("  ") - 1
        name = fit(self._title(suite, event.unit, event.name), room - len(f"{ending}…"))
        detail = fit(detail, room - cell_len(name))
        detail = self._console.paint(detail, "yellow" if warning else "", dim=not warning)
        return f"{self._console.paint(mark, color, bold=True)} {name}  {detail}"

    def _title(self, suite: str, unit: str, name: str) -> str:
        title = f"suite {unit}" if unit in ("init", "cleanup") else name
        return _label(f"{suite} › {title}" if self._several and suite else title)

    def _refresh(self) -> None:
        while not self._stop.wait(REFRESH_SECONDS):
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        above, self._above = self._above, []
        self._frame.draw(above, list(self._lines()))

    def _lines(self) -> Iterator[tuple[str, str]]:
        now = time.monotonic()
        room = max(1, min(MAX_RUNNING_LINES, self._console.size[1] - 4))
        symbols = _SPINNER if self._console.unicode else _ASCII_SPINNER
        spinner = symbols[int(now / REFRESH_SECONDS) % len(symbols)]
        shown = list(self._running.values())[:room]
        for running in shown:
            yield f"{spinner} {running.name}  {_clock(now - running.since)}  {running.step}", ""
        if more := len(self._running) - len(shown):
            yield f"  + {more} more", ""
        failed = f", {self._failed} failed" if self._failed else ""
        took = _clock(now - self._begun)
        yield f"  {self._finished} of {self._total} tests finished{failed}  {took}", "cyan"

    @contextmanager
    def _aside(self) -> Iterator[None]:
        """Take the frame away while something else is printed."""
        with self._lock:
            self._frame.draw(self._above, ())
            self._above = []
            yield
            self._draw()


def _clock(seconds: float) -> str:
    """Return a running time; without milliseconds, which would only flicker."""
    return format_duration(seconds) if seconds >= 1 else f"{seconds:.1f}s"


def _label(name: str) -> str:
    return " ".join(printable(name).split())
