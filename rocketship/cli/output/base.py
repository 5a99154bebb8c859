"""What a way of showing runs has to offer, and the choice between the ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rocketship.cli.console import Console
from rocketship.cli.output.detail import BRIEF, Detail
from rocketship.errors import UsageError
from rocketship.run.events import Recorded
from rocketship.run.result import RunResult
from rocketship.suite.problem import did_you_mean

OUTPUTS = ("live", "plain", "json")


class Output(Protocol):
    """Shows one or several runs; `close` is called in any case, also after an error."""

    def start(self, suites: Sequence[str]) -> None:
        """Begin; `suites` are the names of all suites about to run."""
        ...

    def handle(self, run_id: str, suite: str, recorded: Recorded) -> None:
        """Take the next event of a run; the events of one run arrive in order."""
        ...

    def close(self, results: Sequence[RunResult]) -> None:
        """End: show failures and totals of the runs, finished or not."""
        ...


def choose_output(
    requested: str | None, console: Console, *, timestamps: bool = False, detail: Detail = BRIEF
) -> Output:
    """Return the output to use.

    Args:
        requested: `live`, `plain`, `json`, or None for what fits the terminal.
        console: Where it prints.
        timestamps: Whether plain lines show the time of their event.
        detail: How much of failures is shown.

    Raises:
        UsageError: There is no such output.
    """
    if requested not in (None, *OUTPUTS):
        hint = did_you_mean(requested or "", OUTPUTS) or f"known outputs: {', '.join(OUTPUTS)}"
        raise UsageError(f'there is no output "{requested}"', hint=hint)
    if requested == "live" and not console.can_redraw:
        console.note("Live output needs a terminal; showing plain lines instead.")
        requested = "plain"
    chosen = requested or ("live" if console.interactive and not timestamps else "plain")
    output = _make(chosen, console, timestamps, detail)
    if console.environment.get("GITHUB_ACTIONS") == "true":
        from rocketship.cli.output.github import GitHubOutput

        return GitHubOutput(output, console, fenced=chosen != "json")
    return output


def _make(name: str, console: Console, timestamps: bool, detail: Detail) -> Output:
    # Each output is imported only when it is used, because start-up time is a feature.
    if name == "json":
        from rocketship.cli.output.json_lines import JsonLinesOutput

        return JsonLinesOutput(console)
    if name == "live":
        from rocketship.cli.output.live import LiveOutput

        return LiveOutput(console, detail=detail)
    from rocketship.cli.output.plain import PlainOutput

    return PlainOutput(console, timestamps=timestamps, detail=detail)
