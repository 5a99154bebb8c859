"""What PostgreSQL says when it refuses, in our words and without the password."""

from __future__ import annotations

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from rocketship.dataclass import dataclass
from rocketship.errors import StoreError
from rocketship.redaction import STARS

#: The settings are wrong: no later try of the same start can succeed.
HOPELESS = (
    errors.InvalidAuthorizationSpecification,
    errors.InvalidCatalogName,
    errors.InvalidPassword,
    errors.InsufficientPrivilege,
)
_HOPELESS_WORDS = (
    "password authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "does not exist",
    "does not support SSL",
    "certificate",
)


@dataclass(frozen=True, slots=True)
class Place:
    """A database as messages name it, and the password that none may contain."""

    name: str
    password: str = ""

    def scrub(self, text: str) -> str:
        """Return a text without the password, on one line."""
        line = "; ".join(part.strip() for part in text.splitlines())
        return line.replace(self.password, STARS) if self.password else line


def is_passing(error: Exception) -> bool:
    """Return whether the same work may succeed later: the database is away, busy or full."""
    if isinstance(error, errors.ProgramLimitExceeded):
        # The work itself is too much: psycopg counts it among the troubles of the server.
        return False
    passing = (psycopg.OperationalError, errors.ReadOnlySqlTransaction, TimeoutError)
    # A connection that broke between two statements is told of as a mistake in its use.
    return isinstance(error, (*passing, psycopg.InterfaceError))


def is_hopeless(error: psycopg.Error) -> bool:
    """Return whether a connection is refused for what the settings say.

    While it connects, libpq passes on what the server said, but not its code.
    """
    return isinstance(error, HOPELESS) or any(word in str(error) for word in _HOPELESS_WORDS)


def translate(error: Exception, place: Place) -> StoreError:
    """Return the error to tell people."""
    if isinstance(error, StoreError):
        return error
    text = place.scrub(str(error))
    if isinstance(error, PoolTimeout):
        message = f"no connection to {place.name} became free in time"
        return StoreError(message, hint="the database is away or overloaded; try again in a moment")
    if isinstance(error, errors.DiskFull):
        return StoreError(f"{place.name} has no space left: {text}", hint="free some space there")
    if isinstance(error, errors.QueryCanceled | errors.LockNotAvailable):
        message = f"{place.name} took too long: {text}"
        return StoreError(message, hint="try again in a moment")
    if is_passing(error):
        message = f"{place.name} cannot be used: {text or type(error).__name__}"
        return StoreError(message, hint="try again in a moment")
    return StoreError(f"{place.name} failed: {text}")
