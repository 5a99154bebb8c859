"""An interpreter of its own and the socket to it.

It runs in a process group of its own, which does not outlive this process, and ends by itself when
this end of the socket is closed.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rocketship.processes import groups

_CHUNK_BYTES = 1 << 18


class Child:
    """A program that says one line when it is ready, and then answers what it is sent.

    Args:
        program: A file of Python; it talks through its standard input and output. It finds the
            standard library and nothing else until it extends `sys.path`.
        arguments: What follows its name on the command line.
    """

    def __init__(self, program: Path, arguments: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        self._received = bytearray()
        self._ready = False
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(program), *arguments],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                env={},
                start_new_session=True,
            )
        groups.add(self._process.pid)

    @property
    def alive(self) -> bool:
        """Whether the program still runs."""
        return self._process.poll() is None

    async def ready(self) -> None:
        """Wait until the program is up, so that its start does not count as work.

        Raises:
            EOFError: It ended instead.
        """
        if not self._ready:
            await self.line()
            self._ready = True

    async def send(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            EOFError: The program is gone.
        """
        try:
            await asyncio.get_running_loop().sock_sendall(self._socket, data)
        except ConnectionError:
            raise EOFError from None

    async def line(self) -> bytes:
        """Return the next line the program writes, without its end.

        Raises:
            EOFError: The program is gone.
        """
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            await self._receive()
        return self._take(end + 1)[:-1]

    async def exactly(self, size: int) -> bytes:
        """Return so many bytes of what the program writes.

        Raises:
            EOFError: The program is gone.
        """
        while len(self._received) < size:
            await self._receive()
        return self._take(size)

    def kill(self) -> None:
        """End the program; what is killed is gone at once, so this waits for no time."""
        self._socket.close()
        self._process.kill()
        self._process.wait()
        groups.discard(self._process.pid)

    async def _receive(self) -> None:
        try:
            data = await asyncio.get_running_loop().sock_recv(self._socket, _CHUNK_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            raise EOFError
        self._received += data

    def _take(self, size: int) -> bytes:
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken
