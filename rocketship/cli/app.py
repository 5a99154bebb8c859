"""The command table, loaded lazily, and the place where errors become messages and exit codes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from rocketship.cli.console import standard_console
from rocketship.errors import RocketshipError

#: Name, module, and summary; the summary is here so that `--help` imports no command.
COMMANDS = {
    "run": ("run", "Run suites and show them live."),
    "validate": ("validate", "Check suite files and show every problem."),
    "list": ("list", "List runs, newest first."),
    "get": ("get", "Show a run with its tests and steps."),
    "logs": ("logs", "Show what a run said."),
    "demo": ("demo", "Run the bundled example suites against a bundled sample API."),
    "schema": ("schema", "Print the JSON Schema of the suite language, for editors."),
    "completion": ("completion", "Print the completion script of a shell."),
    "version": ("version", "Print the version."),
}


class _LazyGroup(TyperGroup):
    """A command group whose commands are imported when they are used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module_name, summary = COMMANDS[cmd_name]
        return _command(cmd_name, module_name, summary)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _command(name: str, module_name: str, summary: str) -> Any:
    module = import_module(f"rocketship.cli.commands.{module_name}")
    app = _typer()
    app.command(name, help=module.__doc__, short_help=summary)(module.main)
    command = typer.main.get_command(app)
    command.name = name
    return command


def _typer() -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _root(
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks and what happens inside."),
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        from rocketship._version import __version__

        typer.echo(f"rocketship {__version__}")
        raise typer.Exit
    if debug:
        from rocketship.telemetry import log_to_stderr

        log_to_stderr("debug")


def build() -> Any:
    """Return the command line as one click command."""
    app = _typer()
    app.info.cls = _LazyGroup
    app.info.no_args_is_help = True
    app.callback(
        cls=_LazyGroup,
        invoke_without_command=False,
        help="Declarative end-to-end tests on an engine you host yourself.",
    )(_root)
    group = typer.main.get_group(app)
    group.name = "rocketship"
    return group


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    command = build()
    debug = "--debug" in arguments
    console = standard_console()
    try:
        code = command.main(list(arguments), prog_name="rocketship", standalone_mode=False)
    except RocketshipError as error:
        if debug:
            raise
        console.error(error)
        return error.exit_code
    except BrokenPipeError:
        # Whoever read our output has gone; that is their choice, not an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130
    except typer.Abort:
        return 130
    except Exception as error:
        return _unexpected(error, console, debug=debug)
    return code if isinstance(code, int) else 0


def _unexpected(error: Exception, console: Any, *, debug: bool) -> int:
    show = getattr(error, "show", None)
    if show is not None:  # a usage error of the option parser, which words itself
        show()
        return int(getattr(error, "exit_code", 2))
    if debug:
        raise error
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    hint = "run the command again with --debug to see where; this is a fault of rocketship"
    console.error(RocketshipError(f"unexpected {what}", hint=hint))
    return RocketshipError.exit_code
