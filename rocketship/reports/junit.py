"""JUnit XML in the dialect that Jenkins, GitLab and GitHub actions read.

One testsuite per run, one testcase per test. A failed suite init is a testcase of its own, and each
test it kept from running is an error; so is a run that went wrong although no test did, or in which
none was executed. So no reader takes the run for green.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from rocketship.dataclass import dataclass
from rocketship.reports.exchange import Limits
from rocketship.reports.failure import Layout, failure_lines, step_lines
from rocketship.run.contracts import coverage
from rocketship.run.printable import printable
from rocketship.run.result import RunResult, StepResult, TestResult
from rocketship.run.status import Status
from rocketship.values import format_duration, format_time, to_text

#: Files have more room than terminals, but not for whole downloads.
LAYOUT = Layout(width=100, limits=Limits(lines=200, characters=2000))
#: Error types that blame the system under test; all others are an `error` in the words of JUnit.
FAILURES = frozenset({"AssertionError", "ContractError", "ScriptError"})

_INVALID = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKS = {Status.PASSED: "✓", Status.SKIPPED: "-"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The element that says why a testcase did not pass."""

    element: str
    type: str
    message: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One testcase, ready to be written."""

    name: str
    line: int
    seconds: float
    verdict: Verdict | None
    output: str


def render(results: Sequence[RunResult]) -> bytes:
    """Return the XML document for one or several runs."""
    return "".join(_document(results)).encode()


def _document(results: Sequence[RunResult]) -> Iterator[str]:
    suites = [(run, list(_cases(run))) for run in results]
    every = [case for _, cases in suites for case in cases]
    seconds = sum(run.duration_seconds for run in results)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f"<testsuites{_attributes(name='rocketship', **_counts(every), time=_time(seconds))}>\n"
    for number, (run, cases) in enumerate(suites):
        yield from _suite(number, run, cases)
    yield "</testsuites>\n"


def _suite(number: int, run: RunResult, cases: Sequence[Case]) -> Iterator[str]:
    attributes = _attributes(
        name=run.suite or run.run_id,
        **_counts(cases),
        time=_time(run.duration_seconds),
        timestamp=format_time(run.started_at)[:19],
        id=str(number),
        file=run.file,
    )
    yield f"  <testsuite{attributes}>\n"
    yield from _properties(run)
    classname = class_name(run)
    for case in cases:
        yield from _case(classname, run.file, case)
    if run.cleanup and run.cleanup.steps:
        yield f"    <system-out>{_text(_output(run, run.cleanup))}</system-out>\n"
    yield "  </testsuite>\n"


def _properties(run: RunResult) -> Iterator[str]:
    pairs = [("run_id", run.run_id), ("status", run.status.value)]
    pairs += [(f"context.{name}", to_text(value)) for name, value in run.context.items()]
    if run.message:
        pairs.append(("message", run.message))
    if run.cleanup_failures:
        pairs.append(("cleanup_failures", str(run.cleanup_failures)))
    pairs += [
        (f"contract.{covered.spec}", f"{len(covered.used)}/{covered.total}")
        for covered in coverage([run])
    ]
    yield "    <properties>\n"
    for name, value in pairs:
        yield f"      <property{_attributes(name=name, value=value)}/>\n"
    yield "    </properties>\n"


def _case(classname: str, file: str, case: Case) -> Iterator[str]:
    attributes = _attributes(
        name=case.name,
        classname=classname,
        time=_time(case.seconds),
        file=file,
        line=str(case.line) if case.line else "",
    )
    if case.verdict is None and not case.output:
        yield f"    <testcase{attributes}/>\n"
        return
    yield f"    <testcase{attributes}>\n"
    if verdict := case.verdict:
        why = _attributes(message=verdict.message, type=verdict.type)
        yield f"      <{verdict.element}{why}>{_text(verdict.text)}</{verdict.element}>\n"
    if case.output:
        yield f"      <system-out>{_text(case.output)}</system-out>\n"
    yield "    </testcase>\n"


def class_name(run: RunResult) -> str:
    """Return a dotted name that stays the same from run to run and from machine to machine."""
    path = PurePosixPath(run.file)
    parts = [part.lstrip(".") for part in path.with_suffix("").parts] if run.file else []
    if path.is_absolute() or not any(parts):
        return run.suite or run.run_id
    return ".".join(part.replace(".", "_") for part in parts if part)


def _cases(run: RunResult) -> Iterator[Case]:
    if run.init and run.init_failed:
        yield _make_case(run, run.init, "suite init")
    names = Counter(test.name for test in run.tests)
    for test in run.tests:
        # Readers tell testcases apart by name only.
        unique = names[test.name] == 1
        yield _make_case(run, test, test.name if unique else f"{test.name} [{test.id}]")
    if run.status.bad and not any(unit and unit.status.bad for unit in (run.init, *run.tests)):
        message = run.message or f"the run is {run.status}"
        verdict = Verdict("error", run.status.value.capitalize(), message, message)
        yield Case("the run", 0, 0.0, verdict, "")


def _make_case(run: RunResult, test: TestResult, name: str) -> Case:
    return Case(name, test.line, test.duration_seconds, _verdict(run, test), _output(run, test))


def _verdict(run: RunResult, test: TestResult) -> Verdict | None:
    if test.status is Status.PASSED:
        return None
    if test.status is Status.SKIPPED:
        return Verdict("skipped", "skipped", test.message)
    if run.init_failed and run.init is not None and not test.steps:
        reason = f"suite init failed: {run.init.message}".removesuffix(": ")
        return Verdict("error", "SuiteInitFailed", reason, reason)
    text = "\n".join(line.text for line in failure_lines(run, test, LAYOUT))
    if test.status is not Status.FAILED:
        kind = test.status.value.capitalize() if test.status.bad else "Unfinished"
        return Verdict("error", kind, test.message or f"the test is {test.status}", text)
    failure = next((step.failure for step in test.failed_steps if step.failure), None)
    if failure is None:
        return Verdict("failure", "Failed", test.message or "failed", text)
    element = "failure" if failure.type in FAILURES else "error"
    return Verdict(element, failure.type, failure.message, text)


def _output(run: RunResult, test: TestResult) -> str:
    return "\n".join(line for step in test.steps for line in _step_output(run, step))


def _step_output(run: RunResult, step: StepResult) -> Iterator[str]:
    mark = _MARKS.get(step.status, "✗")
    phase = "" if step.phase == "steps" else f" [{step.phase}]"
    yield f"{mark} {step.name}{phase} ({format_duration(step.duration_seconds)})"
    if step.reason:
        yield f"    skipped: {step.reason}"
    for attempt in step.failed_attempts:
        yield f"    attempt {attempt.number} failed: {attempt.failure.message}"
    for log in step.logs:
        yield from (f"    {line}" for line in log.message.split("\n"))
    if step.in_cleanup and step.status.bad:
        yield from (line.text for line in step_lines(run, step, LAYOUT))


def _counts(cases: Iterable[Case]) -> dict[str, str]:
    elements = Counter(case.verdict.element if case.verdict else "passed" for case in cases)
    return {
        "tests": str(elements.total()),
        "failures": str(elements["failure"]),
        "errors": str(elements["error"]),
        "skipped": str(elements["skipped"]),
    }


def _time(seconds: float) -> str:
    return f"{max(seconds, 0):.3f}"


def _attributes(**values: str) -> str:
    """Return the attributes with a leading space each; empty ones are left out."""
    return "".join(f' {name}="{_attribute(value)}"' for name, value in values.items() if value)


def _attribute(value: str) -> str:
    escaped = _text(value).replace('"', "&quot;")
    return escaped.replace("\n", "&#10;").replace("\t", "&#9;")


def _text(value: str) -> str:
    """Return text for an XML element, free of characters that XML cannot hold."""
    clean = _INVALID.sub("", printable(value))
    return clean.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
