"""The command table, loaded lazily, and the place where errors become messages and exit codes."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer._click.exceptions import NoArgsIsHelpError
from typer.core import TyperGroup
from typer.exceptions import TyperException

from rocketship.cli.console import Console, standard_console
from rocketship.errors import EXIT_CANCELLED, Infrastructure, RocketshipError, UsageError
from rocketship.suite.problem import did_you_mean

_CONTEXT_SETTINGS = {"help_option_names": ["-h", "--help"]}

#: The words of a command, its module, and its summary, which is here so that `--help` imports no
#: command. A command without a module is a group of those whose words go on.
COMMANDS = {
    "run": ("run", "Run suites and show them live."),
    "validate": ("validate", "Check suite files and show every problem."),
    "list": ("list", "List runs, newest first."),
    "get": ("get", "Show a run with its tests and steps."),
    "logs": ("logs", "Show what a run said."),
    "cancel": ("cancel", "Stop a run; its cleanup still runs."),
    "rerun": ("rerun", "Run again what an earlier run was."),
    "delete": ("delete", "Remove an ended run from history."),
    "report": ("report", "Write the report of a run."),
    "profile": ("", "Name the engines you work with."),
    "profile create": ("profile.create", "Add a connection profile."),
    "profile list": ("profile.list", "List the connection profiles."),
    "profile show": ("profile.show", "Show a profile and the engine behind it."),
    "profile use": ("profile.use", "Make a profile the active one."),
    "profile rename": ("profile.rename", "Rename a profile."),
    "profile delete": ("profile.delete", "Remove a profile."),
    "login": ("login", "Log in to the engine of a profile."),
    "logout": ("logout", "End the login of a profile."),
    "status": ("status", "Show whether and as whom you are logged in."),
    "token": ("", "Make tokens for engines of your own."),
    "token generate": ("token.generate", "Make a token."),
    "start": ("", "Start something on this machine."),
    "start server": ("server.start", "Start a server for your runs on this machine."),
    "stop": ("", "Stop something on this machine."),
    "stop server": ("server.stop", "Stop the server on this machine."),
    "server": ("", "Look at the server on this machine."),
    "server logs": ("server.logs", "Show what the server on this machine logged."),
    "engine": ("engine", "Be an engine, in the foreground."),
    "worker": ("worker", "Be a worker, in the foreground."),
    "doctor": ("doctor", "Check what running suites depends on."),
    "demo": ("demo", "Run the bundled example suites against a bundled sample API."),
    "schema": ("schema", "Print the JSON Schema of the suite language, for editors."),
    "completion": ("completion", "Print the completion script of a shell."),
    "version": ("version", "Print the version."),
}


class _LazyGroup(TyperGroup):
    """A command group whose commands are imported when they are used.

    Attributes:
        path: The words that lead to the group, each followed by a space.
    """

    path = ""

    def list_commands(self, ctx: Any) -> list[str]:
        words = [key.removeprefix(self.path) for key in COMMANDS if key.startswith(self.path)]
        return [word for word in words if " " not in word]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.list_commands(ctx):
            return None
        module_name, summary = COMMANDS[self.path + cmd_name]
        if module_name:
            return _command(cmd_name, module_name, summary)
        return _group(cmd_name, f"{self.path}{cmd_name} ", summary)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            names = self.list_commands(ctx)
            formatter.write_dl([(name, COMMANDS[self.path + name][1]) for name in names])


def _group(name: str, path: str, summary: str) -> _LazyGroup:
    group = _LazyGroup(
        name=name,
        help=summary,
        no_args_is_help=True,
        context_settings=_CONTEXT_SETTINGS,
        rich_markup_mode=None,
    )
    group.path = path
    return group


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
        context_settings=_CONTEXT_SETTINGS,
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
    _open_missing_streams()
    console = standard_console()
    code = _run(arguments, console)
    if console.failure is not None and code != EXIT_CANCELLED:
        reason = console.failure.strerror or str(console.failure)
        console.error(Infrastructure(f"the results could not be written to stdout: {reason}"))
        return Infrastructure.exit_code
    return code


def _run(arguments: Sequence[str], console: Console) -> int:
    command = build()
    debug = "--debug" in arguments
    if debug:
        # It may stand anywhere, because it is added when a command has just failed.
        arguments = ["--debug", *(word for word in arguments if word != "--debug")]
    try:
        code = command.main(list(arguments), prog_name="rocketship", standalone_mode=False)
    except RocketshipError as error:
        if debug:
            traceback.print_exc()
        console.error(error)
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return EXIT_CANCELLED
    except Exception as error:  # the outermost edge: nobody is shown a traceback unasked
        return _unexpected(error, console, debug=debug)
    return code if isinstance(code, int) else 0


def _open_missing_streams() -> None:
    """Open whatever the caller closed, so that no other file gets the number of stdout."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115


def _unexpected(error: Exception, console: Console, *, debug: bool) -> int:
    if isinstance(error, TyperException):
        return _usage_error(error, console)
    if debug:
        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    hint = "run the command again with --debug to see where; this is a fault of rocketship"
    console.error(RocketshipError(f"unexpected {what}", hint=hint))
    return RocketshipError.exit_code


def _usage_error(error: TyperException, console: Console) -> int:
    """Show a complaint of the option parser the way all others look."""
    context: Any = getattr(error, "ctx", None)
    path = context.command_path if context else "rocketship"
    if isinstance(error, NoArgsIsHelpError):
        console.print(error.format_message())
        return UsageError.exit_code
    message = error.format_message()
    unknown = context and re.fullmatch(r"No such command '(.*)'\.", message)
    near = did_you_mean(unknown[1], context.command.list_commands(context)) if unknown else None
    hint = near or f"`{path} --help` shows what there is"
    console.error(UsageError(message[0].lower() + message[1:].rstrip("."), hint=hint))
    return UsageError.exit_code
