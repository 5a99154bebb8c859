"""End the login of a profile: its tokens are revoked where that is possible, and then forgotten.

Examples: `rocketship logout`, `rocketship logout --profile staging`.
"""

from __future__ import annotations

import os

from rocketship.cli import options
from rocketship.cli.connection.endpoint import choose_target
from rocketship.cli.connection.tokens import VARIABLE, logins_of
from rocketship.cli.console import standard_console
from rocketship.errors import UsageError
from rocketship.profiles.resolve import Connection


@options.with_connection
def main(connection: Connection) -> int:
    """End the login of a profile."""
    from rocketship.tokens.oauth.renew import revoke

    console = standard_console()
    target = choose_target(console, connection)
    name = target.profile.name
    if not name:
        raise UsageError("logins belong to profiles", hint="name one with --profile NAME")
    logins = logins_of(console)
    with logins.locked(name):
        login = logins.load(name)
        why = revoke(login, ca_cert=target.profile.ca_cert) if login else ""
        logins.delete(name)
    if login is None:
        console.note(f'You were not logged in with the profile "{name}".')
    elif why:
        console.print(f'The login of the profile "{name}" is forgotten here.')
        console.warning(f"its tokens could not be revoked: {why}", "they end by themselves")
    else:
        console.print(f'Logged out of {login.server} (profile "{name}"); its tokens are revoked.')
    if os.environ.get(VARIABLE):
        console.warning(f"{VARIABLE} is set, and commands go on using it")
    return 0
