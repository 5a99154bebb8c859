"""Every option that more than one command has, defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PATHS = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Suite files or folders. Without any: .rocketship or rocketship.yaml here.",
        show_default=False,
    ),
]
FILES = Annotated[
    list[str] | None,
    typer.Option("--file", "-f", metavar="FILE", help="A suite file; may be repeated."),
]
FOLDERS = Annotated[
    list[str] | None,
    typer.Option("--dir", "-d", metavar="DIR", help="A folder of suites; may be repeated."),
]
VARS = Annotated[
    list[str] | None,
    typer.Option(
        "--var",
        "-v",
        metavar="KEY=VALUE",
        help="Set a variable: key=text or key:=json; dotted keys nest. May be repeated.",
    ),
]
VAR_FILES = Annotated[
    list[Path] | None,
    typer.Option("--var-file", metavar="FILE", help="Variables from YAML or JSON; repeatable."),
]
ENV_FILES = Annotated[
    list[Path] | None,
    typer.Option("--env-file", metavar="FILE", help="Environment from a .env file; repeatable."),
]
ALLOW_UNKNOWN_KEYS = Annotated[
    bool, typer.Option("--allow-unknown-keys", help="Warn of unknown keys instead of refusing.")
]
RUN_ID = Annotated[
    str, typer.Argument(metavar="RUN", help="A run id, or the beginning of one (6 characters).")
]
FORMAT = Annotated[
    str, typer.Option("--format", metavar="FORMAT", help="table or json.", show_default=True)
]
