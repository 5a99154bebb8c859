"""Check suite files and show every problem, with its position and what to do about it.

Examples: `rocketship validate`, `rocketship validate .rocketship/shop --strict`,
`rocketship validate api.yaml --format json`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from rocketship.cli import options
from rocketship.cli.console import Console, standard_console
from rocketship.cli.context import current_folder, plugin_registry
from rocketship.dataclass import dataclass
from rocketship.errors import UsageError
from rocketship.suite.problem import problem_json

if TYPE_CHECKING:
    from rocketship.suite.load import LoadedSuite

STRICT = Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")]
FORMAT = Annotated[str, typer.Option("--format", metavar="FORMAT", help="text or json.")]


def main(
    paths: options.PATHS = None,
    files: options.FILES = None,
    folders: options.FOLDERS = None,
    variables: options.VARS = None,
    var_files: options.VAR_FILES = None,
    strict: STRICT = False,
    allow_unknown_keys: options.ALLOW_UNKNOWN_KEYS = False,
    output: FORMAT = "text",
) -> int:
    """Check suite files and show every problem."""
    from rocketship.suite.discover import discover
    from rocketship.suite.load import load_suite
    from rocketship.suite.variables import VariableInputs

    if output not in ("text", "json"):
        raise UsageError(f'there is no format "{output}"', hint="use text or json")
    cwd = current_folder()
    inputs = VariableInputs.read(variables or (), var_files or ())
    given = bool(variables or var_files)
    plugins = plugin_registry()
    found = discover([*(paths or ()), *(files or ()), *(folders or ())], cwd=cwd)
    checked = [
        _Checked(
            str(path),
            load_suite(
                path,
                plugins,
                variables=inputs if given else None,
                cwd=cwd,
                allow_unknown_keys=allow_unknown_keys,
            ),
            strict,
        )
        for path in found.files
    ]
    console = standard_console()
    for warning in found.warnings:
        console.warning(warning)
    if output == "json":
        _show_json(console, checked)
    else:
        _show_text(console, checked)
    return 2 if any(item.failed for item in checked) else 0


@dataclass(frozen=True, slots=True)
class _Checked:
    """A file that was looked at; with `strict`, warnings fail."""

    file: str
    loaded: LoadedSuite
    strict: bool

    @property
    def failed(self) -> bool:
        if self.loaded.skipped:
            return False
        return self.loaded.suite is None or (self.strict and bool(self.loaded.problems))


def _show_text(console: Console, checked: list[_Checked]) -> None:
    for item in checked:
        if item.loaded.skipped:
            console.warning(item.loaded.skipped)
            continue
        if item.loaded.problems:
            console.note(item.loaded.report(console.width) + "\n")
        word = "failed" if item.failed else "passed"
        mark, color = ("✗", "red") if item.failed else ("✓", "green")
        console.print(console.paint(f"{mark} {item.file}: validation {word}", color))
    suites = [item for item in checked if not item.loaded.skipped]
    failed = sum(item.failed for item in suites)
    if failed:
        console.print(f"{failed} of {len(suites)} files failed")
    else:
        console.print(f"All {len(suites)} files passed" if len(suites) != 1 else "1 file passed")


def _show_json(console: Console, checked: list[_Checked]) -> None:
    document = {
        "valid": not any(item.failed for item in checked),
        "files": [
            {
                "file": item.file,
                "valid": not item.failed,
                "skipped": item.loaded.skipped,
                "problems": [problem_json(problem) for problem in item.loaded.problems],
            }
            for item in checked
        ],
    }
    console.print(json.dumps(document, indent=2, ensure_ascii=False))
