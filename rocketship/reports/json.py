"""Everything known about runs as one JSON document; `report.schema.json` describes it."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from rocketship import __version__
from rocketship.run.contracts import coverage
from rocketship.run.events import AssertionResult, Failure
from rocketship.run.result import (
    AttemptResult,
    LogLine,
    RunResult,
    StepResult,
    TestResult,
    Totals,
)
from rocketship.values import Json, JsonObject, format_time

#: Raised when a field changes its meaning or goes away; new fields do not raise it.
VERSION = 1


def render(results: Sequence[RunResult]) -> bytes:
    """Return the document for one or several runs, indented, in UTF-8."""
    document: JsonObject = {
        "version": VERSION,
        "tool": {"name": "rocketship", "version": __version__},
        "runs": [_run(run) for run in results],
    }
    text = strict_json(document, ensure_ascii=False, indent=2)
    # Half of a surrogate pair has no UTF-8; the escape that replaces it means the same in JSON.
    return text.encode("utf-8", "backslashreplace") + b"\n"


def strict_json(value: JsonObject, **options: Any) -> str:
    """Return JSON that every reader accepts: `nan` and `inf` become text; options as of `dumps`."""
    try:
        return json.dumps(value, allow_nan=False, **options)
    except ValueError:
        return json.dumps(_finite(value), **options)


def _run(run: RunResult) -> JsonObject:
    return {
        "run_id": run.run_id,
        "suite": run.suite,
        "file": run.file,
        "status": run.status.value,
        "started_at": _time(run.started_at),
        "ended_at": _time(run.ended_at),
        "duration_seconds": _seconds(run.duration_seconds),
        "message": run.message,
        "context": run.context,
        "totals": totals_json(run.totals),
        "cleanup_failures": run.cleanup_failures,
        "init": _test(run.init) if run.init else None,
        "tests": [_test(test) for test in run.tests],
        "cleanup": _test(run.cleanup) if run.cleanup else None,
        "contracts": [
            {
                "spec": covered.spec,
                "total": covered.total,
                "used": [*covered.used],
                "unused": [*covered.unused],
            }
            for covered in coverage([run])
        ],
        "logs": [_log(line) for line in run.logs],
    }


def totals_json(totals: Totals) -> JsonObject:
    """Return the numbers of tests by outcome."""
    return {
        "total": totals.total,
        "executed": totals.executed,
        "passed": totals.passed,
        "failed": totals.failed,
        "timeout": totals.timeout,
        "cancelled": totals.cancelled,
        "skipped": totals.skipped,
        "unfinished": totals.unfinished,
    }


def _test(test: TestResult) -> JsonObject:
    return {
        "id": test.id,
        "name": test.name,
        "status": test.status.value,
        "line": test.line,
        "started_at": _time(test.started_at),
        "duration_seconds": _seconds(test.duration_seconds),
        "message": test.message,
        "cleanup_failures": test.cleanup_failures,
        "steps": [_step(step) for step in test.steps],
    }


def _step(step: StepResult) -> JsonObject:
    timings: JsonObject = {name: _seconds(value) for name, value in step.timings.items()}
    return {
        "path": step.path,
        "name": step.name,
        "phase": step.phase,
        "plugin": step.plugin,
        "line": step.line,
        "status": step.status.value,
        "started_at": _time(step.started_at),
        "duration_seconds": _seconds(step.duration_seconds),
        "attempts": step.attempts,
        "failed_attempts": [_attempt(attempt) for attempt in step.failed_attempts],
        "failure": _failure(step.failure) if step.failure else None,
        "skip_reason": step.reason,
        "assertions": [_assertion(check) for check in step.assertions],
        "saved": step.saved,
        "request": step.request,
        "response": step.response,
        "timings": timings,
        "reproduce": step.reproduce,
        "logs": [_log(line) for line in step.logs],
        "left_out": step.left_out,
    }


def _attempt(attempt: AttemptResult) -> JsonObject:
    return {
        "number": attempt.number,
        "failure": _failure(attempt.failure),
        "wait_seconds": _seconds(attempt.wait_seconds),
    }


def _failure(failure: Failure) -> JsonObject:
    return {"type": failure.type, "message": failure.message, "hint": failure.hint}


def _assertion(check: AssertionResult) -> JsonObject:
    return {
        "type": check.type,
        "target": check.target,
        "operator": check.operator,
        "passed": check.passed,
        "soft": check.soft,
        "message": check.message,
        "expected": check.expected,
        "actual": check.actual,
        "diff": check.diff,
        "line": check.line,
    }


def _log(line: LogLine) -> JsonObject:
    return {
        "at": _time(line.at),
        "level": line.level,
        "source": line.source,
        "message": line.message,
    }


def _time(at: float | None) -> str | None:
    return format_time(at) if at else None


def _seconds(value: float) -> float:
    return round(value, 6)


def _finite(value: Json) -> Json:
    """Return the value with numbers that JSON cannot express (`nan`, `inf`) written as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value
