"""The gRPC listener: limits, keepalive, health, reflection, and a port that is ours alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2_grpc  # type: ignore[import-untyped]

from rocketship.errors import Infrastructure
from rocketship.server.health import ENGINE_SERVICE, HEALTH_SERVICE, HealthServicer
from rocketship.settings.reader import Address
from rocketship.wire._generated import engine_pb2_grpc as pb_grpc
from rocketship.wire.limits import MAX_REQUEST_BYTES

#: More than a token may have, so that it is refused in our words.
MAX_METADATA_BYTES = 32 * 1024
_OPTIONS = (
    # Otherwise a second engine could take half of the connections of the first.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    # Tokens that list many groups are longer than grpc takes by default.
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", 2 * MAX_METADATA_BYTES),
    # Clients may ping on idle connections, so that balancers in between keep them open.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    # A client that vanished without a word is noticed, and its streams end.
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


def build(
    servicer: pb_grpc.EngineServicer,
    health: HealthServicer,
    interceptors: Sequence[grpc.aio.ServerInterceptor],
    *,
    reflection: bool,
) -> grpc.aio.Server:
    """Return the server, which does not listen yet."""
    server = grpc.aio.server(interceptors=tuple(interceptors), options=_OPTIONS)
    pb_grpc.add_EngineServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    if reflection:
        from grpc_reflection.v1alpha import (  # type: ignore[import-untyped]
            reflection as service,
        )

        names = (ENGINE_SERVICE, HEALTH_SERVICE, service.SERVICE_NAME)
        service.enable_server_reflection(names, server)
    return server


def bind(
    server: grpc.aio.Server, address: Address, credentials: grpc.ServerCredentials | None
) -> Address:
    """Take the port and return the address with the port that was taken.

    Raises:
        Infrastructure: The address cannot be listened on.
    """
    try:
        if credentials is None:
            port = server.add_insecure_port(str(address))
        else:
            port = server.add_secure_port(str(address), credentials)
    except RuntimeError:
        # grpc does not say why; trying it by hand does.
        listen(address, "gRPC", "ROCKETSHIP_ENGINE_GRPC_ADDRESS").close()
        raise Infrastructure(f"cannot listen on {address} for gRPC") from None
    return Address(address.host, port)


async def watch(server: grpc.aio.Server) -> None:
    """Return when nothing is accepted any more."""
    # Cancelled without the shield, it would take the server's own end along.
    await asyncio.shield(server.wait_for_termination())


def listen(address: Address, protocol: str, setting: str) -> socket.socket:
    """Return a socket that is bound to an address and nobody else's.

    Raises:
        Infrastructure: The address cannot be listened on.
    """
    try:
        family, kind, number, _, resolved = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, number)
    except OSError as error:
        raise cannot_listen(address, protocol, setting, error) from error
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            # "::" stands for every address, also those of IPv4.
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        found.bind(resolved)
    except OSError as error:
        found.close()
        raise cannot_listen(address, protocol, setting, error) from error
    return found


def cannot_listen(address: Address, protocol: str, setting: str, error: OSError) -> Infrastructure:
    """Return the error for an address that cannot be listened on."""
    reason = error.strerror or str(error)
    hint = f"set {setting} to another address; port 0 takes a free port"
    if "in use" in reason.lower():
        hint = f"stop the program that listens there (`ss -ltnp` shows it), or {hint}"
    message = f"cannot listen on {address} for {protocol}: {reason[0].lower()}{reason[1:]}"
    return Infrastructure(message, hint=hint)
