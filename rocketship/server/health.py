"""Whether the engine takes work: one state, told by gRPC health, /healthz and the Health call."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import Any, TypeAlias

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from rocketship.errors import Draining, NotFound
from rocketship.wire._generated import engine_pb2 as pb

ENGINE_SERVICE = pb.DESCRIPTOR.services_by_name["Engine"].full_name
HEALTH_SERVICE = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_SERVICES = ("", ENGINE_SERVICE)
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Status = health_pb2.HealthCheckResponse.ServingStatus


class State(str, Enum):
    """The life of an engine; from `draining` on it calls itself unhealthy but still works."""

    STARTING = "starting"
    OK = "ok"
    DRAINING = "draining"
    STOPPING = "stopping"


class Readiness:
    """The state of this engine."""

    def __init__(self) -> None:
        self._state = State.STARTING
        self._changed = asyncio.Event()
        self.stopping = asyncio.Event()

    @property
    def ok(self) -> bool:
        """Whether new work is welcome."""
        return self._state is State.OK

    @property
    def starting(self) -> bool:
        """Whether it has not taken work yet."""
        return self._state is State.STARTING

    @property
    def word(self) -> str:
        """`starting`, `ok` or `draining`."""
        state = State.DRAINING if self._state is State.STOPPING else self._state
        return str(state.value)

    def become(self, state: State) -> None:
        """Enter a state; `stopping` ends every stream."""
        self._state = state
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if state is State.STOPPING:
            self.stopping.set()

    @property
    def changed(self) -> asyncio.Event:
        """Set when the engine leaves its present state; take it before looking at the state."""
        return self._changed

    def require(self) -> None:
        """Check that work can still begin.

        Raises:
            Draining: The engine stops.
        """
        if self.stopping.is_set():
            raise draining()


def draining() -> Draining:
    """Return the error for whoever is interrupted because the engine stops."""
    return Draining("the engine is shutting down", hint="try again in a moment")


class HealthServicer(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # untyped
    """The standard health service of gRPC."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    async def Check(
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in _SERVICES:
            raise NotFound(f'there is no service "{request.service}"')
        return self._response()

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Context) -> None:
        if request.service not in _SERVICES:
            unknown = health_pb2.HealthCheckResponse(status=_Status.SERVICE_UNKNOWN)
            await context.write(unknown)
        while not self._readiness.stopping.is_set():
            # Taken first, because the state may change again while the answer is written.
            changed = self._readiness.changed
            if request.service in _SERVICES:
                await context.write(self._response())
            await changed.wait()
        raise draining()

    async def List(
        self, request: health_pb2.HealthListRequest, context: Context
    ) -> health_pb2.HealthListResponse:
        statuses = {service: self._response() for service in _SERVICES}
        return health_pb2.HealthListResponse(statuses=statuses)

    def _response(self) -> health_pb2.HealthCheckResponse:
        serving = _Status.SERVING if self._readiness.ok else _Status.NOT_SERVING
        return health_pb2.HealthCheckResponse(status=serving)
