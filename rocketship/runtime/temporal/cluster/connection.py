"""A client of Temporal, from our settings over a TOML profile over Temporal's own defaults."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfigProfile
from temporalio.service import RPCError, TLSConfig

from rocketship.errors import SettingsError
from rocketship.runtime.temporal.cluster.refusal import hung_up, refusal
from rocketship.runtime.temporal.codec import Seal, converter
from rocketship.settings.temporal import TemporalSettings

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
MAX_RETRY_SECONDS = 5.0
GREETING_TIMEOUT = timedelta(seconds=3)
#: Who refuses a certificate often hangs up before its reason is read, so it is asked again.
MAX_HANG_UPS = 10
HANG_UP_SECONDS = 0.1
DEFAULT_NAMESPACE = "default"


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
        SettingsError: As for `configuration`, or a certificate and its key do not fit.
        Refused: Temporal, or something in front of it, does not take us, or we do not trust it.
    """
    arguments = configuration(settings)
    arguments |= {"data_converter": converter(sealer), "lazy": lazy}
    pause = RETRY_SECONDS
    while True:
        try:
            return await _connect(arguments)
        except (RPCError, RuntimeError) as error:
            place = arguments["target_host"]
            log.warning("temporal_away", extra={"address": place, "error": _words(error)})
        if lazy:
            return await Client.connect(**arguments)
        await asyncio.sleep(pause)
        pause = min(pause * 2, MAX_RETRY_SECONDS)


async def _connect(arguments: dict[str, Any]) -> Client:
    """Return a client that has found its namespace."""
    attempt = 1
    while True:
        try:
            client = await Client.connect(**arguments)
            request = DescribeNamespaceRequest(namespace=client.namespace)
            await client.workflow_service.describe_namespace(request, timeout=GREETING_TIMEOUT)
        except (RPCError, RuntimeError) as error:
            namespace = arguments.get("namespace", DEFAULT_NAMESPACE)
            if refused := refusal(error, arguments["target_host"], namespace):
                raise refused from error
            if attempt == MAX_HANG_UPS or not hung_up(error):
                raise
        else:
            return client
        attempt += 1
        await asyncio.sleep(HANG_UP_SECONDS)


def _words(error: RPCError | RuntimeError) -> str:
    return error.message if isinstance(error, RPCError) else str(error)


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
