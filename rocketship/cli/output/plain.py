"""Runs as lines of text, `[suite] [test] [step] message`: for CI logs, pipes and files."""

from __future__ import annotations

from collections.abc import Sequence

from rocketship.cli.console import Console
from rocketship.cli.output.detail import BRIEF, Detail
from rocketship.cli.output.summary import print_results
from rocketship.run.events import Recorded
from rocketship.run.narrate import Line, Narrator
from rocketship.run.printable import printable
from rocketship.run.result import RunResult
from rocketship.values import format_time


class PlainOutput:
    """Prints every line of the narration as it happens, then failures and totals.

    Args:
        console: Where it prints.
        timestamps: Whether each line shows when its event happened.
        detail: How much of failures is shown.
    """

    def __init__(
        self, console: Console, *, timestamps: bool = False, detail: Detail = BRIEF
    ) -> None:
        self._console = console
        self._detail = detail
        self._timestamps = timestamps
        self._narrators: dict[str, Narrator] = {}

    def start(self, suites: Sequence[str]) -> None:
        """Nothing is known yet that is worth a line."""

    def handle(self, run_id: str, suite: str, recorded: Recorded) -> None:
        """Print what there is to say about an event."""
        narrator = self._narrators.get(run_id)
        if narrator is None:
            narrator = self._narrators[run_id] = Narrator()
        for line in narrator.lines(recorded.event):
            self._console.print(self.format(suite, line))

    def close(self, results: Sequence[RunResult]) -> None:
        """Print failures in full, and totals."""
        print_results(self._console, results, self._detail)

    def format(self, suite: str, line: Line) -> str:
        """Return a narrated line as it is printed; each line of its text gets the prefix."""
        prefix = " ".join(
            [f"[{name}]" for name in (printable(suite), line.test, line.step) if name]
        )
        if prefix:
            prefix = prefix.replace("\n", " ")
            prefix = self._console.paint(prefix, line.style.color, bold=line.style.bold) + " "
        if self._timestamps:
            prefix += f"[{format_time(line.at)}] "
        return prefix + line.message.replace("\n", f"\n{prefix}")
