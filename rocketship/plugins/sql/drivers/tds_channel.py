"""The way to a SQL Server: TCP, the pre-login, and TLS inside of its packets, for python-tds.

Of its own python-tds can do TLS with pyOpenSSL only, cannot leave a certificate unchecked and finds
no addresses in one; the standard library does all of that. And whoever ends a statement writes
while another thread reads, which takes a socket that expects it.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from threading import Lock
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError, ConnectionFailed

#: Kinds of packets.
_REPLY, _ATTENTION, _LOGIN, _PRELOGIN = 0x04, 0x06, 0x10, 0x12
_HEADER = struct.Struct(">BBHHBB")
_LAST_PACKET = 1
#: What a pre-login says about encryption.
_LOGIN_ONLY, _ALL, _IMPOSSIBLE, _REQUIRED = range(4)
_ENCRYPTION, _END_OF_OPTIONS = 1, 0xFF
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Encryption:
    """What is encrypted, and whether the server must show who it is.

    Attributes:
        mode: all, login (nothing but the password and its packet) or none.
        verified: Whether the certificate is checked.
        authority: The file of the authority, or the system's are asked.
        name: The name in the certificate, when it is not the host's.
    """

    mode: str
    verified: bool
    authority: str | None = None
    name: str | None = None

    def context(self) -> ssl.SSLContext:
        """Return how TLS is spoken.

        Raises:
            ConfigError: The authority's file cannot be used.
        """
        try:
            context = ssl.create_default_context(cafile=self.authority)
        except (OSError, ValueError) as error:
            hint = "the path of a file with the authority's certificate, as PEM text"
            raise ConfigError(f"dsn: certificate: {error}", hint=hint) from None
        # A server that nobody set up has a certificate that it made itself, and it may be named.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        # Inside of packets SQL Server speaks nothing newer.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if not self.verified:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


class Channel:
    """What python-tds takes for a socket, ready for the login.

    One thread reads and writes; `attention` and `shutdown` may come from any other.
    """

    def __init__(self, host: str, port: int, encryption: Encryption, timeout: float) -> None:
        self._tls: Any = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        # TLS keeps one state for both directions.
        self._lock = Lock()
        self._login_only = False
        context = None if encryption.mode == "none" else encryption.context()
        self._socket = socket.create_connection((host, port), timeout)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._negotiate(encryption, context, host)
        except BaseException:
            self._socket.close()
            raise

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send a packet."""
        packet = bytes(data)
        with self._lock:
            self._socket.sendall(self._sealed(packet), flags)
            if self._login_only and packet[0] == _LOGIN and packet[1] & _LAST_PACKET:
                self._tls = None

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Put what arrives into a buffer, and return its length, which is 0 at the end."""
        if self._tls is None:
            return self._socket.recv_into(buffer, size, flags)
        while True:
            with self._lock, contextlib.suppress(ssl.SSLWantReadError):
                read: int = self._tls.read(size or len(buffer), buffer)
                return read
            received = self._socket.recv(_CHUNK_BYTES)
            if not received:
                return 0
            with self._lock:
                self._incoming.write(received)

    def settimeout(self, seconds: float | None) -> None:
        """Set how long sending or receiving may take."""
        self._socket.settimeout(seconds)

    def attention(self, seconds: float) -> None:
        """Ask the server to end the request in flight; never waits for a slow network."""
        if not self._lock.acquire(timeout=seconds):
            return
        try:
            packet = _HEADER.pack(_ATTENTION, _LAST_PACKET, _HEADER.size, 0, 1, 0)
            with contextlib.suppress(OSError):
                self._socket.send(self._sealed(packet), socket.MSG_DONTWAIT)
        finally:
            self._lock.release()

    def shutdown(self) -> None:
        """End the connection under whoever waits for it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _sealed(self, packet: bytes) -> bytes:
        """Return what to send for a packet."""
        if self._tls is None:
            return packet
        self._tls.write(packet)
        return self._outgoing.read()

    def _negotiate(self, encryption: Encryption, context: ssl.SSLContext | None, host: str) -> None:
        wanted = {"all": _ALL, "login": _LOGIN_ONLY, "none": _IMPOSSIBLE}[encryption.mode]
        self._send(_PRELOGIN, _prelogin(wanted))
        agreed = _encryption(self._receive())
        if context is None:
            if agreed == _REQUIRED:
                raise ConnectionFailed(
                    "the server wants encryption", hint="leave encrypt=disable out of the dsn"
                )
            return
        if agreed == _IMPOSSIBLE:
            raise ConnectionFailed(
                "the server has no encryption", hint="add encrypt=disable if that is intended"
            )
        self._handshake(context, encryption.name or host)
        self._login_only = agreed == _LOGIN_ONLY

    def _handshake(self, context: ssl.SSLContext, name: str) -> None:
        """Begin TLS, whose messages travel as pre-logins until it is established."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        established = False
        while not established:
            try:
                tls.do_handshake()
                established = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                # The server is owed the reason.
                self._send(_PRELOGIN, self._outgoing.read())
                raise
            if flight := self._outgoing.read():
                self._send(_PRELOGIN, flight)
            if not established:
                self._incoming.write(self._receive())
        self._tls = tls

    def _send(self, kind: int, content: bytes) -> None:
        size = _HEADER.size + len(content)
        self._socket.sendall(_HEADER.pack(kind, _LAST_PACKET, size, 0, 1, 0) + content)

    def _receive(self) -> bytes:
        kind, _, size, *_ = _HEADER.unpack(self._exactly(_HEADER.size))
        if kind not in (_REPLY, _PRELOGIN):
            raise ConnectionFailed("what answers is no SQL Server", hint="check host and port")
        return self._exactly(max(0, size - _HEADER.size))

    def _exactly(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            received = self._socket.recv(size - len(content))
            if not received:
                raise ConnectionFailed(
                    "the server ended the connection", hint="does SQL Server listen on that port?"
                )
            content += received
        return content


def _prelogin(encryption: int) -> bytes:
    """Return the first message: a version, what to encrypt, no instance, thread or MARS."""
    values = {0: bytes(6), _ENCRYPTION: bytes([encryption]), 2: b"\0", 3: bytes(4), 4: b"\0"}
    place = 5 * len(values) + 1
    options = b""
    for number, value in values.items():
        options += struct.pack(">BHH", number, place, len(value))
        place += len(value)
    return options + bytes([_END_OF_OPTIONS]) + b"".join(values.values())


def _encryption(reply: bytes) -> int:
    """Return what a server says about encryption in its answer to the pre-login."""
    for at in range(0, len(reply), 5):
        if reply[at] == _END_OF_OPTIONS:
            break
        number, place, size = struct.unpack_from(">BHH", reply.ljust(at + 5, b"\0"), at)
        if number == _ENCRYPTION and size and place < len(reply):
            return int(reply[place])
    return _IMPOSSIBLE
