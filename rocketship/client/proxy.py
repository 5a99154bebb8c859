"""Which HTTP proxy stands between us and an engine, according to HTTPS_PROXY and NO_PROXY.

gRPC always needs a tunnel through a proxy, with TLS or without, so it is the proxy for HTTPS that
counts. This machine is never asked for through a proxy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rocketship.client.address import Address
from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError

VARIABLES = ("https_proxy", "HTTPS_PROXY")
EXCEPTIONS = ("no_proxy", "NO_PROXY")
DEFAULT_PORT = 3128
_URL = re.compile(
    r"(?:http://)?((?P<user>[^@/]*)@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:/@\[\]]+)"
    r"(:(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, the variable that names it, and its credentials (`user:password`, URL-encoded)."""

    variable: str
    host: str
    port: int
    credentials: str = ""

    @property
    def url(self) -> str:
        """Everything needed to use it; a secret when it has credentials."""
        credentials = f"{self.credentials}@" if self.credentials else ""
        return f"http://{credentials}{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"http://{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Proxy({str(self)!r} from {self.variable})"


def proxy_for(address: Address, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy to reach an address through, or None for a direct connection.

    Raises:
        SettingsError: The variable holds something that is not the URL of an HTTP proxy.
    """
    variable = next((name for name in VARIABLES if environ.get(name, "").strip()), None)
    if variable is None or address.loopback:
        return None
    exceptions = next((environ[name] for name in EXCEPTIONS if environ.get(name)), "")
    if any(_fits(entry.strip().lower(), address) for entry in exceptions.split(",")):
        return None
    match = _URL.fullmatch(environ[variable].strip())
    port = int(match["port"] or DEFAULT_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise SettingsError(
            f"{variable} does not name a proxy that gRPC can use",
            hint=f"write http://[USER:PASSWORD@]HOST:PORT, or put {address.host} into NO_PROXY",
        )
    return Proxy(variable, match["host"], port, match["user"] or "")


def _fits(entry: str, address: Address) -> bool:
    """Return whether an entry of NO_PROXY covers the address: *, a name, its domain, a network."""
    if entry == "*":
        return True
    if "/" in entry:
        return _in_network(entry, address.host)
    entry, port = _without_port(entry)
    if not entry or (port and port != address.port):
        return False
    domain = entry.removeprefix("*").removeprefix(".")
    return address.host == domain or address.host.endswith(f".{domain}")


def _without_port(entry: str) -> tuple[str, int]:
    match = re.fullmatch(r"\[?(?P<host>[^\[\]]*?)\]?(:(?P<port>[0-9]+))?", entry)
    if match is None or (match["port"] and ":" in match["host"] and "[" not in entry):
        return entry, 0
    return match["host"], int(match["port"] or 0)


def _in_network(entry: str, host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
