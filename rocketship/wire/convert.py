"""Messages to and from the domain; times are RFC 3339 text, empty when unknown.

Texts of scripts, servers and file systems may hold what UTF-8 cannot express, and a message takes
nothing else: JSON carries it as an escape, and plain text has U+FFFD in its place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from rocketship.errors import UsageError
from rocketship.run.events import Recorded, decode, encode
from rocketship.run.fold import fold
from rocketship.run.narrate import Line, Style
from rocketship.run.result import RunResult, TestResult, Totals
from rocketship.run.spec import RunSpec, Selection
from rocketship.run.status import Status
from rocketship.store.base import DEFAULT_PAGE, MAX_PAGE, ORDERS, RunFilter, RunPage, RunRecord
from rocketship.suite.problem import Problems
from rocketship.suite.source import load
from rocketship.values import (
    JsonObject,
    format_time,
    read_json,
    to_ascii_json,
    to_text,
    to_utf8,
)
from rocketship.wire._generated import engine_pb2 as pb

#: What a suite is called that came without a file name.
UNNAMED_FILE = "suite.yaml"
#: The fields of a context, by the name they have in a run.
_CONTEXT_FIELDS = {
    "project_id": "project_id",
    "source": "source",
    "branch": "branch",
    "commit": "commit_sha",
    "trigger": "trigger",
    "schedule_name": "schedule_name",
}
_STYLES = {(style.color, style.bold): style for style in Style}


# Runs to be created


def spec_to_request(
    spec: RunSpec, env: Mapping[str, str], idempotency_key: str = ""
) -> pb.CreateRunRequest:
    """Return the request for a run with its secret environment values."""
    selection = spec.selection
    return pb.CreateRunRequest(
        yaml_payload=spec.source,
        context=context(spec.context),
        idempotency_key=idempotency_key,
        files=[pb.File(path=to_utf8(path), body=body) for path, body in spec.files.items()],
        secrets={to_utf8(name): to_utf8(value) for name, value in env.items()},
        selection=pb.Selection(
            patterns=map(to_utf8, selection.patterns),
            tags=to_utf8(selection.tags),
            ids=map(to_utf8, selection.ids),
        ),
        options=pb.RunOptions(
            timeout_seconds=spec.timeout_seconds or 0.0,
            concurrency=spec.concurrency or 0,
            fail_fast=spec.fail_fast,
        ),
        file=to_utf8(spec.file),
        vars_json=to_ascii_json(spec.vars).encode(),
    )


def request_to_spec(request: pb.CreateRunRequest) -> tuple[RunSpec, dict[str, str]]:
    """Return the run a request describes, and its secret environment values.

    Raises:
        UsageError: A value cannot be used; the message names the field.
    """
    if not request.yaml_payload:
        raise UsageError("yaml_payload is empty", hint="send the bytes of a suite file")
    options, selection = request.options, request.selection
    # The comparison is also false for what is not a number.
    if not 0 <= options.timeout_seconds < float("inf") or options.concurrency < 0:
        raise UsageError("options: a timeout and a concurrency are positive, or 0 for the default")
    file = request.file or UNNAMED_FILE
    spec = RunSpec(
        file=file,
        source=request.yaml_payload,
        vars=_vars(request, file),
        env_names=tuple(sorted(request.secrets)),
        files={item.path: item.body for item in request.files},
        selection=Selection(tuple(selection.patterns), selection.tags, tuple(selection.ids)),
        concurrency=options.concurrency or None,
        timeout_seconds=options.timeout_seconds or None,
        fail_fast=options.fail_fast,
        context=context_from(request.context),
    )
    return spec, dict(request.secrets)


def _vars(request: pb.CreateRunRequest, file: str) -> JsonObject:
    if not request.vars_json:
        return _own_vars(request.yaml_payload, file)
    try:
        value = read_json(request.vars_json.decode())
    except ValueError as error:
        raise UsageError("vars_json cannot be read as JSON") from error
    if not isinstance(value, dict):
        raise UsageError("vars_json is not a JSON object")
    return value


def _own_vars(source: bytes, file: str) -> JsonObject:
    """Return the suite's own variables; planning tells what is wrong with the rest."""
    root = load(source, file, Problems())
    own = root.get("vars") if root else None
    return own.value if own and isinstance(own.value, dict) else {}


