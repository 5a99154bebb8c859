"""The life of the engine's process: start in order, tell when it is ready, drain, and stop.

Nothing listens before settings, certificates and the store are good. When it is told to stop, the
engine first calls itself unhealthy and goes on working, so that load balancers look elsewhere; then
streams end with a status that makes clients try again, requests in flight get some time, and the
runs that go on leave their checkpoints for the next start.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

from starlette.types import ASGIApp

from rocketship._version import __version__
from rocketship.auth.assemble import Auth, open_auth
from rocketship.dataclass import dataclass
from rocketship.engine.assemble import Engine, open_engine
from rocketship.errors import Infrastructure
from rocketship.plugins.registry import Registry
from rocketship.processes.groups import kill_all
from rocketship.server.callers import Refusals
from rocketship.server.health import HealthServicer, Readiness, State
from rocketship.server.metrics import Metrics
from rocketship.server.rpc import listener
from rocketship.server.rpc.auth import Callers
from rocketship.server.rpc.interceptors import Requests
from rocketship.server.rpc.servicer import EngineServicer
from rocketship.server.tls import Certificates
from rocketship.server.web.app import HttpApp
from rocketship.server.web.auth import WebCallers
from rocketship.server.web.grpc_web.offer import with_grpc_web
from rocketship.server.web.hosts import given_names
from rocketship.server.web.hypercorn import HttpListener
from rocketship.server.web.pages.sign_in import SignIn
from rocketship.settings.engine import EngineSettings
from rocketship.settings.reader import Address
from rocketship.settings.server import ServerSettings

log = logging.getLogger(__name__)
T = TypeVar("T")

HTTP_ADDRESS = "ROCKETSHIP_ENGINE_HTTP_ADDRESS"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: How long everything may take once it was told to stop twice.
FORCED_SECONDS = 2.0
#: More than listeners are given, so that they can cut off what is left themselves.
EXTRA_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Listening:
    """Where an engine listens, with the ports it really took."""

    grpc: Address
    http: Address
    tls: bool


class Stop:
    """How an engine is told to stop: `asked` lets it finish in order, `forced` cuts that short."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.forced = asyncio.Event()


async def serve(
    settings: ServerSettings,
    engine_settings: EngineSettings,
    plugins: Registry,
    ready: Callable[[Listening], None],
) -> None:
    """Be an engine until SIGTERM, SIGINT or SIGHUP.

    Args:
        settings: How to listen and stop.
        engine_settings: How the engine works.
        plugins: The plugins there are.
        ready: Called once both listeners take requests.

    Raises:
        SettingsError: A certificate or a token cannot be used.
        StoreError: The data folder cannot be used.
        Infrastructure: An address cannot be listened on, or a part of the engine died.
    """
    stop = Stop()
    with _on_signals(stop):
        await serve_until(stop, settings, engine_settings, plugins, ready)


async def serve_until(
    stop: Stop,
    settings: ServerSettings,
    engine_settings: EngineSettings,
    plugins: Registry,
    ready: Callable[[Listening], None],
) -> None:
    """Be an engine until asked to stop; otherwise as `serve`."""
    certificates = Certificates(settings.tls) if settings.tls else None
    if settings.open_to_strangers:
        log.warning("anybody_may_do_everything", extra={"address": settings.public_addresses})
    async with AsyncExitStack() as stack:
        auth = await stack.enter_async_context(open_auth(settings.auth))
        opening = stack.enter_async_context(open_engine(engine_settings, plugins))
        # A database that is away may be waited for, but not by an engine that is to stop.
        if engine := await _unless_asked(opening, stop):
            await _Server(settings, engine, auth, certificates, stop).run(ready)
    log.info("stopped")


