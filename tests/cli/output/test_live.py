from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from rocketship.cli.console import Console
from rocketship.cli.output.live import MAX_RUNNING_LINES, LiveOutput
from rocketship.run.events import (
    Event,
    LogEmitted,
    Recorded,
    RunStarted,
    StepStarted,
    TestFinished,
    TestInfo,
    TestStarted,
)
from rocketship.run.fold import fold
from rocketship.run.status import Status
from tests.builders import UnitSpec, make_failed_unit, make_mixed_events, make_run_events
from tests.terminal import Terminal, show


class Stage:
    """A live output on a terminal, and what the terminal shows."""

    def __init__(self, terminal: Terminal, suites: Sequence[str]) -> None:
        self.err = io.StringIO()
        self.terminal = terminal
        self.console = Console(terminal.out, self.err, {"NO_COLOR": "1"})
        self.output = LiveOutput(self.console)
        self.events: list[Event] = []
        self.output.start(suites)

    def send(self, *events: Event, suite: str = "users") -> None:
        for event in events:
            self.events.append(event)
            self.output.handle(suite, suite, Recorded(len(self.events), event))

    def wait_for(self, text: str) -> list[str]:
        """Return the screen as soon as it shows a text."""
        deadline = time.monotonic() + 10
        ticks = threading.Event()
        while time.monotonic() < deadline:
            screen = show(self.terminal.written)
            if any(text in line for line in screen):
                return screen
            ticks.wait(0.01)
        raise AssertionError(f"{text!r} is not shown:\n" + "\n".join(screen))

    def finish(self) -> list[str]:
        self.output.close([fold("users", self.events)])
        self.terminal.hang_up()
        return show(self.terminal.written)


@contextmanager
def live(columns: int = 80, rows: int = 24, suites: Sequence[str] = ("users",)) -> Iterator[Stage]:
    with Terminal(columns, rows) as terminal:
        stage = Stage(terminal, suites)
        yield stage
        if not terminal.out.closed:
            stage.output.close([])


def started(names: Sequence[str]) -> Iterator[Event]:
    yield RunStarted(1.0, "users", "u.yaml", tuple(TestInfo(name, name) for name in names))
    for index, name in enumerate(names):
        yield TestStarted(1.0, f"t-{index}", 1, name)
        yield StepStarted(1.0, f"t-{index}", 1, "steps[0]", "Get user", "steps", "http")


def test_live_running_test_has_a_line_with_its_step():
    with live() as stage:
        stage.send(*started(["reads"]))
        line = next(line for line in stage.wait_for("Get user") if "reads" in line)
        assert line[0] in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
        assert line[2:8] == "reads "
        stage.wait_for("0 of 1 tests finished")


def test_live_finished_tests_stay_above_the_running_ones():
    with live() as stage:
        stage.send(*started(["a", "b"]))
        stage.send(TestFinished(2.0, "t-0", 1, "a", Status.PASSED, 1.5))
        screen = stage.wait_for("1 of 2 tests finished")
        assert screen[0] == "✓ a  1.5s"
        assert "b " in screen[1]


def test_live_many_running_tests_are_counted():
    with live(rows=50) as stage:
        stage.send(*started([f"test-{index}" for index in range(105)]))
        screen = stage.wait_for("+ 93 more")
        assert len([line for line in screen if "test-" in line]) == MAX_RUNNING_LINES


def test_live_small_terminal_shows_what_fits():
    with live(columns=20, rows=8) as stage:
        stage.send(*started([f"a test with a long name {index}" for index in range(9)]))
        screen = stage.wait_for("+ 5 more")
        assert len(screen) <= 8
        assert max(map(len, screen)) < 20


def test_live_log_steps_are_shown_and_other_chatter_is_not():
    with live() as stage:
        stage.send(*started(["a"]))
        stage.send(
            LogEmitted(1.0, "t-0", 1, "steps[0]", "from a script", source="script"),
            LogEmitted(1.0, "t-0", 1, "steps[0]", "careful", "warn", source="script"),
            LogEmitted(1.0, "t-0", 1, "steps[0]", "hello\x1b[2J\nworld"),
            LogEmitted(1.0, "", 1, "", "from the runner", source="engine"),
        )
        screen = stage.wait_for("from the runner")
        assert screen[:4] == [
            "· a: careful",
            "· a: hello",
            "· a: world",
            "· users: from the runner",
        ]
        assert "from a script" not in stage.terminal.written


