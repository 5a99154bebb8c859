"""A client of Temporal, from our settings over a TOML profile over Temporal's own defaults."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile
from temporalio.service import RPCError, TLSConfig

from rocketship.errors import Infrastructure, SettingsError
from rocketship.runtime.temporal.codec import Seal, converter
from rocketship.settings.temporal import TemporalSettings

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 5.0


def configuration(settings: TemporalSettings) -> dict[str, Any]:
    """Return the arguments a client connects with.

    Raises:
        SettingsError: The profile or a certificate cannot be read.
    """
    given = _profile(settings)
    if settings.address:
        given["target_host"] = settings.address
    given.setdefault("target_host", f"127.0.0.1:{settings.dev_port}")
    if settings.namespace:
        given["namespace"] = settings.namespace
    if key := settings.api_key.reveal():
        given["api_key"] = key
    if tls := _tls(settings):
        given["tls"] = tls
    return given


def names_address(settings: TemporalSettings) -> bool:
    """Return whether the settings or their profile say where Temporal is."""
    return bool(settings.address or _profile(settings).get("target_host"))


async def open_client(settings: TemporalSettings, sealer: Seal, *, lazy: bool) -> Client:
    """Return a client; one that is not `lazy` waits until Temporal is there.

    Raises:
        SettingsError: As for `configuration`.
        Infrastructure: Temporal refuses who is connecting.
    """
    arguments = configuration(settings)
    pause = RETRY_SECONDS
    while True:
        try:
            return await Client.connect(**arguments, data_converter=converter(sealer), lazy=lazy)
        except RPCError as error:
            raise Infrastructure(
                f"Temporal at {arguments['target_host']} refuses the connection: {error.message}",
                hint="check the namespace, the API key and the certificates",
            ) from error
        except RuntimeError as error:
            log.warning(
                "temporal_away", extra={"address": arguments["target_host"], "error": str(error)}
            )
        await asyncio.sleep(pause)
        pause = min(pause * 2, MAX_RETRY_SECONDS)


def _profile(settings: TemporalSettings) -> dict[str, Any]:
    try:
        profile = ClientConfigProfile.load(settings.profile or None)
    except RuntimeError as error:
        if not settings.profile:
            return {}
        hint = "check ROCKETSHIP_TEMPORAL_PROFILE and the file of profiles"
        raise SettingsError(f"the Temporal profile cannot be used: {error}", hint=hint) from error
    return dict(profile.to_client_connect_config())


def _tls(settings: TemporalSettings) -> TLSConfig | None:
    if not settings.tls:
        return None
    return TLSConfig(
        server_root_ca_cert=_read(settings.tls_ca),
        client_cert=_read(settings.tls_cert),
        client_private_key=_read(settings.tls_key),
        domain=settings.tls_server_name or None,
    )


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
