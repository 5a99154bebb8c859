from __future__ import annotations

import io
from collections.abc import Sequence

from rocketship.cli.console import Console
from rocketship.cli.output.plain import PlainOutput
from rocketship.run.events import Event, Recorded
from rocketship.run.fold import fold
from tests.builders import StepSpec, UnitSpec, make_mixed_events, make_run_events


def play(events: Sequence[Event], environment: dict[str, str] | None = None, **options) -> str:
    out = io.StringIO()
    output = PlainOutput(Console(out, io.StringIO(), environment or {}), **options)
    output.start(["users"])
    for seq, event in enumerate(events, 1):
        output.handle("r1", "users", Recorded(seq, event))
    output.close([fold("r1", events)])
    return out.getvalue()


def test_plain_lines_have_a_bracket_for_everything_known():
    lines = play(make_run_events()).split("\n")
    assert lines[:5] == [
        '[users] Starting suite "users"',
        "[users] [reads a user] Starting test: reads a user",
        "[users] [reads a user] [Get user] Starting step: Get user",
        "[users] [reads a user] [Get user] Step completed successfully",
        "[users] [reads a user] Test passed in 400ms: reads a user",
    ]


def test_plain_lines_with_timestamps_show_the_time_of_the_event():
    lines = play(make_run_events(), timestamps=True).split("\n")
    assert lines[0] == '[users] [2024-01-02T03:04:05.100Z] Starting suite "users"'


def test_plain_lines_in_colour_paint_only_the_prefix():
    lines = play(make_run_events(), {"FORCE_COLOR": "1"}).split("\n")
    prefix = "\x1b[32m[users] [reads a user] [Get user]\x1b[0m"
    assert lines[3] == f"{prefix} Step completed successfully"


def test_plain_text_of_several_lines_has_the_prefix_on_each():
    step = StepSpec("Say", plugin="log", logs=["one\n✗ Failed Tests: 0"])
    lines = play(make_run_events([UnitSpec("t", [step])])).split("\n")
    assert lines[3:5] == ["[users] [t] [Say] one", "[users] [t] [Say] ✗ Failed Tests: 0"]


def test_plain_output_ends_with_failures_and_totals():
    text = play(make_mixed_events())
    lines, _, end = text.partition("\n\n")
    assert lines.split("\n")[-1].startswith('[users] Test run: "users" finished. ')
    assert end.startswith("✗ creates a user\n")
    assert "\n✗ Failed Tests: 2\n" in end


def test_plain_output_strips_terminal_control_from_names():
    text = play(make_run_events([UnitSpec("a\x1b[31m\nb", [StepSpec("\x07c")])]))
    assert "[users] [a b] [c] Starting step: c" in text
    assert "\x1b" not in text
