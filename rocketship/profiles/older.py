"""Reads the `config.json` of the original tool, so that its profiles go on working.

Only what a profile of ours can hold is taken: the address, and the name in the certificate. What is
about signing in comes from the engine itself when somebody signs in.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from rocketship.errors import SettingsError
from rocketship.profiles.model import LOCAL, MAX_NAME_CHARACTERS, Config, Profile

#: The original's own profile, which led to its vendor's cloud and was never stored.
_BUILT_IN = "default"


def read_older(path: Path) -> tuple[Config, list[str]]:
    """Return the profiles of an older file, and what to tell about them.

    Raises:
        SettingsError: The file cannot be read, or is not what the original tool writes.
    """
    hint = "correct it, or remove it to begin without profiles"
    try:
        document = json.loads(path.read_bytes())
        stored = document.get("profiles") or {}
        found = {name: _profile(str(name), entry) for name, entry in stored.items()}
        wanted = document.get("default_profile") or _BUILT_IN
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    except (ValueError, AttributeError, TypeError, KeyError):
        raise SettingsError(f"{path} is not a configuration of rocketship", hint=hint) from None
    config = Config()
    notes = []
    for old_name, profile in found.items():
        if profile.name in config.profiles or not profile.engine:
            notes.append(f'The profile "{old_name}" of {path} could not be taken over.')
            continue
        config = config.put(profile)
        if profile.name != old_name:
            notes.append(f'The profile "{old_name}" is now called "{profile.name}".')
    if wanted in found and found[wanted].name in config.profiles:
        config = config.use(found[wanted].name)
    if config.profiles:
        notes.insert(0, f"Took {_count(config)} over from {path}.")
    return config, notes


def _profile(name: str, entry: dict[str, Any]) -> Profile:
    tls = entry.get("tls") or {}
    address = str(entry.get("engine_address") or "").strip()
    if not address or "://" in address:
        return Profile(_usable_name(name), engine=address)
    host, _, port = address.rpartition(":")
    if ":" in host and not host.startswith("["):
        # The original lost the brackets of IPv6 addresses.
        address = f"[{host}]:{port}"
    if not tls.get("enabled"):
        return Profile(_usable_name(name), engine=f"grpc://{address}")
    domain = str(tls.get("domain") or "")
    server_name = "" if domain in (host, address) else domain
    return Profile(_usable_name(name), engine=f"grpcs://{address}", tls_server_name=server_name)


def _usable_name(name: str) -> str:
    usable = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("._-")[:MAX_NAME_CHARACTERS]
    return f"{usable}-server" if usable in (LOCAL, "") else usable


def _count(config: Config) -> str:
    count = len(config.profiles)
    return "a profile" if count == 1 else f"{count} profiles"
