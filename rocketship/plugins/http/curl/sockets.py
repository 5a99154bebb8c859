"""Watches sockets for libcurl, which changes its mind about each several times per request.

The event loop takes three calls of Python for each change, and one turn of its own for each socket.
Where the system has it, an epoll that the loop watches as a whole takes one system call.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

import pycurl

#: Sockets on which something can be done, and what, in libcurl's bits.
Ready = Sequence[tuple[int, int]]


class Sockets(Protocol):
    """The sockets of the transfers of one event loop."""

    def watch(self, socket: int, wanted: int) -> None:
        """Watch a socket for reading, writing, both, or (0) not any longer."""
        ...

    def close(self) -> None:
        """Watch nothing any longer."""
        ...


def watch_sockets(loop: asyncio.AbstractEventLoop, ready: Callable[[Ready], None]) -> Sockets:
    """Return what calls `ready`, in the loop, whenever there are ready sockets."""
    return EpollSockets(loop, ready) if hasattr(select, "epoll") else LoopSockets(loop, ready)


class EpollSockets:
    """Sockets in an epoll of their own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Callable[[Ready], None]) -> None:
        self._loop = loop
        self._ready = ready
        self._watched: dict[int, int] = {}
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._look)

    def watch(self, socket: int, wanted: int) -> None:
        before = self._watched.pop(socket, 0)
        if wanted:
            self._watched[socket] = wanted
        if not wanted:
            with suppress(OSError):  # closed, and so watched no longer anyway
                self._epoll.unregister(socket)
        elif not before:
            self._epoll.register(socket, _events(wanted))
        elif wanted != before:
            self._epoll.modify(socket, _events(wanted))

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _look(self) -> None:
        self._ready([(socket, _bits(events)) for socket, events in self._epoll.poll(0)])


def _events(wanted: int) -> int:
    return (select.EPOLLIN if wanted & pycurl.POLL_IN else 0) | (
        select.EPOLLOUT if wanted & pycurl.POLL_OUT else 0
    )


def _bits(events: int) -> int:
    """Return libcurl's word for events; an error is for whoever reads or writes next."""
    read = pycurl.CSELECT_IN if events & ~select.EPOLLOUT else 0
    return read | (pycurl.CSELECT_OUT if events & ~select.EPOLLIN else 0)


class LoopSockets:
    """Sockets in the event loop itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Callable[[Ready], None]) -> None:
        self._loop = loop
        self._ready = ready
        self._watched: dict[int, int] = {}

    def watch(self, socket: int, wanted: int) -> None:
        before = self._watched.pop(socket, 0)
        if wanted:
            self._watched[socket] = wanted
        # libcurl repeats itself, and every word to the loop is dear: pass on only what changed.
        begun, ended = wanted & ~before, before & ~wanted
        if begun & pycurl.POLL_IN:
            self._loop.add_reader(socket, self._ready, [(socket, pycurl.CSELECT_IN)])
        elif ended & pycurl.POLL_IN:
            self._loop.remove_reader(socket)
        if begun & pycurl.POLL_OUT:
            self._loop.add_writer(socket, self._ready, [(socket, pycurl.CSELECT_OUT)])
        elif ended & pycurl.POLL_OUT:
            self._loop.remove_writer(socket)

    def close(self) -> None:
        for socket in self._watched:
            self._loop.remove_reader(socket)
            self._loop.remove_writer(socket)
        self._watched.clear()
