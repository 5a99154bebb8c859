"""Settings of the command line that are about logins."""

from __future__ import annotations

from collections.abc import Mapping

from rocketship.dataclass import dataclass
from rocketship.settings.reader import Reader

AUTO, KEYRING, FILE = "auto", "keyring", "file"


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Where logins are kept.

    Attributes:
        store: `keyring`, `file`, or `auto` for the keyring where there is one that works and files
            where there is none (ROCKETSHIP_TOKEN_STORE).
    """

    store: str = AUTO


def token_settings(environ: Mapping[str, str]) -> TokenSettings:
    """Return the settings.

    Raises:
        SettingsError: A value cannot be used.
    """
    return TokenSettings(Reader(environ).choice("TOKEN_STORE", (AUTO, KEYRING, FILE), AUTO))
