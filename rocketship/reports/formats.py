"""The report formats by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rocketship.errors import UsageError
from rocketship.reports import json, junit
from rocketship.run.result import RunResult
from rocketship.suite.problem import did_you_mean

FORMATS: Mapping[str, Callable[[Sequence[RunResult]], bytes]] = {
    "json": json.render,
    "junit": junit.render,
}


def check_format(name: str) -> None:
    """Make sure there is such a format.

    Raises:
        UsageError: There is none.
    """
    if name not in FORMATS:
        known = f"known formats: {', '.join(FORMATS)}"
        raise UsageError(
            f'there is no report format "{name}"', hint=did_you_mean(name, FORMATS) or known
        )


def render(name: str, results: Sequence[RunResult]) -> bytes:
    """Return the report of one or several runs in the named format.

    Raises:
        UsageError: There is no such format.
    """
    check_format(name)
    return FORMATS[name](results)
