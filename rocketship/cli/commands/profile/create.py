"""Add a connection profile; the engine is asked whether it is one.

Examples: `rocketship profile create staging https://engine.example.com --use`,
`rocketship profile create lab lab.example.com:7700`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Annotated

import typer

from rocketship.cli import options
from rocketship.cli.connection.endpoint import config_file, endpoint_of, tell_notes
from rocketship.cli.console import standard_console
from rocketship.cli.context import run_async
from rocketship.errors import RocketshipError, UsageError
from rocketship.profiles.model import Config, Profile, check_new_name
from rocketship.profiles.resolve import DEFAULT_CONNECT_TIMEOUT_SECONDS, Connection, Target

NAME = Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")]
URL = Annotated[str, typer.Argument(metavar="URL", help="The engine: https://HOST[:PORT].")]
PORT = Annotated[int | None, typer.Option("--port", metavar="N", min=1, max=65535, help="Port.")]
FORCE = Annotated[bool, typer.Option("--force", help="Replace a profile of that name.")]
USE = Annotated[bool, typer.Option("--use", help="Make it the active profile.")]
NO_CHECK = Annotated[bool, typer.Option("--no-check", help="Do not connect to the engine.")]


@options.with_tls
def main(
    name: NAME,
    url: URL,
    connection: Connection,
    port: PORT = None,
    force: FORCE = False,
    use: USE = False,
    no_check: NO_CHECK = False,
) -> int:
    """Add a connection profile."""
    console = standard_console()
    file = config_file()
    check_new_name(name)
    config = file.load()
    tell_notes(console, file)
    profile = _profile(name, url, port, connection)
    _refuse_existing(config, name, force=force)
    seconds = connection.connect_timeout or DEFAULT_CONNECT_TIMEOUT_SECONDS
    if not no_check:
        run_async(_check(Target(profile, seconds, {"engine": "URL"})))

    def change(current: Config) -> Config:
        _refuse_existing(current, name, force=force)
        changed = current.put(profile)
        return changed.use(name) if use else changed

    active = file.update(change).active
    console.print(f'Profile "{name}" leads to {profile.engine}.')
    if active == name:
        console.print("It is the active profile.")
    else:
        console.note(f"Make it the active one with: rocketship profile use {name}")
    return 0


def _profile(name: str, url: str, port: int | None, connection: Connection) -> Profile:
    from rocketship.client.address import parse_address

    address = parse_address(url)
    if port is not None:
        address = replace(address, port=port)
    return Profile(
        name,
        engine=str(address),
        ca_cert=_absolute(connection.ca_cert),
        client_cert=_absolute(connection.client_cert),
        client_key=_absolute(connection.client_key),
        tls_server_name=connection.tls_server_name,
        insecure_skip_verify=connection.insecure_skip_verify,
    )


def _absolute(path: str) -> str:
    return os.path.abspath(path) if path else ""


def _refuse_existing(config: Config, name: str, *, force: bool) -> None:
    if name in config.profiles and not force:
        there = config.profiles[name].engine
        raise UsageError(
            f'there is a profile "{name}" already: {there}', hint="--force replaces it"
        )


async def _check(target: Target) -> int:
    """Make sure that an engine answers, and say which.

    Raises:
        RocketshipError: None does.
    """
    from rocketship.cli.connection.discovery import ask_server

    console = standard_console()
    try:
        info = await ask_server(console, endpoint_of(console, target))
    except RocketshipError as error:
        hint = f"{error.hint}; " if error.hint else ""
        raise type(error)(
            error.message, hint=f"{hint}--no-check adds the profile all the same"
        ) from error
    console.note(f"The engine answers: version {info.version or 'unknown'}, {info.auth_type} auth.")
    if info.asked.oidc:
        console.note(f"Log in with: rocketship login --profile {target.profile.name}")
    elif info.asked.token:
        console.note("It wants a token: set ROCKETSHIP_TOKEN.")
    return 0
