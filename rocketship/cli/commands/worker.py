"""Be a worker: carry out tests for the engine, in the foreground, until told to stop.

Settings are environment variables: ROCKETSHIP_ENGINE, ROCKETSHIP_WORKER_TOKEN,
ROCKETSHIP_TEMPORAL_*, ROCKETSHIP_WORKER_LABELS and so on. SIGTERM leaves what is in flight to other
workers, each test as soon as its step has ended.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rocketship.cli import options
from rocketship.cli.connection.endpoint import choose_target, endpoint_of
from rocketship.cli.console import Console, standard_console
from rocketship.profiles.resolve import Connection
from rocketship.redaction import Secret
from rocketship.settings.engine import engine_settings
from rocketship.settings.temporal import temporal_settings
from rocketship.settings.worker import DEFAULT_ENGINE, WorkerSettings, worker_settings

if TYPE_CHECKING:
    from rocketship.client.channel import Endpoint


@options.with_connection
def main(connection: Connection) -> int:
    """Be a worker."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    console = standard_console()
    settings, temporal = _settings(connection), temporal_settings(os.environ)
    engine = engine_settings(os.environ, default_recovery="resume")
    endpoint = _endpoint(console, connection)

    from rocketship.cli.context import plugin_registry
    from rocketship.engine.assemble import encryption_key, no_temporal
    from rocketship.processes.secrecy import keep_others_out
    from rocketship.store.sealing import Sealer
    from rocketship.telemetry import log_to_stderr

    try:
        from rocketship.cli.worker import be_worker
    except ImportError as error:
        raise no_temporal(error) from None
    keep_others_out()
    secrets = [
        secret.reveal() for secret in (engine.encryption_key, settings.token, temporal.api_key)
    ]
    log_to_stderr(settings.log_level, settings.log_format, filter(None, secrets))
    sealer = Sealer(lambda: encryption_key(engine))

    def ready() -> None:
        console.print(f"Ready: {settings.slots} slots, for the engine at {endpoint}")
        console.out.flush()

    asyncio.run(be_worker(settings, temporal, endpoint, sealer, plugin_registry(), ready))
    return 0


def _settings(connection: Connection) -> WorkerSettings:
    settings = worker_settings(os.environ)
    if not connection.token_file:
        return settings
    from rocketship.client.credentials import TokenFile

    return replace(settings, token=Secret(TokenFile(Path(connection.token_file)).read()))


def _endpoint(console: Console, connection: Connection) -> Endpoint:
    target = choose_target(console, connection)
    if target.local:
        target = target.at(DEFAULT_ENGINE, "default")
    # A worker has a token of its own, and whoever is logged in on its machine has nothing to do
    # with it.
    return replace(endpoint_of(console, target), credentials=None, spread=True)
