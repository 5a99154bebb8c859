"""Finding and reading suite files for commands, with every problem shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rocketship.cli.console import Console
from rocketship.cli.context import current_folder
from rocketship.dataclass import dataclass
from rocketship.errors import InvalidSuite

if TYPE_CHECKING:
    from rocketship.plugins.registry import Registry
    from rocketship.suite.load import LoadedSuite
    from rocketship.suite.variables import VariableInputs


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """A suite that can be run; `shown` is its path as people see it."""

    shown: str
    loaded: LoadedSuite


def read_suites(
    console: Console,
    paths: Sequence[str],
    plugins: Registry,
    *,
    variables: VariableInputs,
    allow_unknown_keys: bool = False,
) -> list[SuiteFile]:
    """Return every suite the paths stand for, in a stable order; warnings are shown.

    Raises:
        UsageError: No suite file was found.
        InvalidSuite: At least one file has errors; its report has all of them, of all files.
    """
    from rocketship.suite.discover import discover
    from rocketship.suite.load import load_suite

    cwd = current_folder()
    found = discover(paths, cwd=cwd)
    suites: list[SuiteFile] = []
    reports: list[str] = []
    for path in found.files:
        loaded = load_suite(
            path, plugins, variables=variables, cwd=cwd, allow_unknown_keys=allow_unknown_keys
        )
        if loaded.skipped:
            console.warning(loaded.skipped)
        elif loaded.suite is None:
            reports.append(loaded.report(console.width))
        else:
            if loaded.problems:
                console.note(loaded.report(console.width))
            suites.append(SuiteFile(str(loaded.suite.location.file), loaded))
    if reports:
        count = "a suite file has" if len(reports) == 1 else f"{len(reports)} suite files have"
        raise InvalidSuite(f"{count} errors; nothing was run", report="\n".join(reports))
    return suites
