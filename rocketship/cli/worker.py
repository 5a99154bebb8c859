"""The life of a worker's process: connect, work, and leave everything to others in good order."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from rocketship.client.channel import Endpoint
from rocketship.client.worker.gateway import Gateway, open_gateway
from rocketship.engine.planning import Planner
from rocketship.engine.worker_keys import proof
from rocketship.errors import Conflict, RocketshipError
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

T = TypeVar("T")

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: How long the last reports may take to be stored, once nothing is in flight any more.
LAST_REPORTS_SECONDS = 5.0
HTTP_GRACE_SECONDS = 1.0
#: How often a worker shows that it has the engine's encryption key, before it works and while.
KEY_SECONDS = 5.0


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
        ready: Called when work is asked for, again each time after the key was refused.

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
        stopping = asyncio.ensure_future(stop.wait())
        client = await _unless(stopping, open_client(temporal, sealer, lazy=False))
        parts["temporal"] = client is not None
        while client is not None:
            if not await _unless(stopping, _key_shown(sealer, gateway, parts)):
                break
            worker = WorkerLoop(
                client,
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
            refused = asyncio.ensure_future(_key_refused(sealer, gateway, parts))
            await _work(worker, gateway, {stopping, refused}, readiness)
            refused.cancel()
            if not stopping.done():
                readiness.become(State.STARTING)
                log.info("waiting_for_key")
    await plugins.close()
    log.info("stopped")


async def _unless(stopping: asyncio.Future[Any], work: Awaitable[T]) -> T | None:
    """Return what a piece of work returns, or None when the worker is told to stop before."""
    task = asyncio.ensure_future(work)
    await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not stopping.done():
        return task.result()
    task.cancel()
    return None


async def _key_shown(sealer: Sealer, gateway: Gateway, parts: dict[str, bool]) -> bool:
    """Return once the engine has found that this worker has its key."""
    while not parts["key"]:
        parts["key"] = await _known(sealer, gateway)
        await asyncio.sleep(0 if parts["key"] else KEY_SECONDS)
    return parts["key"]


async def _key_refused(sealer: Sealer, gateway: Gateway, parts: dict[str, bool]) -> None:
    """Return once the engine finds that this worker has another key, as it was given a new one."""
    while parts["key"]:
        await asyncio.sleep(KEY_SECONDS)
        try:
            parts["key"] = await _known(sealer, gateway)
        except RocketshipError as error:
            # Whatever else is wrong with the engine, the key it has seen is no worse for it.
            log.warning("key_not_shown", extra={"error": error.message})


async def _known(sealer: Sealer, gateway: Gateway) -> bool:
    try:
        await gateway.check_key(proof(sealer))
    except Conflict as error:
        # The engine may be the one that is given another key.
        log.error("key_refused", extra={"error": error.message, "hint": error.hint})
        return False
    return True


async def _work(
    worker: WorkerLoop,
    gateway: Gateway,
    enough: Collection[asyncio.Future[Any]],
    readiness: Readiness,
) -> None:
    """Work until one of some things has happened, and then until nothing is in flight."""
    serving: asyncio.Future[Any] = asyncio.create_task(worker.serve())
    await asyncio.wait({serving, *enough}, return_when=asyncio.FIRST_COMPLETED)
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
