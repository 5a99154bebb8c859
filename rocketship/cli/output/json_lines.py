"""Runs as JSON, one object per line and event: for programs that follow a run."""

from __future__ import annotations

from collections.abc import Sequence

from rocketship.cli.console import Console
from rocketship.cli.output.summary import exit_code
from rocketship.reports.json import strict_json, totals_json
from rocketship.run.events import Recorded, encode
from rocketship.run.result import RunResult
from rocketship.values import JsonObject, format_time


class JsonLinesOutput:
    """Prints every event, and a summary at the end; nothing else goes to stdout."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def start(self, suites: Sequence[str]) -> None:
        """The first event of each run says all there is to say."""

    def handle(self, run_id: str, suite: str, recorded: Recorded) -> None:
        """Print an event; `at` is written as RFC 3339."""
        head: JsonObject = {"run_id": run_id, "seq": recorded.seq, "suite": suite}
        event = encode(recorded.event)
        self._print({**head, **event, "at": format_time(recorded.event.at)})

    def close(self, results: Sequence[RunResult]) -> None:
        """Print the verdict."""
        passed = sum(run.green for run in results)
        self._print(
            {
                "kind": "summary",
                "exit_code": exit_code(results),
                "suites": {
                    "total": len(results),
                    "passed": passed,
                    "failed": len(results) - passed,
                },
                "runs": [_run(run) for run in results],
            }
        )

    def _print(self, value: JsonObject) -> None:
        # Escaped to ASCII it survives every encoding and cannot control a terminal.
        self._console.print(strict_json(value, separators=(",", ":")))


def _run(run: RunResult) -> JsonObject:
    return {
        "run_id": run.run_id,
        "suite": run.suite,
        "file": run.file,
        "status": run.status.value,
        "duration_seconds": round(run.duration_seconds, 6),
        "message": run.message,
        "tests": totals_json(run.totals),
        "cleanup_failures": run.cleanup_failures,
    }
