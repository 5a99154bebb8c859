"""JavaScript, in child interpreters that are kept for the next script.

A child of its own, because QuickJS has native loops that its time limit cannot interrupt, and a
thread cannot be killed; kept, because starting one takes a hundred times longer than a small
script. Every script gets a fresh context. A child that ran out of time or was cancelled is killed.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from rocketship.errors import AssertionFailed, ScriptError, StepError
from rocketship.plugins.script.job import MAX_SAVED_BYTES, Job, Result
from rocketship.plugins.script.process import (
    MAX_LINE_CHARACTERS,
    MAX_SHOWN_LINES,
    time_failure,
)
from rocketship.template.scope import RESERVED_NAMES
from rocketship.values import Json, JsonObject

DEFAULT_TIMEOUT_SECONDS = 30.0
MEMORY_BYTES = 64 << 20
STACK_BYTES = 2 << 20
#: Scripts only compute, so more children than processors would gain nothing.
MAX_CHILDREN = 4
#: A child whose owner is gone ends itself this long after the script's own limit.
ORPHAN_GRACE_SECONDS = 5.0

PROGRAM = Path(__file__).with_name("javascript_child.py")


class JavaScript:
    """Runs scripts, at most `MAX_CHILDREN` at a time."""

    def __init__(self) -> None:
        self._idle: list[_Child] = []
        self._slots = asyncio.Semaphore(MAX_CHILDREN)

    async def run(self, job: Job) -> Result:
        """Run a script; what it saved before a failure is kept."""
        timeout = DEFAULT_TIMEOUT_SECONDS if job.timeout is None else job.timeout
        saved: dict[str, Json] = {}
        try:
            async with self._child() as child, asyncio.timeout(timeout):
                await child.send(_request(job, timeout))
                while (message := await child.receive())[0] != "done":
                    _take(message, saved, job)
        except TimeoutError:
            return Result(saved, failure=time_failure(timeout))
        except EOFError:
            return Result(
                saved, failure=ScriptError("the JavaScript interpreter ended unexpectedly")
            )
        return Result(saved, failure=_failure(message[1]))

    def close(self) -> None:
        """End the children that wait for a next script."""
        while self._idle:
            self._idle.pop().kill()

    @asynccontextmanager
    async def _child(self) -> AsyncIterator[_Child]:
        async with self._slots:
            child = self._next_child()
            try:
                await child.ready()
                yield child
            except BaseException:
                child.kill()
                raise
            self._idle.append(child)

    def _next_child(self) -> _Child:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            child.kill()
        return _Child()


class _Child:
    """A child interpreter, and one socket over which lines of JSON go both ways."""

    def __init__(self) -> None:
        from importlib.util import find_spec

        # The library may be in a place that an isolated interpreter does not look at.
        spec = find_spec("quickjs")
        folder = str(Path(spec.origin).parent.parent) if spec and spec.origin else ""
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._received = bytearray()
        self._ready = False
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(PROGRAM), folder],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                env={},
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        """Whether the interpreter still runs."""
        return self._process.poll() is None

    async def ready(self) -> None:
        """Wait until the interpreter is up: its start does not count as the script's time."""
        if not self._ready:
            await self.receive()
            self._ready = True

    async def send(self, message: JsonObject) -> None:
        data = json.dumps(message).encode() + b"\n"
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, data)
        except ConnectionError:
            raise EOFError from None

    async def receive(self) -> list[Any]:
        """Return the next message.

        Raises:
            EOFError: The child is gone.
        """
        loop = asyncio.get_running_loop()
        while (end := self._received.find(b"\n")) < 0:
            try:
                data = await loop.sock_recv(self._socket, 1 << 16)
            except ConnectionError:
                data = b""
            if not data:
                raise EOFError
            self._received += data
        line = self._received[:end]
        del self._received[: end + 1]
        message: list[Any] = json.loads(line)
        return message

    def kill(self) -> None:
        """End the interpreter; one that is killed is gone at once, so this waits for no time."""
        self._socket.close()
        self._process.kill()
        self._process.wait()


def complaint(source: str) -> str | None:
    """Return why a text is not a JavaScript program, or None when it is."""
    import quickjs

    context = quickjs.Context()
    context.set_memory_limit(MEMORY_BYTES)
    context.set_time_limit(1)
    try:
        # The whole text is compiled before any of it runs, and so none of it does.
        context.eval(f"throw 0; {source}")
    except quickjs.JSException as error:
        message, _, stack = str(error).partition("\n")
        if message.startswith("SyntaxError: "):
            return _located(message.removeprefix("SyntaxError: "), stack)
    return None


def _request(job: Job, timeout: float) -> JsonObject:
    limits: JsonObject = {
        "memory_bytes": MEMORY_BYTES,
        "stack_bytes": STACK_BYTES,
        "saved_characters": MAX_SAVED_BYTES,
        "shown_lines": MAX_SHOWN_LINES,
        "line_characters": MAX_LINE_CHARACTERS,
        "seconds": timeout + ORPHAN_GRACE_SECONDS,
    }
    return {
        "source": job.source,
        "globals": job.globals(),
        "reserved": [*sorted(RESERVED_NAMES)],
        "limits": limits,
    }


def _take(message: list[Any], saved: dict[str, Json], job: Job) -> None:
    match message:
        case ["save", name, value]:
            saved[name] = value
        case ["log", level, text]:
            job.log(text, level=level, source="console")


def _failure(report: JsonObject | None) -> StepError | None:
    if report is None:
        return None
    message = _located(str(report["message"]), str(report["stack"]))
    return AssertionFailed(message) if report["assertion"] else ScriptError(message)


def _located(message: str, stack: str) -> str:
    """Return the message with the innermost line of the script that the stack names."""
    place = re.search(r"<input>:(\d+)", stack)
    return f"{message} (line {place[1]})" if place else message
