"""Runs many transfers at once on one event loop: libcurl says which sockets and timers to watch."""

from __future__ import annotations

import asyncio

import pycurl

from rocketship.plugins.http.curl.sockets import Ready, watch_sockets

#: libcurl's word for a timer that rang.
_TIME_IS_UP = ((pycurl.SOCKET_TIMEOUT, 0),)


class Multi:
    """Transfers of one event loop, and the cache of connections they share.

    libcurl calls `_watch` and `_schedule` from inside its own functions; they only talk to the
    loop, because libcurl must not be entered again from there.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, max_idle_connections: int) -> None:
        self._loop = loop
        self._waiting: dict[pycurl.Curl, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._sockets = watch_sockets(loop, self._act)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._schedule)
        self._multi.setopt(pycurl.M_MAXCONNECTS, max_idle_connections)

    async def perform(self, handle: pycurl.Curl) -> None:
        """Carry out a transfer; the handle can be used again afterwards, also after cancellation.

        Raises:
            pycurl.error: The transfer failed, with libcurl's code and message.
        """
        done = self._waiting[handle] = self._loop.create_future()
        self._multi.add_handle(handle)
        try:
            # At once, and not in the next round of the loop as libcurl asks for.
            self._act(_TIME_IS_UP)
            await done
        finally:
            del self._waiting[handle]
            # This closes the connection (or resets the stream) of an unfinished transfer.
            self._multi.remove_handle(handle)

    def close(self) -> None:
        """Close every connection; no transfer may be running."""
        self._multi.close()
        self._sockets.close()
        if self._timer is not None:
            self._timer.cancel()

    def _watch(self, what: int, socket: int, _multi: pycurl.CurlMulti, _data: object) -> None:
        if not self._loop.is_closed():  # libcurl tidies up after a loop that nobody closed us with
            self._sockets.watch(socket, what & pycurl.POLL_INOUT)

    def _schedule(self, milliseconds: int) -> None:
        if milliseconds < 0 or self._loop.is_closed():
            self._due = None
            return
        self._due = self._loop.time() + milliseconds / 1000
        # Every transfer moves the time further away: a timer that rings too early is cheaper than
        # a new one for each.
        if self._timer is None or self._due < self._timer.when():
            self._ring_at(self._due)

    def _ring_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._due > self._loop.time():
            self._ring_at(self._due)
        else:
            self._act(_TIME_IS_UP)

    def _act(self, ready: Ready) -> None:
        for socket, events in ready:
            self._multi.socket_action(socket, events)
        remaining = 1
        while remaining:
            remaining, succeeded, failed = self._multi.info_read()
            for handle in succeeded:
                self._settle(handle, None)
            for handle, code, message in failed:
                self._settle(handle, pycurl.error(code, message))

    def _settle(self, handle: pycurl.Curl, error: pycurl.error | None) -> None:
        done = self._waiting.get(handle)
        if done is None or done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
