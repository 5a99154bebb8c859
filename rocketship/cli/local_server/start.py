"""Starts the local server, here or in the background, and tells commands where it is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, BinaryIO

from rocketship import __version__
from rocketship.cli.commands.engine import be_engine
from rocketship.cli.console import Console
from rocketship.cli.local_server.process import start_time
from rocketship.cli.local_server.record import Place, ServerRecord, already_running
from rocketship.errors import Infrastructure
from rocketship.settings.reader import Address
from rocketship.settings.server import server_settings

if TYPE_CHECKING:
    from rocketship.server.run import Listening

READY_PATIENCE_SECONDS = 30.0
POLL_SECONDS = 0.02
#: As much of the log as explains why a server did not start.
LOG_TAIL_LINES = 15
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def serve_here(console: Console, environ: Mapping[str, str]) -> None:
    """Be the local server until told to stop.

    Raises:
        UsageError: There is one already.
        RocketshipError: It cannot listen, or its data cannot be used.
    """
    settings = server_settings(environ)
    place = Place(environ)

    def ready(listening: Listening) -> None:
        record = _record(place, nonce, listening)
        place.publish(record)
        console.print(f"The local server is ready: {record.grpc}, web pages at {record.http}.")

    with place.held() as nonce:
        be_engine(settings, ready)


def serve_in_background(environ: Mapping[str, str]) -> ServerRecord:
    """Start a server that outlives this command; return what it says when it is ready.

    Args:
        environ: Its environment.

    Raises:
        UsageError: There is one already.
        Infrastructure: It did not become ready; the hint has the end of its log.
    """
    place = Place(environ)
    if place.holder():
        raise already_running(place.find())
    with _fresh_log(place) as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "rocketship", "start", "server"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=dict(environ),
            start_new_session=True,
        )
    # The record appears when the server is ready; a pipe for it would have to outlive this command.
    deadline = time.monotonic() + READY_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        record = place.find()
        if record is not None and record.pid == process.pid:
            return record
        if process.poll() is not None:
            raise _not_started(place, "the server ended before it was ready")
        time.sleep(POLL_SECONDS)
    process.terminate()
    raise _not_started(place, f"the server was not ready after {READY_PATIENCE_SECONDS:.0f}s")


def _record(place: Place, nonce: str, listening: Listening) -> ServerRecord:
    suffix = "s" if listening.tls else ""
    return ServerRecord(
        pid=os.getpid(),
        started=start_time(os.getpid()),
        nonce=nonce,
        grpc=f"grpc{suffix}://{_reachable(listening.grpc)}",
        http=f"http{suffix}://{_reachable(listening.http)}",
        version=__version__,
        log=str(place.log) if _logs_to(place) else "",
    )


def _reachable(address: Address) -> Address:
    """Return where this machine reaches a listener that may listen everywhere."""
    return Address(_EVERYWHERE.get(address.host, address.host), address.port)


def _logs_to(place: Place) -> bool:
    """Return whether this process writes to the log file, and not to a terminal."""
    try:
        return os.path.samestat(os.fstat(2), place.log.stat())
    except OSError:
        return False


def _fresh_log(place: Place) -> BinaryIO:
    """Open a new log file; the one before is kept beside it.

    Raises:
        Infrastructure: The data folder cannot be written.
    """
    try:
        place.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if place.log.exists():
            place.log.replace(place.log.with_suffix(".log.1"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.fdopen(os.open(place.log, flags, 0o600), "wb")
    except OSError as error:
        raise Infrastructure(
            f"the log {place.log} cannot be written: {error.strerror}",
            hint="check the permissions of its folder, or set ROCKETSHIP_DATA_DIR",
        ) from error


def _not_started(place: Place, why: str) -> Infrastructure:
    tail = place.log.read_text("utf-8", "replace").splitlines()[-LOG_TAIL_LINES:]
    said = "".join(f"\n  {line}" for line in tail)
    return Infrastructure(why, hint=f"this is what it said ({place.log}):{said}")
