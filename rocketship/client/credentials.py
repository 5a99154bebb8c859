"""Who is calling: a token that was given, or the login that is kept for a profile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rocketship.dataclass import dataclass
from rocketship.errors import Unauthenticated, UsageError

if TYPE_CHECKING:
    from rocketship.tokens.clock import Clock
    from rocketship.tokens.login import Login
    from rocketship.tokens.logins import Logins

#: Far more than any token has; what is larger is some other file.
MAX_TOKEN_FILE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    """How an engine wants to know who is calling.

    Attributes:
        needed: Whether it wants to; None when it cannot tell.
        token: Whether a token of its operator will do.
        oidc: Whether a login will do.
        issuer: Of whom a login must be; empty when the engine does not say.
        audience: What a login must be for; empty when the engine does not say.
    """

    needed: bool | None = None
    token: bool = False
    oidc: bool = False
    issuer: str = ""
    audience: str = ""


class Credentials(Protocol):
    """Gives the tokens that are shown to one engine.

    Attributes:
        given: Whether somebody has set the token for this command, before any login.
    """

    given: bool

    @property
    def source(self) -> str:
        """Where the token is from, for people."""
        ...

    async def token(self, asked: Asked) -> str | None:
        """Return the token to show now, or None when there is none for such an engine.

        Raises:
            RocketshipError: There should be one, and it cannot be used.
        """
        ...

    async def renew(self, refused: str) -> bool:
        """Return whether there is another token than one that was refused.

        Raises:
            RocketshipError: There is none, and this is why.
        """
        ...


class GivenToken:
    """A token that somebody has set for this process."""

    given = True

    def __init__(self, token: str, source: str) -> None:
        self._token = token
        self._source = source

    @property
    def source(self) -> str:
        return self._source

    async def token(self, asked: Asked) -> str | None:
        return self._token

    async def renew(self, refused: str) -> bool:
        return False


class TokenFile:
    """A token in a file, read whenever it is shown: whoever writes it may write a newer one."""

    given = True

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def source(self) -> str:
        return f"the file {self._path}"

    async def token(self, asked: Asked) -> str | None:
        return self.read()

    async def renew(self, refused: str) -> bool:
        return self.read() != refused

    def read(self) -> str:
        """Return the token.

        Raises:
            UsageError: The file cannot be read, or holds none.
        """
        from rocketship.tokens.text import check_token

        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_TOKEN_FILE_BYTES)
        except OSError as error:
            raise UsageError(
                f"--token-file {self._path} cannot be read: {error.strerror}"
            ) from None
        return check_token(content.decode("utf-8", "replace"), f"--token-file {self._path}")


class StoredLogin:
    """The login of a profile, shown to the engine it was made for and nobody else.

    Args:
        server: The address that is connected to.
        warn: Told when the login cannot be renewed although it is about to end.
        ca_cert: Path of certificates to trust besides the system's.
    """

    given = False

    def __init__(
        self,
        logins: Logins,
        profile: str,
        server: str,
        clock: Clock,
        warn: Callable[[str], None],
        *,
        ca_cert: str = "",
    ) -> None:
        self._logins = logins
        self._profile = profile
        self._server = server
        self._clock = clock
        self._warn = warn
        self._ca_cert = ca_cert
        self._login: Login | None = None
        self._one_at_a_time = asyncio.Lock()

    @property
    def source(self) -> str:
        return f'the login of the profile "{self._profile}"'

    async def token(self, asked: Asked) -> str | None:
        async with self._one_at_a_time:
            login = self._login or await asyncio.to_thread(self._logins.load, self._profile)
            if login is None or login.server != self._server:
                return None
            for kept, wanted, name in (
                (login.issuer, asked.issuer, "issuer"),
                (login.audience, asked.audience, "audience"),
            ):
                if wanted and kept != wanted:
                    raise Unauthenticated(
                        f"{self.source} is from another {name}: {kept or 'none'}; "
                        f"the engine now asks for {wanted}"
                    )
            self._login = await asyncio.to_thread(self._current, login)
            return self._login.access_token

    async def renew(self, refused: str) -> bool:
        from rocketship.tokens.oauth.renew import renew

        async with self._one_at_a_time:
            login = self._login
            if login is None:
                return False
            if login.access_token != refused:
                return True
            renewed = await asyncio.to_thread(
                renew, self._logins, self._profile, login, self._clock, ca_cert=self._ca_cert
            )
            self._login = renewed or login
            return renewed is not None

    def _current(self, login: Login) -> Login:
        if not login.ending(self._clock.now()):
            return login
        from rocketship.tokens.oauth.renew import usable_token

        return usable_token(
            self._logins,
            self._profile,
            login,
            self._clock,
            self._warn,
            ca_cert=self._ca_cert,
        )