def context(values: JsonObject) -> pb.RunContext:
    """Return a run's context; whatever has no field of its own becomes metadata."""
    fields = {
        field: to_utf8(to_text(values[key]))
        for key, field in _CONTEXT_FIELDS.items()
        if key in values
    }
    others = {
        to_utf8(key): to_utf8(to_text(item))
        for key, item in values.items()
        if key not in _CONTEXT_FIELDS
    }
    return pb.RunContext(**fields, metadata=others)


def context_from(message: pb.RunContext) -> JsonObject:
    """Return a run's context as one flat object, without the fields that are empty."""
    fields = {key: getattr(message, field) for key, field in _CONTEXT_FIELDS.items()}
    return {**message.metadata, **{key: value for key, value in fields.items() if value}}


# Lists


def filter_to_request(query: RunFilter) -> pb.ListRunsRequest:
    """Return the request for a page of runs."""
    return pb.ListRunsRequest(
        project_id=to_utf8(query.project),
        source=to_utf8(query.source),
        branch=to_utf8(query.branch),
        status=query.status,
        schedule_name=to_utf8(query.schedule),
        limit=query.limit,
        cursor=to_utf8(query.cursor),
        order_by=query.order_by,
        descending=not query.ascending,
        suite=to_utf8(query.suite),
        file=to_utf8(query.file),
        ascending=query.ascending,
        text=to_utf8(query.text),
    )


def request_to_filter(request: pb.ListRunsRequest) -> RunFilter:
    """Return the page of runs a request asks for.

    Raises:
        UsageError: A value cannot be used; the message names the field.
    """
    if not 0 <= request.limit <= MAX_PAGE:
        raise UsageError(
            f"limit is {request.limit}, expected 1 to {MAX_PAGE}, or 0 for the default"
        )
    if request.order_by not in ("", *ORDERS):
        raise UsageError(f'order_by is "{request.order_by}", expected {", ".join(ORDERS)}')
    if request.status and request.status.upper() not in Status.__members__:
        known = ", ".join(Status.__members__)
        raise UsageError(f'status is "{request.status}", expected one of {known}')
    return RunFilter(
        status=request.status,
        suite=request.suite,
        file=request.file,
        project=request.project_id,
        source=request.source,
        branch=request.branch,
        schedule=request.schedule_name,
        text=request.text,
        order_by=request.order_by or ORDERS[0],
        ascending=request.ascending,
        limit=request.limit or DEFAULT_PAGE,
        cursor=request.cursor,
    )


def page(found: RunPage) -> pb.ListRunsResponse:
    """Return a page of runs as a message."""
    return pb.ListRunsResponse(
        runs=[summary(record) for record in found.runs],
        next_cursor=found.cursor,
        total_count=found.total,
    )


def page_from(message: pb.ListRunsResponse) -> RunPage:
    """Return the page of runs a message holds."""
    records = tuple(record_from_summary(item) for item in message.runs)
    return RunPage(records, message.total_count, message.next_cursor)


def summary(record: RunRecord, doing: Iterable[str] = ()) -> pb.RunSummary:
    """Return a run as lists show it, and what its tests do at the moment where that is known."""
    totals = record.totals
    return pb.RunSummary(
        run_id=record.id,
        suite_name=to_utf8(record.suite),
        status=record.status.value,
        started_at=_time(record.created_at),
        ended_at=_time(record.ended_at),
        duration_ms=round(record.duration_seconds * 1000),
        total_tests=totals.total,
        passed_tests=totals.passed,
        failed_tests=totals.failed,
        timeout_tests=totals.timeout,
        context=context(record.context),
        cancelled_tests=totals.cancelled,
        skipped_tests=totals.skipped,
        unfinished_tests=totals.unfinished,
        file=to_utf8(record.file),
        message=to_utf8(record.message),
        doing=map(to_utf8, doing),
    )


def record_from_summary(message: pb.RunSummary) -> RunRecord:
    """Return the run a summary tells of; its owner is not told."""
    return RunRecord(
        id=message.run_id,
        suite=message.suite_name,
        file=message.file,
        status=_status(message.status),
        created_at=_time_from(message.started_at) or 0.0,
        ended_at=_time_from(message.ended_at),
        duration_seconds=message.duration_ms / 1000,
        message=message.message,
        totals=Totals(
            total=message.total_tests,
            passed=message.passed_tests,
            failed=message.failed_tests,
            timeout=message.timeout_tests,
            cancelled=message.cancelled_tests,
            skipped=message.skipped_tests,
            unfinished=message.unfinished_tests,
        ),
        context=context_from(message.context),
    )


