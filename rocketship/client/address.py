"""Addresses of engines as people write them, on the command line, in profiles and in settings."""

from __future__ import annotations

import re

from rocketship.dataclass import dataclass
from rocketship.errors import UsageError

DEFAULT_PORT = 7700
DEFAULT_TLS_PORT = 443
WEB_PORT = 7701
ACCEPTED = (
    "write https://HOST[:PORT] or grpcs://HOST[:PORT] for TLS (port 443 unless given), and "
    "http://HOST[:PORT], grpc://HOST[:PORT] or HOST[:PORT] without TLS (port 7700 unless given); "
    "an IPv6 address stands in brackets"
)

#: Whether each scheme means TLS.
_SCHEMES = {"https": True, "grpcs": True, "http": False, "grpc": False, "": False}
_SCHEME = re.compile(r"([^:/?#\[\]]*)://")
_AUTHORITY = re.compile(r"(\[(?P<v6>[^\[\]]*)\]|(?P<host>[^:\[\]]*))(?P<colon>:(?P<port>[^:]*))?")
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?")
_MAX_HOST = 253


@dataclass(frozen=True, slots=True)
class Address:
    """Where an engine listens; `host` has no brackets and is lower case."""

    host: str
    port: int
    tls: bool = False

    @property
    def authority(self) -> str:
        """Host and port, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether the address can only be this machine."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        return self.host == "::1" or bool(re.fullmatch(r"127(\.\d+){3}", self.host))

    def __str__(self) -> str:
        return f"{'grpcs' if self.tls else 'grpc'}://{self.authority}"


def parse_address(text: str) -> Address:
    """Return the address somebody wrote.

    Raises:
        UsageError: The text is none; the message says what is wrong, the hint what is accepted.
    """
    shown = text.strip()
    scheme, rest = "", shown
    if match := _SCHEME.match(shown):
        scheme, rest = match[1].lower(), shown[match.end() :]
        if scheme not in _SCHEMES or not scheme:
            raise _refused(shown, f'the scheme "{match[1]}" is unknown')
    if "@" in rest:
        raise _refused(shown, "it must not contain a user name or password", hide=True)
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    if authority != rest.rstrip("/"):
        raise _refused(shown, "it must end after host and port, because gRPC has no paths")
    tls = _SCHEMES[scheme]
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise _refused(shown, "host and port cannot be told apart")
    host = _ipv6(shown, match["v6"]) if match["host"] is None else _host(shown, match["host"])
    default = DEFAULT_TLS_PORT if tls else DEFAULT_PORT
    port = _port(shown, match["port"]) if match["colon"] else default
    return Address(host, port, tls)


def _host(shown: str, text: str) -> str:
    host = text.lower()
    if not host:
        raise _refused(shown, "the host is missing")
    if len(host) > _MAX_HOST or not _HOST.fullmatch(host):
        raise _refused(shown, f'"{text}" is not a host name')
    if re.fullmatch(r"[\d.]+", host) and not _is_ip(host, 4):
        raise _refused(shown, f'"{text}" is not an IPv4 address')
    return host


def _ipv6(shown: str, text: str) -> str:
    if not _is_ip(text, 6):
        raise _refused(shown, f'"{text}" is not an IPv6 address')
    return text.lower()


def _is_ip(text: str, version: int) -> bool:
    import socket

    family = socket.AF_INET if version == 4 else socket.AF_INET6
    try:
        socket.inet_pton(family, text)
    except (OSError, ValueError):
        return False
    return True


def _port(shown: str, text: str) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text) and 0 < int(text) < 65536:
        return int(text)
    raise _refused(
        shown, f'"{text}" is not a port from 1 to 65535' if text else "the port is missing"
    )


def _refused(shown: str, why: str, *, hide: bool = False) -> UsageError:
    what = "that" if hide else f'"{shown}"'
    return UsageError(f"{what} is not the address of an engine: {why}", hint=ACCEPTED)
