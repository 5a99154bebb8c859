"""Be an engine: gRPC on port 7700 and HTTP on port 7701, in the foreground, until told to stop.

All settings are environment variables: ROCKETSHIP_ENGINE_GRPC_ADDRESS, ROCKETSHIP_DATA_DIR and so
on. SIGTERM drains and stops; runs that go on are resumed by the next start. With --check it only
asks the engine that these settings describe whether it is healthy: the health check of the image.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from rocketship.cli.console import standard_console
from rocketship.settings.engine import server_engine_settings
from rocketship.settings.server import ServerSettings, server_settings

if TYPE_CHECKING:
    from rocketship.server.run import Listening


#: Objects made between two looks for garbage. A large run makes hundreds of thousands that stay
#: for a while; the more there are to look at, the longer every other run waits.
SERVING_GC_THRESHOLD = 10_000

CHECK = Annotated[bool, typer.Option("--check", help="Ask the running engine how it fares.")]


def main(check: CHECK = False) -> int:
    """Be an engine."""
    settings = server_settings(os.environ)
    if check:
        from rocketship.server.probe import probe

        probe(settings)
        return 0
    be_engine(settings, _ready)
    return 0


def be_engine(settings: ServerSettings, ready: Callable[[Listening], None]) -> None:
    """Serve until told to stop; `ready` is called once requests are taken.

    Errors are those of `rocketship.server.run.serve`.
    """
    # What gRPC's core has to say is said again, and better, by the exceptions of its binding. Its
    # handlers of fork are for programs that go on using it in the child.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    engine = server_engine_settings(os.environ)

    from rocketship.cli.context import plugin_registry
    from rocketship.processes.secrecy import keep_others_out
    from rocketship.server.run import serve
    from rocketship.telemetry import log_to_stderr

    keep_others_out()
    secrets = [engine.encryption_key.reveal(), *settings.auth.secrets]
    if engine.database is not None:
        secrets += [engine.database.url.reveal(), engine.database.password.reveal()]
    if engine.temporal is not None:
        secrets.append(engine.temporal.api_key.reveal())
    log_to_stderr(settings.log_level, settings.log_format, secrets)
    _stop_briefly_for_garbage()
    asyncio.run(serve(settings, engine, plugin_registry(), ready))


def _stop_briefly_for_garbage() -> None:
    """Look for garbage more often than a command that soon ends, so that each look is short."""
    # All that has been loaded stays, and need not be looked at again.
    gc.freeze()
    gc.set_threshold(SERVING_GC_THRESHOLD)


def _ready(listening: Listening) -> None:
    scheme = "https" if listening.tls else "http"
    console = standard_console()
    console.print(
        f"Ready: gRPC on {listening.grpc}, {scheme.upper()} on {scheme}://{listening.http}"
    )
    console.out.flush()