# Single runs


def details(record: RunRecord, result: RunResult, events: Iterable[Recorded] = ()) -> pb.RunDetails:
    """Return a run with its tests in document order and, when they are given, its events."""
    return pb.RunDetails(
        run_id=record.id,
        suite_name=to_utf8(record.suite),
        status=record.status.value,
        started_at=_time(record.created_at),
        ended_at=_time(record.ended_at),
        duration_ms=round(record.duration_seconds * 1000),
        context=context(record.context),
        tests=[_test(test) for test in result.tests],
        events=[event(item) for item in events],
        summary=summary(record),
    )


def details_from(message: pb.RunDetails) -> tuple[RunRecord, RunResult, int]:
    """Return a run's record, its result, and the number of its last event.

    Without events (servers of the original send none) the result knows tests but no steps.
    """
    if message.HasField("summary"):
        record = record_from_summary(message.summary)
    else:
        record = _record_from_details(message)
    events = [item for item in map(recorded_from, message.events) if item]
    if events:
        return record, fold(record.id, (item.event for item in events)), events[-1].seq
    result = RunResult(
        run_id=record.id,
        suite=record.suite,
        file=record.file,
        status=record.status,
        started_at=record.created_at,
        ended_at=record.ended_at,
        duration_seconds=record.duration_seconds,
        message=record.message,
        context=record.context,
        tests=tuple(_test_from(index, test) for index, test in enumerate(message.tests)),
    )
    return record, result, 0


def _record_from_details(message: pb.RunDetails) -> RunRecord:
    return RunRecord(
        id=message.run_id,
        suite=message.suite_name,
        file="",
        status=_status(message.status),
        created_at=_time_from(message.started_at) or 0.0,
        ended_at=_time_from(message.ended_at),
        duration_seconds=message.duration_ms / 1000,
        totals=Totals.of(_status(test.status) for test in message.tests),
        context=context_from(message.context),
    )


def _test(test: TestResult) -> pb.TestDetails:
    ended_at = test.started_at + test.duration_seconds
    reasons = [step.failure.message for step in test.failed_steps if step.failure]
    return pb.TestDetails(
        test_id=to_utf8(test.id),
        name=to_utf8(test.name),
        status=test.status.value,
        started_at=_time(test.started_at),
        ended_at=_time(ended_at) if test.started_at and test.status.finished else "",
        duration_ms=round(test.duration_seconds * 1000),
        error_message=to_utf8(test.message or (reasons[0] if reasons else "")),
    )


def _test_from(index: int, message: pb.TestDetails) -> TestResult:
    return TestResult(
        unit=f"t-{index}",
        id=message.test_id,
        name=message.name,
        status=_status(message.status),
        started_at=_time_from(message.started_at) or 0.0,
        duration_seconds=message.duration_ms / 1000,
        message=message.error_message,
    )


# What happens


def event(item: Recorded) -> pb.Event:
    """Return an event as a message."""
    return pb.Event(seq=item.seq, json=to_ascii_json(encode(item.event)))


def recorded_from(message: pb.Event) -> Recorded | None:
    """Return the event a message holds, or None when it is of a kind that came later."""
    try:
        return Recorded(message.seq, decode(json.loads(message.json)))
    except KeyError:
        return None


def line(item: Line) -> pb.LogLine:
    """Return a log line as a message."""
    return pb.LogLine(
        ts=_time(item.at),
        msg=to_utf8(item.message),
        color=item.style.color,
        bold=item.style.bold,
        test_name=to_utf8(item.test),
        step_name=to_utf8(item.step),
    )


def line_from(message: pb.LogLine) -> Line:
    """Return the log line a message holds; styles we do not have become plain or strong."""
    plain = Style.STRONG if message.bold else Style.PLAIN
    return Line(
        at=_time_from(message.ts) or 0.0,
        message=message.msg,
        test=message.test_name,
        step=message.step_name,
        style=_STYLES.get((message.color, message.bold), plain),
    )


def _status(text: str) -> Status:
    """Return a status; an unknown one is none that a run can have ended with."""
    return Status.__members__.get(text.upper(), Status.RUNNING)


def _time(at: float | None) -> str:
    return format_time(at) if at else ""


def _time_from(text: str) -> float | None:
    """Return a moment in seconds since 1970; the year 1 stands for unknown, too."""
    try:
        at = datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
    return at if at > 0 else None
