"""List the connection profiles; a star marks the active one.

Example: `rocketship profile list`.
"""

from __future__ import annotations

from rocketship.cli.connection.endpoint import config_file, tell_notes
from rocketship.cli.console import standard_console
from rocketship.profiles.model import Profile


def main() -> int:
    """List the connection profiles."""
    console = standard_console()
    file = config_file()
    config = file.load()
    tell_notes(console, file)
    width = max(map(len, ("PROFILE", *config.names)))
    console.print(console.paint(f"  {'PROFILE':<{width}}  ENGINE", bold=True))
    for name in config.names:
        mark = "*" if name == config.active else " "
        console.print(f"{mark} {name:<{width}}  {_engine(config.find(name))}")
    return 0


def _engine(profile: Profile) -> str:
    if not profile.engine:
        return "this machine"
    notes = []
    if profile.tls_server_name:
        notes.append(f"as {profile.tls_server_name}")
    if profile.client_cert:
        notes.append("client certificate")
    if profile.insecure_skip_verify:
        notes.append("identity NOT verified")
    return f"{profile.engine} ({', '.join(notes)})" if notes else profile.engine
