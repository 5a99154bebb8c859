"""Shows what an engine says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketship.cli.console import Console

if TYPE_CHECKING:
    from rocketship.client.channel import Endpoint
    from rocketship.client.discovery import ServerInfo


async def ask_server(console: Console, endpoint: Endpoint) -> ServerInfo:
    """Return what an engine says about itself.

    Raises:
        RocketshipError: The engine cannot be used.
    """
    from rocketship.client.connection import open_connection
    from rocketship.client.discovery import compatibility_warning, discover

    async with open_connection(
        endpoint, note=console.note, warn=console.warning, retry_seconds=0
    ) as connection:
        info = await discover(connection)
    if warning := compatibility_warning(info):
        console.warning(warning)
    return info


def server_facts(info: ServerInfo) -> list[tuple[str, str]]:
    """Return what a discovery document tells, as labels and texts; nothing is left empty."""
    auth = f"{info.auth_type} (login needed)" if info.auth_enabled else info.auth_type
    facts = [
        ("Version", info.version or "unknown"),
        ("Auth", auth),
        ("Auth Endpoint", info.auth_endpoint),
        ("Device Endpoint", info.device_authorization_endpoint),
        ("Token Endpoint", info.token_endpoint),
        ("Issuer", info.issuer),
        ("Audience", info.audience),
        ("Scopes", " ".join(info.scopes)),
        ("Client ID", info.client_id),
        ("Capabilities", ", ".join(info.capabilities)),
        ("Endpoints", ", ".join(f"{kind} {address}" for kind, address in info.endpoints)),
    ]
    return [(label, text) for label, text in facts if text]
