"""Every option that more than one command has, defined once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from rocketship.errors import UsageError
from rocketship.profiles.resolve import Connection
from rocketship.values import parse_duration

PATHS = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PATH]...",
        help="Suite files or folders to search; the current folder unless given.",
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
REPORTS = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        metavar="FORMAT=FILE",
        help="Write html, json, junit, markdown or tap; repeatable.",
    ),
]
OUTPUT = Annotated[str | None, typer.Option("--output", metavar="HOW", help="live, plain or json.")]
FULL = Annotated[
    bool, typer.Option("--full", help="Show bodies and outputs of failed steps whole.")
]
DETACH = Annotated[
    bool, typer.Option("--detach", help="Start the runs, print their ids, and do not wait.")
]
TIMESTAMPS = Annotated[bool, typer.Option("--timestamp", "-t", help="Show times of log lines.")]


def _engine_option(*names: str, metavar: str, help: str, default: object = "") -> Any:
    field = names[0].lstrip("-").replace("-", "_")
    kind = bool if default is False else str
    option = typer.Option(*names, metavar=metavar or None, help=help, show_default=False)
    return inspect.Parameter(
        field, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )


_TLS = (
    _engine_option("--ca-cert", metavar="FILE", help="Certificates to trust, as PEM."),
    _engine_option("--client-cert", metavar="FILE", help="Certificate to show, as PEM."),
    _engine_option("--client-key", metavar="FILE", help="Key of that certificate, as PEM."),
    _engine_option(
        "--tls-server-name", metavar="NAME", help="Name the engine's certificate must have."
    ),
    _engine_option(
        "--insecure-skip-verify", metavar="", help="Accept any certificate.", default=False
    ),
    _engine_option("--connect-timeout", metavar="DURATION", help="Longest wait for a connection."),
)
_CONNECTION = (
    _engine_option("--engine", "-e", metavar="ADDRESS", help="Engine to use: https://HOST[:PORT]."),
    _engine_option("--profile", metavar="NAME", help="Connection profile to use."),
    _engine_option("--token-file", metavar="FILE", help="File with the token to show the engine."),
    _engine_option(
        "--allow-plaintext-token", metavar="", help="Send the token without TLS.", default=False
    ),
    *_TLS,
)


def with_connection(main: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say where to connect, as its parameter `connection`."""
    return _with_options(main, _CONNECTION)


def with_tls(main: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say how to connect, as its parameter `connection`."""
    return _with_options(main, _TLS)


def _with_options(
    main: Callable[..., int], shared: tuple[inspect.Parameter, ...]
) -> Callable[..., int]:
    @wraps(main)
    def command(**values: Any) -> int:
        given = {option.name: values.pop(option.name) for option in shared}
        timeout = seconds("--connect-timeout", given.pop("connect_timeout"))
        return main(connection=Connection(**given, connect_timeout=timeout), **values)

    signature = inspect.signature(main, eval_str=True)
    own = [item for item in signature.parameters.values() if item.name != "connection"]
    parameters = [*own, *shared]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return command


def seconds(option: str, text: str) -> float | None:
    """Return the seconds of an option's duration, or None when it was not given.

    Raises:
        UsageError: The text is no duration, or not longer than 0.
    """
    if not text:
        return None
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None
    if found <= 0:
        raise UsageError(f"{option} must be longer than 0, found {text}")
    return found
