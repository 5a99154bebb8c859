"""Check what running suites depends on, from the configuration to the engine's answer.

Each line says what was found and, where something is wrong, the next thing to try. The exit code is
1 when something keeps suites from running.
Examples: `rocketship doctor`, `rocketship doctor --engine https://engine.example.com`,
`rocketship doctor --format json`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from rocketship.cli import options
from rocketship.cli.console import Console, standard_console
from rocketship.cli.context import run_async
from rocketship.errors import RocketshipError, UsageError
from rocketship.profiles.model import LOCAL
from rocketship.profiles.resolve import Connection

if TYPE_CHECKING:
    from rocketship.cli.doctor.check import Check
    from rocketship.client.channel import Endpoint

FORMAT = Annotated[str, typer.Option("--format", metavar="FORMAT", help="text or json.")]
_MARKS = {
    "ok": ("✓", "green"),
    "warning": ("⚠", "yellow"),
    "failed": ("✗", "red"),
    "skipped": ("-", ""),
}
_NAME_WIDTH = 14
#: Checks that need an engine to ask.
_ASKED = ("grpc", "engine", "auth")


@options.with_connection
def main(connection: Connection, output: FORMAT = "text") -> int:
    """Check what running suites depends on."""
    if output not in ("text", "json"):
        raise UsageError(f'there is no format "{output}"', hint="use text or json")
    console = standard_console()
    checks: list[Check] = []
    for check in _checks(console, connection):
        checks.append(check)
        if output == "text":
            _print(console, check)
    healthy = all(check.outcome.value != "failed" for check in checks)
    if output == "json":
        _print_json(console, checks, healthy=healthy)
    return 0 if healthy else 1


def _checks(console: Console, connection: Connection) -> Iterator[Check]:
    from rocketship.cli.connection.endpoint import choose_target, endpoint_of
    from rocketship.cli.doctor.check import failed, ok
    from rocketship.cli.doctor.machine import machine_checks

    yield from machine_checks(os.environ)
    try:
        target = choose_target(console, connection)
        endpoint = endpoint_of(console, target) if target.profile.engine else None
    except RocketshipError as error:
        yield failed("target", error.message, error.hint)
        return
    name = target.profile.name
    shown = f' (profile "{name}")' if name else ""
    if endpoint is None:
        yield ok("target", f"an engine in the process of each command{shown}")
        return
    # For a profile of the configuration it is the choice of the profile that wants explaining.
    origin = target.origins["engine" if name in ("", LOCAL) else "profile"]
    yield ok("target", f"{endpoint.address}{shown}; {origin}")
    yield from _remote_checks(endpoint)


def _remote_checks(endpoint: Endpoint) -> Iterator[Check]:
    from rocketship.cli.doctor.check import Outcome, skipped
    from rocketship.cli.doctor.engine import engine_checks
    from rocketship.cli.doctor.network import network_checks

    reached = True
    for check in network_checks(endpoint, os.environ):
        yield check
        reached = reached and check.outcome is not Outcome.SKIPPED
    if reached:
        yield from run_async(engine_checks(endpoint))
    else:
        yield from (skipped(name, "the engine cannot be reached") for name in _ASKED)


def _print(console: Console, check: Check) -> None:
    mark, color = _MARKS[check.outcome.value]
    skipped = "skipped: " if check.outcome.value == "skipped" else ""
    mark = console.paint(mark, color)
    console.print(f"{mark} {check.name:<{_NAME_WIDTH}} {skipped}{check.message}")
    if check.hint:
        console.print(f"  {'':<{_NAME_WIDTH}} try: {check.hint}")


def _print_json(console: Console, checks: list[Check], *, healthy: bool) -> None:
    import json

    document = {
        "healthy": healthy,
        "checks": [
            {
                "name": check.name,
                "outcome": check.outcome.value,
                "message": check.message,
                "hint": check.hint or None,
            }
            for check in checks
        ],
    }
    console.print(json.dumps(document, indent=2, ensure_ascii=False))
