"""Where history is kept: a file in the data folder, or PostgreSQL for several engines."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError
from rocketship.redaction import Secret
from rocketship.settings.reader import PREFIX, Reader

NAME = "DATABASE_URL"
SCHEMES = ("postgresql", "postgres")
_EXPECTED = "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """A PostgreSQL database.

    Attributes:
        url: `postgresql://…` as libpq reads it, with its parameters (`?sslmode=verify-full`).
        password: The password in it, so that no message and no log shows it; empty without one.
    """

    url: Secret[str]
    password: Secret[str]


def database_settings(reader: Reader) -> DatabaseSettings | None:
    """Return the database of ROCKETSHIP_DATABASE_URL, None for the file in the data folder.

    Raises:
        SettingsError: The URL is not one of PostgreSQL; what it says is not repeated.
    """
    url = reader.secret(NAME)
    if not url:
        return None
    try:
        parts = urlsplit(url)
        password = unquote(parts.password or "")
    except ValueError:
        raise SettingsError(f"{PREFIX}{NAME} is not an URL: {_EXPECTED}") from None
    if parts.scheme not in SCHEMES:
        hint = "leave it out to keep history in a SQLite file in ROCKETSHIP_DATA_DIR"
        raise SettingsError(f"{PREFIX}{NAME}: {_EXPECTED}", hint=hint)
    return DatabaseSettings(Secret(url), Secret(password))
