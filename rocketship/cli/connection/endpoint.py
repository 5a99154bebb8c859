"""From what a command line says to the engine it works with: elsewhere, or in this process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rocketship.cli.console import Console
from rocketship.errors import UsageError
from rocketship.profiles.file import ConfigFile
from rocketship.profiles.resolve import Connection, Target, resolve

if TYPE_CHECKING:
    from rocketship.client.channel import Endpoint


def choose_engine(console: Console, connection: Connection) -> Endpoint | None:
    """Return the engine to connect to, or None for one in this process.

    Raises:
        UsageError: The connection cannot be meant so.
        SettingsError: The configuration cannot be used.
    """
    target = choose_target(console, connection)
    return endpoint_of(console, target) if target.profile.engine else None


def choose_target(console: Console, connection: Connection) -> Target:
    """Return where to connect: for the profile `local`, the server on this machine if it is alive.

    Errors are those of `choose_engine`.
    """
    file = config_file()
    target = resolve(connection, os.environ, file)
    tell_notes(console, file)
    if target.auto or not target.local:
        return target
    from rocketship.cli.local_server.record import Place

    record = Place(os.environ).find()
    return target.at(record.grpc, f"local server, process {record.pid}") if record else target


def endpoint_of(console: Console, target: Target) -> Endpoint:
    """Return how to connect to a target that has an address.

    Raises:
        UsageError: The address is none, or the token for it cannot be used.
        SettingsError: A proxy variable cannot be used.
    """
    from rocketship.cli.connection.tokens import credentials_for
    from rocketship.client.address import parse_address
    from rocketship.client.channel import Endpoint
    from rocketship.client.proxy import proxy_for
    from rocketship.client.tls import TlsOptions

    profile = target.profile
    try:
        address = parse_address(profile.engine)
    except UsageError as error:
        origin = target.origins["engine"]
        raise UsageError(f"{origin}: {error.message}", hint=error.hint) from None
    tls = TlsOptions(
        ca_cert=_path(profile.ca_cert),
        client_cert=_path(profile.client_cert),
        client_key=_path(profile.client_key),
        server_name=profile.tls_server_name,
        insecure_skip_verify=profile.insecure_skip_verify,
    )
    return Endpoint(
        address,
        tls,
        proxy_for(address, os.environ),
        profile=profile.name,
        connect_timeout_seconds=target.connect_timeout_seconds,
        credentials=credentials_for(console, target, str(address)),
        allow_plaintext_token=target.allow_plaintext_token,
    )


def config_file() -> ConfigFile:
    """Return the configuration file of whoever runs this process."""
    return ConfigFile(os.environ)


def tell_notes(console: Console, file: ConfigFile) -> None:
    """Tell what happened while the configuration was read, once."""
    for note in file.notes:
        console.note(note)
    file.notes.clear()


def _path(text: str) -> Path | None:
    return Path(text) if text else None