def test_live_notes_are_printed_with_the_frame_out_of_the_way():
    with live() as stage:
        stage.send(*started(["a"]))
        stage.wait_for("Get user")
        stage.console.err = stage.terminal.out
        stage.console.note("Cancelling: waiting for cleanup.")
        screen = stage.wait_for("Cancelling")
        assert screen[0] == "Cancelling: waiting for cleanup."
        assert "Get user" in stage.wait_for("Get user")[1]


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (Status.FAILED, "step failed: no", "✗ a  1.5s  step failed: no"),
        (Status.TIMEOUT, "", "✗ a  timed out after 1.5s"),
        (Status.CANCELLED, "", "✗ a  cancelled after 1.5s"),
        (Status.SKIPPED, "not ready", "- a  skipped  not ready"),
    ],
)
def test_live_finished_line_tells_how_it_ended(status, message, expected):
    with live() as stage:
        stage.send(*started(["a"]))
        stage.send(TestFinished(2.0, "t-0", 1, "a", status, 1.5, message))
        assert stage.wait_for("1 of 1")[0] == expected


@pytest.mark.parametrize(
    ("name", "cleanup_failures", "expected"),
    [
        ("a", 0, "✗ a  1.5s  mmmmmmmmmmmmmmmmmmmmmmmmmmm…"),
        ("a", 1, "✗ a  1.5s  cleanup failed  mmmmmmmmmmm…"),
        ("long " * 9, 1, "✗ long long long long long long…  1.5s…"),
        ("\u65e5\u672c" * 5, 1, f"✗ {'日本' * 5}  1.5s  cleanup…"),
    ],
)
def test_live_finished_line_is_cut_to_one_row(name, cleanup_failures, expected):
    with live(columns=40) as stage:
        stage.send(*started([name]))
        end = TestFinished(2.0, "t-0", 1, name, Status.FAILED, 1.5, "m" * 200, cleanup_failures)
        stage.send(end)
        assert stage.wait_for("1 of 1")[0] == expected


def test_live_lines_of_several_suites_name_the_suite():
    with live(suites=["users", "orders"]) as stage:
        stage.send(*started(["a"]))
        stage.wait_for("users › a")


def test_live_retried_step_shows_the_attempt():
    with live() as stage:
        stage.send(*make_mixed_events()[:9])
        stage.wait_for("Poll (attempt 2 of 2)")


def test_live_end_shows_failures_once_and_no_frame():
    with live() as stage:
        stage.send(*make_mixed_events())
        screen = stage.finish()
        text = "\n".join(screen)
        assert text.count("status_code: expected 200, got 500") == 1
        assert "tests finished" not in text
        assert screen[0] == "✓ polls  700ms"
        assert "✗ Failed Tests: 2" in screen
        assert stage.err.getvalue() == ""


def test_live_suite_cleanup_is_only_mentioned_when_it_failed():
    with live() as stage:
        stage.send(*make_run_events(init=UnitSpec("i"), cleanup=UnitSpec("c")))
        screen = stage.finish()
        assert screen[0] == "✓ reads a user  400ms"
        assert "suite" not in screen[1]


def test_live_failed_init_has_a_line():
    with live() as stage:
        stage.send(*make_run_events(init=make_failed_unit("i")))
        screen = stage.finish()
        assert screen[0] == "✗ suite init  600ms  Create user failed"
        assert screen[1].startswith("✗ reads a user  0ms  not run: suite init")


def test_live_drawing_rate_is_bounded_however_many_events_arrive():
    names = [f"t{index}" for index in range(3000)]
    with live() as stage:
        begun = time.monotonic()
        stage.send(*started(names))
        for index, name in enumerate(names):
            stage.send(TestFinished(2.0, f"t-{index}", 1, name, Status.PASSED, 0.1))
        stage.finish()
        elapsed = time.monotonic() - begun
    drawings = stage.terminal.written.count("\x1b[?2026h")
    assert drawings <= elapsed * 10 + 2
    assert stage.terminal.written.count("✓ t") == 3000


def test_live_close_before_any_event_leaves_a_usable_terminal():
    with live() as stage:
        assert stage.finish()[-2:] == ["✗ Failed Tests: 0", ""]
        assert "\x1b[?25h" in stage.terminal.written
