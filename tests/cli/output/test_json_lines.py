from __future__ import annotations

import io
import json

from rocketship.cli.console import Console
from rocketship.cli.output.json_lines import JsonLinesOutput
from rocketship.run.events import EVENT_TYPES, Recorded
from rocketship.run.fold import fold
from tests.builders import StepSpec, UnitSpec, make_mixed_events, make_run_events


def play(events) -> str:
    out = io.StringIO()
    output = JsonLinesOutput(Console(out, io.StringIO(), {"FORCE_COLOR": "1"}))
    output.start(["users"])
    for seq, event in enumerate(events, 1):
        output.handle("r1", "users", Recorded(seq, event))
    output.close([fold("r1", events)])
    return out.getvalue()


def test_json_lines_are_one_object_per_event_and_a_summary():
    events = make_mixed_events()
    *lines, last = [json.loads(line) for line in play(events).splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(events) + 1))
    assert {line["kind"] for line in lines} == set(EVENT_TYPES)
    assert {(line["run_id"], line["suite"]) for line in lines} == {("r1", "users")}
    assert lines[0]["at"] == "2024-01-02T03:04:05.100Z"
    assert last == {
        "kind": "summary",
        "exit_code": 1,
        "suites": {"total": 1, "passed": 0, "failed": 1},
        "runs": [
            {
                "run_id": "r1",
                "suite": "users",
                "file": ".rocketship/users.yaml",
                "status": "TIMEOUT",
                "duration_seconds": 3.4,
                "message": "",
                "tests": {
                    "total": 5,
                    "executed": 4,
                    "passed": 2,
                    "failed": 1,
                    "timeout": 1,
                    "cancelled": 0,
                    "skipped": 1,
                    "unfinished": 0,
                },
                "cleanup_failures": 1,
            }
        ],
    }


def test_json_lines_are_ascii_whatever_the_text():
    step = StepSpec("✓ \x1b]0;x\x07\u2028\ud800", logs=["\r\n日本"])
    text = play(make_run_events([UnitSpec("t", [step])]))
    assert text.isascii()
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(text.split("\n")) - 1
    assert any(json.loads(line).get("message") == "\r\n日本" for line in text.splitlines())


def test_json_lines_with_numbers_json_lacks_stay_json():
    step = StepSpec(extra={"saved": {"x": float("nan")}})
    text = play(make_run_events([UnitSpec("t", [step])]))
    assert "NaN" not in text
