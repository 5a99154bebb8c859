"""GitHub Actions: failures as annotations in the changed files, and a summary on the run's page."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from rocketship.cli.console import Console
from rocketship.cli.output.base import Output
from rocketship.cli.output.failure import cleanup_title, unit_title
from rocketship.reports.failure import Layout, failure_lines, step_lines
from rocketship.run.events import Recorded
from rocketship.run.printable import printable
from rocketship.run.result import RunResult, StepResult, TestResult, Totals
from rocketship.values import format_duration

#: GitHub shows no more annotations of a kind than this per step.
MAX_ANNOTATIONS = 10
#: GitHub refuses a summary of more than 1 MiB.
MAX_SUMMARY_BYTES = 1_000_000

LAYOUT = Layout(width=100)

_LITERAL = {ord(character): f"&#{ord(character)};" for character in "&<>|\\`*_[]~@#"}


class GitHubOutput:
    """Adds annotations and the step summary to another output.

    Args:
        inner: What shows the runs.
        console: Where annotations go.
        fenced: Whether GitHub is told not to look for commands in what `inner` prints, because a
            response body may look like one. Off for output that programs read from stdout.
    """

    def __init__(self, inner: Output, console: Console, *, fenced: bool = True) -> None:
        self._inner = inner
        self._console = console
        self._fence = os.urandom(16).hex() if fenced else None

    def start(self, suites: Sequence[str]) -> None:
        """Begin; commands are off from here on."""
        if self._fence:
            self._console.print(f"::stop-commands::{self._fence}")
        self._inner.start(suites)

    def handle(self, run_id: str, suite: str, recorded: Recorded) -> None:
        """Pass the event on."""
        self._inner.handle(run_id, suite, recorded)

    def close(self, results: Sequence[RunResult]) -> None:
        """End, then annotate and summarise."""
        try:
            self._inner.close(results)
        finally:
            if self._fence:
                self._console.print(f"::{self._fence}::")
        tell = self._console.print if self._fence else self._console.note
        for command in workflow_commands(
            results, self._console.environment.get("GITHUB_WORKSPACE")
        ):
            tell(command)
        if path := self._console.environment.get("GITHUB_STEP_SUMMARY"):
            self._append(Path(path), step_summary(results))

    def _append(self, path: Path, text: str) -> None:
        try:
            with path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError as error:
            self._console.warning(f"cannot write the step summary {path}: {error.strerror}")


def workflow_commands(results: Sequence[RunResult], workspace: str | None = None) -> Iterator[str]:
    """Yield workflow commands: an error per failed test, then a warning per failed cleanup step."""
    yield from islice(_errors(results, workspace), MAX_ANNOTATIONS)
    yield from islice(_warnings(results, workspace), MAX_ANNOTATIONS)


def step_summary(results: Sequence[RunResult]) -> str:
    """Return the Markdown for the page of the workflow run."""
    totals = Totals.sum(run.totals for run in results)
    mark = "✅" if results and all(run.green for run in results) else "❌"
    skipped = f", {totals.skipped} skipped" if totals.skipped else ""
    lines = [
        f"### {mark} Rocketship: {totals.passed} passed, {totals.not_passed} failed{skipped}",
        "",
        "| Suite | Status | Passed | Failed | Skipped | Duration |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
        *(_row(run) for run in results),
        "",
    ]
    size = 0
    for block in _details(results):
        size += len(block.encode("utf-8", "replace"))
        if size > MAX_SUMMARY_BYTES:
            lines.append("Further failures are in the log.")
            break
        lines.append(block)
    return "\n".join(lines) + "\n"


def _errors(results: Sequence[RunResult], workspace: str | None) -> Iterator[str]:
    for run in results:
        for test in _telling(run):
            steps = test.failed_steps
            step = steps[0] if steps else None
            failure = step.failure if step else None
            message = failure.message if failure else test.message or f"the test is {test.status}"
            title = unit_title(run, test, several=True)
            if step:
                title += f" › {printable(step.name)}"
            line = (step.line if step else 0) or test.line
            yield _command("error", _relative(run.file, workspace), line, title, message)


def _telling(run: RunResult) -> Iterator[TestResult]:
    """Yield the failures, without the tests that a failed suite init kept from running."""
    return (test for test in run.failures if test.steps or not run.init_failed)


def _warnings(results: Sequence[RunResult], workspace: str | None) -> Iterator[str]:
    for run in results:
        for unit in run.units:
            for step in unit.failed_cleanup_steps:
                message = step.failure.message if step.failure else "the cleanup step failed"
                title = cleanup_title(run, unit, several=True)
                file = _relative(run.file, workspace)
                yield _command("warning", file, step.line, title, message)


def _command(kind: str, file: str, line: int, title: str, message: str) -> str:
    place = {"file": file, "line": str(line) if line else "", "title": title}
    properties = ",".join(f"{key}={_property(text)}" for key, text in place.items() if text)
    return f"::{kind} {properties}::{_data(message)}"


def _data(text: str) -> str:
    text = printable(text).replace("%", "%25")
    return text.replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _relative(file: str, workspace: str | None) -> str:
    """Return the path GitHub knows the file by: relative to the checkout, where it is inside it."""
    if not workspace or not file:
        return file
    path = os.path.relpath(os.path.abspath(file), workspace)
    return file if path.startswith("..") else path


def _row(run: RunResult) -> str:
    totals = run.totals
    mark = "✅" if run.green else "❌"
    numbers = f"{totals.passed} | {totals.not_passed} | {totals.skipped}"
    took = format_duration(run.duration_seconds)
    return f"| {_markdown(run.suite)} | {mark} {run.status} | {numbers} | {took} |"


def _details(results: Sequence[RunResult]) -> Iterator[str]:
    for run in results:
        for test in _telling(run):
            text = "\n".join(line.text for line in failure_lines(run, test, LAYOUT))
            yield _fold("❌", unit_title(run, test, several=True), text)
        for unit in run.units:
            for step in unit.failed_cleanup_steps:
                yield _cleanup(run, unit, step)


def _cleanup(run: RunResult, unit: TestResult, step: StepResult) -> str:
    text = "\n".join(line.text for line in step_lines(run, step, LAYOUT))
    return _fold("⚠️", cleanup_title(run, unit, several=True), text)


def _fold(mark: str, title: str, text: str) -> str:
    fence = "```"
    while fence in text:
        fence += "`"
    head = f"<details><summary>{mark} {_markdown(title)}</summary>"
    return f"{head}\n\n{fence}text\n{text}\n{fence}\n\n</details>\n"


def _markdown(text: str) -> str:
    """Return text that Markdown and HTML take literally, on one line."""
    return " ".join(printable(text).split()).translate(_LITERAL)