class _Server:
    """Both listeners over one engine."""

    def __init__(
        self,
        settings: ServerSettings,
        engine: Engine,
        auth: Auth,
        certificates: Certificates | None,
        stop: Stop,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._auth = auth
        self._refusals = Refusals()
        self._certificates = certificates
        self._stop = stop
        self._readiness = Readiness()
        self._metrics = Metrics(engine.hub, lambda: engine.service.running)

    async def run(self, ready: Callable[[Listening], None]) -> None:
        await self._bind()
        try:
            await self._grpc.start()
            await self._start_http()
            self._readiness.become(State.OK)
            listening = Listening(self._grpc_address, self._http.address, bool(self._certificates))
            log.info("ready", extra=self._facts(listening))
            ready(listening)
            await self._until_stopped()
        finally:
            await self._close()

    async def _bind(self) -> None:
        settings, service, tls = self._settings, self._engine.service, self._certificates
        http = listener.listen(settings.http, "HTTP", HTTP_ADDRESS)
        servicer = EngineServicer(
            service,
            self._engine.activity,
            self._readiness,
            settings,
            self._auth.advertisement,
        )
        requests = Requests(self._metrics)
        self._grpc = listener.build(
            servicer,
            HealthServicer(self._readiness),
            [requests, Callers(self._auth.authenticator, self._refusals)],
            reflection=settings.reflection,
        )
        credentials = tls.grpc_credentials() if tls else None
        try:
            self._grpc_address = listener.bind(self._grpc, settings.grpc, credentials)
        except Infrastructure:
            http.close()
            raise
        self._http = HttpListener(
            self._app(servicer, requests), http, tls.ssl_context() if tls else None
        )

    async def _start_http(self) -> None:
        try:
            await self._http.start()
        except OSError as error:
            # Somebody else, or our own gRPC under another name, was quicker.
            raise listener.cannot_listen(
                self._settings.http, "HTTP", HTTP_ADDRESS, error
            ) from error

    def _app(self, servicer: EngineServicer, requests: Requests) -> ASGIApp:
        web, auth = self._settings.web, self._auth.authenticator
        app = HttpApp(
            self._engine.service,
            self._engine.activity,
            self._readiness,
            self._metrics,
            self._grpc_address,
        )
        return app.build(
            # Who calls is found out for the API as for the pages, so it needs no `Callers`.
            api=partial(with_grpc_web, settings=web, servicer=servicer, interceptors=[requests]),
            callers=partial(
                WebCallers,
                authenticator=auth,
                refusals=self._refusals,
                page=SignIn(self._settings).page,
            ),
            origins=web.origins,
            hosts=given_names(self._settings),
        )

    async def _until_stopped(self) -> None:
        """Wait to be told to stop; that any part ends by itself is an error."""
        parts: dict[str, Coroutine[Any, Any, Any]] = {
            "gRPC listener": listener.watch(self._grpc),
            "HTTP listener": self._http.watch(),
        }
        if self._certificates:
            parts["watch over the certificates"] = self._certificates.watch()
        if upkeep := self._auth.upkeep():
            parts["watch over the signing keys"] = upkeep
        tasks = {asyncio.ensure_future(part): name for name, part in parts.items()}
        asked = asyncio.ensure_future(self._stop.asked.wait())
        try:
            await asyncio.wait({asked, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task, name in tasks.items():
                if task.done():
                    log.error("part_died", extra={"part": name}, exc_info=task.exception())
                    raise Infrastructure(f"the {name} of the engine died")
        finally:
            for task in (asked, *tasks):
                task.cancel()
            await asyncio.wait({asked, *tasks})

    async def _close(self) -> None:
        log.info("draining", extra={"seconds": self._settings.drain_seconds})
        self._readiness.become(State.DRAINING)
        if self._stop.asked.is_set():
            await self._unless_forced(asyncio.sleep(self._settings.drain_seconds))
        log.info("stopping", extra={"running": len(self._engine.hub.run_ids)})
        self._readiness.become(State.STOPPING)
        grace = self._settings.grace_seconds
        closing = asyncio.gather(self._grpc.stop(grace), self._http.stop(grace))
        await self._unless_forced(asyncio.wait({closing}, timeout=grace + EXTRA_SECONDS))
        if not closing.done():
            await asyncio.gather(self._grpc.stop(None), self._http.stop(0))
            await closing

    async def _unless_forced(self, work: Coroutine[Any, Any, Any]) -> None:
        """Wait for something, but no longer than until the second signal."""
        task = asyncio.ensure_future(work)
        forced = asyncio.ensure_future(self._stop.forced.wait())
        await asyncio.wait({task, forced}, return_when=asyncio.FIRST_COMPLETED)
        for item in (task, forced):
            item.cancel()
        await asyncio.wait({task, forced})

    def _facts(self, listening: Listening) -> dict[str, object]:
        return {
            "version": __version__,
            "grpc": listening.grpc,
            "http": listening.http,
            "tls": listening.tls,
            "auth": ",".join(self._settings.auth.modes),
            "recovered": len(self._engine.recovered),
        }


async def _unless_asked(work: Coroutine[Any, Any, T], stop: Stop) -> T | None:
    """Return what some work does, or None when the engine is to stop before it is done."""
    task, asked = asyncio.ensure_future(work), asyncio.ensure_future(stop.asked.wait())
    await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        asked.cancel()
        return task.result()
    task.cancel()
    await asyncio.wait({task})
    return None


@contextmanager
def _on_signals(stop: Stop) -> Iterator[None]:
    """Ask to stop at the first signal that means it, and insist at the second."""
    loop = asyncio.get_running_loop()

    def signalled(number: signal.Signals) -> None:
        log.info("signal", extra={"signal": number.name})
        if stop.asked.is_set() and not stop.forced.is_set():
            stop.forced.set()
            loop.call_later(FORCED_SECONDS, _leave_at_once)
        stop.asked.set()

    # `nohup` and its like have chosen to ignore a signal; that is not ours to change.
    numbers = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        loop.add_signal_handler(number, signalled, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _leave_at_once() -> None:
    log.warning("left_at_once")
    kill_all()
    os._exit(1)
