"""How much of a failure is shown, and which command shows the rest."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from rocketship.dataclass import dataclass
from rocketship.profiles.resolve import Connection
from rocketship.run.ids import SHORT

if TYPE_CHECKING:
    from rocketship.reports.exchange import Limits


@dataclass(frozen=True, slots=True)
class Detail:
    """What decides it.

    Attributes:
        full: Whether all that was recorded is shown.
        connection: What the command line says about the engine that keeps the runs.
    """

    full: bool = False
    connection: Connection = Connection()

    def limits(self, run_id: str) -> Limits:
        """Return how much is shown of each text of a run."""
        from rocketship.reports.exchange import EVERYTHING, SHORTENED

        if self.full:
            return EVERYTHING
        words = ["rocketship", "get", run_id[:SHORT], "--full"]
        for option, value in (
            ("--engine", self.connection.engine),
            ("--profile", self.connection.profile),
        ):
            words += [option, value] if value else []
        return replace(SHORTENED, rest=shlex.join(words))


#: What is shown unless more is asked for.
BRIEF = Detail()
