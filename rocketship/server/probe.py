"""Asks the engine of this machine how it fares, for images whose health is checked by a command."""

from __future__ import annotations

import http.client
import ssl

from rocketship.errors import Infrastructure
from rocketship.settings.reader import Address
from rocketship.settings.server import ServerSettings

PATIENCE_SECONDS = 4.0
#: Where to ask an engine that listens on every address.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def probe(settings: ServerSettings) -> None:
    """Return when the engine these settings describe is healthy.

    Raises:
        Infrastructure: It does not answer, or calls itself unhealthy.
    """
    address = Address(_LOOPBACK.get(settings.http.host, settings.http.host), settings.http.port)
    connection = _connection(address, settings)
    try:
        connection.connect()
        # An engine that wants a certificate has just shown that it lives by answering with its own.
        if settings.tls is None or settings.tls.client_ca is None:
            connection.request("GET", "/healthz")
            status = connection.getresponse().status
            if status != 200:
                raise Infrastructure(f"the engine at {address} is not healthy (HTTP {status})")
    except (OSError, http.client.HTTPException) as error:
        raise Infrastructure(f"the engine at {address} does not answer: {error}") from error
    finally:
        connection.close()


def _connection(address: Address, settings: ServerSettings) -> http.client.HTTPConnection:
    if settings.tls is None:
        return http.client.HTTPConnection(address.host, address.port, timeout=PATIENCE_SECONDS)
    # The certificate names the engine's host, which is not what it is called from here.
    trusting = ssl._create_unverified_context()
    return http.client.HTTPSConnection(
        address.host, address.port, timeout=PATIENCE_SECONDS, context=trusting
    )
