"""How to reach the server: whom to trust over TLS, who to be, and which proxy to go through."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from rocketship.errors import ConfigError
from rocketship.plugins.api import Files
from rocketship.plugins.http.client import DEFAULT_CONNECT_TIMEOUT_SECONDS, Proxy, Tls
from rocketship.suite.fields import Boolean, Choice, Duration, Field, FilePath, Text

_SITE = re.compile(r"(?P<scheme>[^:/?#]+)://(?P<authority>[^/?#]*)")
PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")

FIELDS = (
    Field("timeout", Duration(), "For the whole exchange, redirects included."),
    Field(
        "connect_timeout",
        Duration(),
        "Until the connection stands; 30s by default.",
        default=DEFAULT_CONNECT_TIMEOUT_SECONDS,
    ),
    Field("http_version", Choice(("1.1", "2", "3")), "The version that must be spoken."),
    Field("verify", Boolean(), "Whether the server's certificate is checked.", default=True),
    Field("ca", FilePath(), "PEM file of the authorities to trust instead of the system's."),
    Field("cert", FilePath(), "PEM file of the client certificate."),
    Field("key", FilePath(), "PEM file of its key, unless `cert` holds both."),
    Field("key_password", Text(), "The password of an encrypted key.", secret=True),
    Field(
        "proxy",
        Text(),
        "URL of a proxy; empty for none. By default HTTP_PROXY, HTTPS_PROXY and NO_PROXY decide.",
    ),
)


def build_tls(config: Mapping[str, Any], files: Files) -> Tls:
    """Return the TLS side of a step.

    Raises:
        ConfigError: A file is not there, or a key has no certificate.
    """
    if config["key"] is not None and config["cert"] is None:
        raise ConfigError('key: needs a "cert" that it belongs to')
    read = {name: files.read(config[name]) for name in ("ca", "cert", "key") if config[name]}
    return Tls(
        verify=config["verify"],
        ca=read.get("ca"),
        cert=read.get("cert"),
        key=read.get("key"),
        key_password=config["key_password"],
    )


def choose_proxy(
    url: str, configured: str | None, environ: Mapping[str, str] = os.environ
) -> Proxy:
    """Return the proxy for a URL: the configured one, or what the environment says.

    As in curl, lower-case variables win over upper-case ones; as in Go, the environment never sends
    requests for this machine itself through a proxy.

    Raises:
        ConfigError: The configured proxy is not a URL of a kind of proxy there is.
    """
    if configured is not None:
        return Proxy(_checked(configured))
    site = _SITE.match(url)
    if site is None or _is_loopback(site["authority"]):
        return Proxy()
    for name in (f"{site['scheme'].lower()}_proxy", "all_proxy"):
        found = environ.get(name) or environ.get(name.upper())
        if found:
            return Proxy(found, environ.get("no_proxy") or environ.get("NO_PROXY") or "")
    return Proxy()


def _checked(url: str) -> str:
    if not url:
        return ""
    with_scheme = url if "://" in url else f"http://{url}"
    scheme, _, rest = with_scheme.partition("://")
    if scheme.lower() not in PROXY_SCHEMES:
        known = ", ".join(PROXY_SCHEMES)
        raise ConfigError(f"proxy: {scheme} is not a kind of proxy; known: {known}")
    if not rest or not rest.isprintable() or " " in rest:
        raise ConfigError("proxy: is not a usable URL", hint="write http://host:port")
    return with_scheme


@lru_cache(maxsize=256)
def _is_loopback(authority: str) -> bool:
    host = urlsplit(f"//{authority}").hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
