"""What of the caller's credentials goes to one engine, and what to do when it is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from rocketship.client.credentials import Asked
from rocketship.errors import Refused, RocketshipError, Unauthenticated, Unreachable

if TYPE_CHECKING:
    from rocketship.client.channel import Endpoint, Note


class Session:
    """The credentials of one connection, from the moment the engine has said what it wants.

    Until then nothing is shown: what an engine says about itself is open to everybody.
    """

    def __init__(self, endpoint: Endpoint, note: Note) -> None:
        self._endpoint = endpoint
        self._note = note
        self._asked: Asked | None = None
        self._proven = True
        self._renewing = asyncio.Lock()
        self._latest: str | None = None

    def begin(self, asked: Asked) -> None:
        """Show tokens from now on."""
        self._asked = asked

    async def token(self) -> str | None:
        """Return the token to show with the next call, if any.

        Raises:
            Refused: It would be readable on its way.
            Unreachable: It has ended, and whoever renews it does not answer.
            RocketshipError: It cannot be used.
        """
        credentials = self._endpoint.credentials
        if self._asked is None or credentials is None:
            return None
        if not self._endpoint.confidential and self._asked.needed is False:
            return None  # nobody asks for it, so nobody on the way gets it
        try:
            token = await credentials.token(self._asked)
        except Unauthenticated as error:
            raise self.refused(error, None) from error
        except Unreachable as error:
            raise _not_renewed(error) from error
        if token and not self._endpoint.confidential:
            raise unsafe(credentials.source, self._endpoint)
        self._latest = token
        return token

    async def renewed(self, refused: str | None) -> bool:
        """Return whether to try again after a token was refused, because there is another.

        A token that is refused before any was accepted since the last one is the end of it.

        Raises:
            Unreachable: Whoever renews it does not answer.
        """
        credentials = self._endpoint.credentials
        if refused is None or credentials is None:
            return False
        async with self._renewing:
            if self._latest != refused:
                return True
            if not self._proven:
                return False
            try:
                found = await credentials.renew(refused)
            except Unreachable as error:
                raise _not_renewed(error) from error
            except RocketshipError as error:
                self._note(f"the login is not renewed: {error.message}")
                return False
            if found:
                self._proven, self._latest = False, None
            return found

    def accepted(self) -> None:
        """Take note that the engine took a call."""
        self._proven = True

    def refused(self, error: Unauthenticated, token: str | None) -> RocketshipError:
        """Return the error with what to do about it here."""
        credentials, remedy = self._endpoint.credentials, self._remedy()
        if not token or credentials is None:
            return Unauthenticated(error.message, hint=remedy)
        if credentials.given:
            # Whatever else is done, this one would be shown again.
            correct = f"correct {credentials.source}"
            alone = self._takes_tokens_only()
            remedy = correct if alone else f"{correct}, or leave it out and {remedy}"
        message = f"{error.message} (it was shown {credentials.source})"
        return Unauthenticated(message, hint=remedy)

    def _remedy(self) -> str:
        """Return what to try next, as far as the engine has said what it takes."""
        asked = self._asked or Asked()
        token = "set ROCKETSHIP_TOKEN, or give --token-file"
        if self._takes_tokens_only():
            return token
        if not self._endpoint.profile:
            return "set ROCKETSHIP_TOKEN, or make a profile of the address and log in with it"
        login = f"log in with `rocketship login --profile {self._endpoint.profile}`"
        return f"{login}, or {token}" if asked.token or not asked.oidc else login

    def _takes_tokens_only(self) -> bool:
        asked = self._asked or Asked()
        return asked.token and not asked.oidc


def unsafe(what: str, endpoint: Endpoint) -> Refused:
    """Return the error for what would be sent where others could read it."""
    return Refused(
        f"{what} is not sent to {endpoint.address}: without TLS everybody on the way could read it",
        hint=f"use grpcs://{endpoint.address.authority} if the engine has TLS; "
        "--allow-plaintext-token sends it all the same",
    )


def _not_renewed(error: Unreachable) -> Unreachable:
    return Unreachable(f"the login cannot be renewed: {error.message}", hint=error.hint)
