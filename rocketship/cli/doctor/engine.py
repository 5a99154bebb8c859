"""Checks of an engine itself: whether it answers, is well, and fits this client."""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import datetime
from http.client import HTTPException

from rocketship.cli.doctor.check import Check, failed, ok, skipped, warning
from rocketship.cli.doctor.network import connected, handshake
from rocketship.client.channel import Endpoint
from rocketship.client.connection import Connection, open_connection
from rocketship.client.discovery import ServerInfo, compatibility_warning, discover
from rocketship.errors import RocketshipError, StoreError
from rocketship.run.printable import printable
from rocketship.values import format_duration
from rocketship.wire._generated import engine_pb2 as pb

HEALTH_SECONDS = 5.0
#: Clocks further apart make times hard to compare, and soon tokens invalid.
MAX_SKEW_SECONDS = 5.0
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
            skipped("auth", "it cannot be asked"),
        ]


async def _ask(connection: Connection) -> list[Check]:
    request = pb.HealthRequest()
    asked = time.time()
    reply = await connection.call(connection.stub.Health, request, seconds=HEALTH_SECONDS)
    health = ok("grpc", f"the engine says it is {printable(reply.status)}")
    if reply.status != "ok":
        said = f"the engine says it is {printable(reply.status)}"
        health = warning("grpc", said, "it takes no runs now; try again in a moment")
    clock = _clock(reply.time, asked, time.time())
    info = await discover(connection)
    shown = f"version {printable(info.version) or 'unknown'}, {printable(info.auth_type)} auth"
    engine = ok("engine", shown)
    if told := compatibility_warning(info):
        engine = warning("engine", f"{shown}; {told}", "use a client of its version")
    return [health, clock, engine, *await _auth(connection, info)]


async def _auth(connection: Connection, info: ServerInfo) -> list[Check]:
    """Make a harmless call that is not open to everybody, and that needs the engine's history."""
    credentials = connection.endpoint.credentials
    source = credentials.source if credentials else "no token"
    connection.sign_in(info.asked)
    request = pb.ListRunsRequest(limit=1)
    store: list[Check] = []
    try:
        await connection.call(connection.stub.ListRuns, request, seconds=HEALTH_SECONDS)
    except StoreError as error:
        # It looks for its history only once it knows who is calling.
        store = [failed("store", error.message, error.hint)]
    except RocketshipError as error:
        return [failed("auth", error.message, error.hint)]
    if not info.auth_enabled:
        return [ok("auth", "the engine asks nobody who is calling"), *store]
    return [ok("auth", f"the engine accepts {source}"), *store]


def _clock(told: str, asked: float, answered: float) -> Check:
    """Compare the engine's clock with ours, as far as the time of the answer allows."""
    try:
        theirs = datetime.fromisoformat(told).timestamp()
    except ValueError:
        return skipped("clock", "the engine does not tell its time")
    # It was read somewhere between the question and the answer.
    ahead = theirs - min(max(theirs, asked), answered)
    if abs(ahead) <= MAX_SKEW_SECONDS:
        return ok("clock", "the engine's clock agrees with this machine's")
    said = (
        f"the engine's clock is {format_duration(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"
    )
    return warning("clock", said, "set both clocks by NTP; tokens depend on them")


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
