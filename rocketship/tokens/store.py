"""The port through which logins are kept."""

from __future__ import annotations

from typing import Protocol

from rocketship.tokens.login import Login


class StoreUnusable(Exception):
    """A store that cannot keep anything here and now; the text says why."""


class TokenStore(Protocol):
    """Keeps one login for each profile."""

    def load(self, profile: str) -> Login | None:
        """Return the login of a profile; what cannot be understood counts as none.

        Raises:
            StoreUnusable: The store cannot be read.
        """
        ...

    def save(self, profile: str, login: Login) -> None:
        """Keep a login in place of any other, and make sure that it is kept.

        Raises:
            StoreUnusable: It could not be kept.
        """
        ...

    def delete(self, profile: str) -> None:
        """Forget a login, if there is one.

        Raises:
            StoreUnusable: It could not be removed.
        """
        ...

    def describe(self) -> str:
        """Return where logins are kept, for people."""
        ...
