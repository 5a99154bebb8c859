"""Checks of an engine itself: whether it answers, is well, and fits this client."""

from __future__ import annotations

import asyncio
import ssl
from http.client import HTTPException

from rocketship.cli.doctor.check import Check, failed, ok, skipped, warning
from rocketship.cli.doctor.network import connected, handshake
from rocketship.client.channel import Endpoint
from rocketship.client.connection import Connection, open_connection
from rocketship.client.discovery import compatibility_warning, discover
from rocketship.errors import RocketshipError
from rocketship.run.printable import printable
from rocketship.wire._generated import engine_pb2 as pb

HEALTH_SECONDS = 5.0
_TELLING_HEADERS = ("server", "location", "www-authenticate", "content-type")


async def engine_checks(endpoint: Endpoint) -> list[Check]:
    """Return the checks that speak to the engine."""
    try:
        async with open_connection(
            endpoint, note=_ignore, warn=_ignore, retry_seconds=0
        ) as connection:
            return await _ask(connection)
    except RocketshipError as error:
        return [
            failed("grpc", error.message, error.hint),
            *await asyncio.to_thread(_web, endpoint),
            skipped("engine", "it cannot be asked"),
        ]


async def _ask(connection: Connection) -> list[Check]:
    request = pb.HealthRequest()
    reply = await connection.call(connection.stub.Health, request, seconds=HEALTH_SECONDS)
    health = ok("grpc", f"the engine says it is {printable(reply.status)}")
    if reply.status != "ok":
        said = f"the engine says it is {printable(reply.status)}"
        health = warning("grpc", said, "it takes no runs now; try again in a moment")
    info = await discover(connection)
    shown = f"version {printable(info.version) or 'unknown'}, {printable(info.auth_type)} auth"
    if told := compatibility_warning(info):
        return [health, warning("engine", f"{shown}; {told}", "use a client of its version")]
    return [health, ok("engine", shown)]


def _web(endpoint: Endpoint) -> list[Check]:
    """Return what a web server says at the engine's address; nothing where there is none."""
    try:
        with connected(endpoint) as connection:
            if endpoint.address.tls:
                connection.sock = handshake(connection, endpoint, verify=False, protocol="http/1.1")
            connection.request("GET", "/", headers={"Host": endpoint.address.authority})
            reply = connection.getresponse()
    except (OSError, HTTPException, ssl.SSLError):
        return []
    found = ((name, reply.headers.get(name)) for name in _TELLING_HEADERS)
    headers = ", ".join(f"{name} {printable(text)}" for name, text in found if text)
    said = f"a web server answers there: HTTP {reply.status}" + (f", {headers}" if headers else "")
    return [warning("http", said, "it or something behind it must hand gRPC on to the engine")]


def _ignore(text: str) -> None:
    """Drop a note; the checks tell the same."""
