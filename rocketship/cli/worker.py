"""The life of a worker's process: connect, work, and leave everything to others in good order."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from temporalio.client import Client

from rocketship.client.channel import Endpoint
from rocketship.client.worker.gateway import Gateway, open_gateway
from rocketship.engine.planning import Planner
from rocketship.engine.worker_keys import proof
from rocketship.errors import Conflict
from rocketship.plugins.registry import Registry
from rocketship.runtime.temporal.cluster.connection import open_client
from rocketship.runtime.temporal.worker import WorkerLoop
from rocketship.server.health import Readiness, State
from rocketship.server.rpc import listener
from rocketship.server.web.hypercorn import HttpListener
from rocketship.server.web.probes import probes
from rocketship.settings.reader import Address
from rocketship.settings.temporal import TemporalSettings
from rocketship.settings.worker import WorkerSettings
from rocketship.store.sealing import Sealer

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: How long the last reports may take to be stored, once nothing is in flight any more.
LAST_REPORTS_SECONDS = 5.0
HTTP_GRACE_SECONDS = 1.0
#: How often a worker with another encryption key than the engine asks again.
KEY_RETRY_SECONDS = 5.0


async def be_worker(
    settings: WorkerSettings,
    temporal: TemporalSettings,
    endpoint: Endpoint,
    sealer: Sealer,
    plugins: Registry,
    ready: Callable[[], None],
) -> None:
    """Be a worker until SIGTERM, SIGINT or SIGHUP.

    Args:
        settings: How to work.
        temporal: Where work comes from.
        endpoint: Where plans come from and reports go to.
        sealer: Has the engine's encryption key.
        plugins: The plugins there are.
        ready: Called once work is asked for.

    Raises:
        SettingsError: What is configured cannot be used.
        Refused: Temporal does not take us, or is not to be trusted.
        Infrastructure: The address of the probes cannot be listened on.
    """
    stop, readiness = asyncio.Event(), Readiness()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, stop.set)
    parts = {"engine": False, "key": False, "temporal": False}
    token = settings.token.reveal()
    async with (
        open_gateway(endpoint, token, Planner(plugins)) as gateway,
        _listening(settings.http, readiness, lambda: {**parts, "engine": gateway.connected}),
    ):
        connecting = asyncio.ensure_future(_connect(temporal, sealer, gateway, parts))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait({connecting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not connecting.done():
            connecting.cancel()
            return
        worker = WorkerLoop(
            connecting.result(),
            prefix=temporal.queue_prefix,
            labels=settings.labels,
            slots=settings.slots,
            grace_seconds=settings.grace_seconds,
            plans=gateway,
            reports=gateway,
            states=gateway,
            plugins=plugins,
        )
        readiness.become(State.OK)
        ready()
        await _work(worker, gateway, stopping, readiness)
    await plugins.close()
    log.info("stopped")


async def _connect(
    temporal: TemporalSettings, sealer: Sealer, gateway: Gateway, parts: dict[str, bool]
) -> Client:
    """Return where work comes from, once this worker may have any, and note what is there."""
    client = await open_client(temporal, sealer, lazy=False)
    parts["temporal"] = True
    while True:
        try:
            await gateway.check_key(proof(sealer))
        except Conflict as error:
            # The engine may be the one that is given another key.
            log.error("key_refused", extra={"error": error.message, "hint": error.hint})
            await asyncio.sleep(KEY_RETRY_SECONDS)
        else:
            parts["key"] = True
            return client


async def _work(
    worker: WorkerLoop, gateway: Gateway, stopping: asyncio.Future[Any], readiness: Readiness
) -> None:
    """Work until told to stop, and then until nothing is in flight."""
    serving: asyncio.Future[Any] = asyncio.create_task(worker.serve())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    readiness.become(State.DRAINING)
    log.info("draining", extra={"units": worker.busy})
    draining = asyncio.create_task(worker.drain())
    try:
        await serving
    finally:
        draining.cancel()
        if not await gateway.settle(LAST_REPORTS_SECONDS):
            log.warning("reports_left_behind")


@asynccontextmanager
async def _listening(
    address: Address | None, readiness: Readiness, parts: Callable[[], dict[str, bool]]
) -> AsyncIterator[None]:
    if address is None:
        yield
        return
    socket = listener.listen(address, "HTTP", "ROCKETSHIP_WORKER_HTTP_ADDRESS")
    http = HttpListener(probes(readiness, parts), socket)
    await http.start()
    watching = asyncio.ensure_future(http.watch())
    log.info("listening", extra={"http": http.address})
    try:
        yield
    finally:
        watching.cancel()
        await http.stop(HTTP_GRACE_SECONDS)
