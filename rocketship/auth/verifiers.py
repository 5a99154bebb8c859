"""Verifiers of other packages: the entry points `rocketship.token_verifiers`.

Each is a class without arguments whose objects have `async def verify(token)`, as `Verifier` says.
Whoever they know is a user.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from rocketship.auth.authenticator import PATIENCE_SECONDS, Verifier
from rocketship.auth.caller import Kind, Principal
from rocketship.errors import RocketshipError, SettingsError, Unavailable

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

log = logging.getLogger(__name__)

GROUP = "rocketship.token_verifiers"


def installed_verifiers() -> list[Verifier]:
    """Return the verifiers of all installed packages, by the order of their names.

    Raises:
        SettingsError: One cannot be made.
    """
    from importlib.metadata import entry_points

    points = sorted(entry_points(group=GROUP), key=lambda point: point.name)
    return [Foreign(point.name, _make(point)) for point in points]


class Foreign:
    """Keeps a verifier of others within bounds, in time and in what it can do."""

    def __init__(self, name: str, verifier: Verifier) -> None:
        self._name = name
        self._verifier = verifier

    async def verify(self, token: str) -> Principal | None:
        """Return whose token it is, or None.

        Raises:
            Unauthenticated: The verifier says so.
            Unavailable: It failed, or took too long.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                found = await self._verifier.verify(token)
        except RocketshipError:
            raise
        except Exception as error:  # somebody else's code may raise anything
            log.exception("token_verifier_failed", extra={"verifier": self._name})
            raise Unavailable("it cannot be found out who is calling") from error
        if found is None:
            return None
        return Principal(Kind.USER, found.name, found.claims, found.expires_at)


def _make(point: EntryPoint) -> Verifier:
    try:
        verifier: Verifier = point.load()()
    except Exception as error:  # as above
        raise SettingsError(f'the token verifier "{point.name}" cannot be used: {error}') from error
    return verifier
