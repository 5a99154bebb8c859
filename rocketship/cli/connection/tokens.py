"""Which token a command shows: that of a file, of the environment, or of the profile's login."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from rocketship.cli.console import Console
from rocketship.profiles.file import config_dir
from rocketship.profiles.resolve import Target

if TYPE_CHECKING:
    from rocketship.client.credentials import Credentials
    from rocketship.tokens.logins import Logins

VARIABLE = "ROCKETSHIP_TOKEN"


def credentials_for(console: Console, target: Target, server: str) -> Credentials | None:
    """Return what says who is calling, or None when nothing does.

    Args:
        console: Told what is repaired, and what cannot be renewed.
        target: What the command line, the environment and the profile say.
        server: The address that is connected to.

    Raises:
        UsageError: The token that comes first cannot be used.
        SettingsError: A setting about logins cannot be used.
    """
    if target.token_file:
        from rocketship.client.credentials import TokenFile

        file = TokenFile(Path(target.token_file))
        file.read()
        return file
    if given := os.environ.get(VARIABLE, ""):
        from rocketship.client.credentials import GivenToken
        from rocketship.tokens.text import check_token

        return GivenToken(check_token(given, VARIABLE), VARIABLE)
    name = target.profile.name
    # Most people have no login, and need not load what reads one.
    if not name or not (_folder() / f"{name}.json").exists():
        return None
    from rocketship.client.credentials import StoredLogin
    from rocketship.tokens.clock import SystemClock

    return StoredLogin(
        logins_of(console),
        name,
        server,
        SystemClock(),
        console.warning,
        ca_cert=target.profile.ca_cert,
    )


def logins_of(console: Console) -> Logins:
    """Return the logins of whoever runs this process.

    Raises:
        SettingsError: ROCKETSHIP_TOKEN_STORE cannot be used.
    """
    from rocketship.settings.tokens import token_settings
    from rocketship.tokens.logins import Logins

    return Logins(_folder(), token_settings(os.environ).store, console.warning)


def _folder() -> Path:
    return config_dir(os.environ) / "tokens"
