"""The report formats by name; a format is loaded when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

from rocketship.errors import UsageError
from rocketship.run.result import RunResult
from rocketship.suite.problem import did_you_mean

#: Name to the module whose `render` takes runs and returns the bytes of the file.
FORMATS: Mapping[str, str] = {
    "html": "rocketship.reports.html",
    "json": "rocketship.reports.json",
    "junit": "rocketship.reports.junit",
    "markdown": "rocketship.reports.markdown",
    "tap": "rocketship.reports.tap",
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
    content: bytes = import_module(FORMATS[name]).render(results)
    return content
