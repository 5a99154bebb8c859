"""A summary in Markdown, for pull requests and the pages of CI runs; all text in it is literal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rocketship.reports.failure import Layout, failure_lines, step_lines
from rocketship.reports.titles import cleanup_title, unit_title
from rocketship.run.contracts import coverage
from rocketship.run.printable import printable
from rocketship.run.result import RunResult, StepResult, TestResult, Totals
from rocketship.values import format_duration

#: GitHub refuses a summary of more than 1 MiB.
MAX_SUMMARY_BYTES = 1_000_000

LAYOUT = Layout(width=100)

_LITERAL = {ord(character): f"&#{ord(character)};" for character in "&<>|\\`*_[]~@#"}


def render(results: Sequence[RunResult]) -> bytes:
    """Return the summary of one or several runs, in UTF-8."""
    return summary(results).encode("utf-8", "replace")


def summary(results: Sequence[RunResult]) -> str:
    """Return totals, a table of the suites, and every failure folded behind its name."""
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
        *_contracts(results),
    ]
    size = 0
    for block in _details(results):
        size += len(block.encode("utf-8", "replace"))
        if size > MAX_SUMMARY_BYTES:
            lines.append("Further failures are in the log.")
            break
        lines.append(block)
    return "\n".join(lines) + "\n"


def telling(run: RunResult) -> Iterator[TestResult]:
    """Yield the failures, without the tests that a failed suite init kept from running."""
    return (test for test in run.failures if test.steps or not run.init_failed)


def _contracts(results: Sequence[RunResult]) -> Iterator[str]:
    for covered in coverage(results):
        counted = f"{len(covered.used)} of {covered.total} operations used"
        yield f"Contract {_markdown(covered.spec)}: {counted}."
        yield ""


def _row(run: RunResult) -> str:
    totals = run.totals
    mark = "✅" if run.green else "❌"
    numbers = f"{totals.passed} | {totals.not_passed} | {totals.skipped}"
    took = format_duration(run.duration_seconds)
    return f"| {_markdown(run.suite)} | {mark} {run.status} | {numbers} | {took} |"


def _details(results: Sequence[RunResult]) -> Iterator[str]:
    for run in results:
        for test in telling(run):
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
