"""GitHub Actions: failures as annotations in the changed files, and a summary on the run's page."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from rocketship.cli.console import Console
from rocketship.cli.output.base import Output
from rocketship.reports.markdown import summary, telling
from rocketship.reports.titles import cleanup_title, unit_title
from rocketship.run.events import Recorded
from rocketship.run.printable import printable
from rocketship.run.result import RunResult

#: GitHub shows no more annotations of a kind than this per step.
MAX_ANNOTATIONS = 10


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
            self._append(Path(path), summary(results))

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


def _errors(results: Sequence[RunResult], workspace: str | None) -> Iterator[str]:
    for run in results:
        for test in telling(run):
            steps = test.failed_steps
            step = steps[0] if steps else None
            failure = step.failure if step else None
            message = failure.message if failure else test.message or f"the test is {test.status}"
            title = unit_title(run, test, several=True)
            if step:
                title += f" › {printable(step.name)}"
            line = (step.line if step else 0) or test.line
            yield _command("error", _relative(run.file, workspace), line, title, message)


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
