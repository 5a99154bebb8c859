"""Decides where a command connects to, and remembers why.

What the command line says comes first, then the environment, then the active profile, then the
built-in profile `local`. An address that was given by itself brings nothing of a profile with it:
certificates and names that belong to one engine are not for another.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rocketship.dataclass import dataclass
from rocketship.errors import UsageError
from rocketship.profiles.document import PROFILE_KEYS
from rocketship.profiles.file import ConfigFile
from rocketship.profiles.model import LOCAL, Profile

_PATHS = ("ca_cert", "client_cert", "client_key")
_TLS_KEYS = tuple(key for key in PROFILE_KEYS if key != "engine")
_LABELS = {
    "profile": "Profile",
    "engine": "Engine",
    "ca_cert": "CA Certificate",
    "client_cert": "Certificate",
    "client_key": "Key",
    "tls_server_name": "TLS Server Name",
    "insecure_skip_verify": "Skip Verify",
    "connect_timeout": "Connect Timeout",
}
DEFAULT_CONNECT_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Connection:
    """What a command line says about the connection; empty fields say nothing.

    The fields have the names of their options; `auto` asks for an engine in this process.
    """

    engine: str = ""
    profile: str = ""
    token_file: str = ""
    allow_plaintext_token: bool = False
    ca_cert: str = ""
    client_cert: str = ""
    client_key: str = ""
    tls_server_name: str = ""
    insecure_skip_verify: bool = False
    connect_timeout: float | None = None
    auto: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One value of a target, with a label for people, and where it comes from."""

    label: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect and how.

    Attributes:
        profile: What is connected to, with options and environment applied. It has no name when an
            address was given by itself, and no address when it is the built-in `local`.
        connect_timeout_seconds: How long connecting may take.
        origins: Where the profile, and each of its keys that has a value, comes from.
        auto: Whether it must be an engine in this process.
        token_file: The file with the token to show; empty when none was named.
        allow_plaintext_token: Whether a token may go where others on the way can read it.
    """

    profile: Profile
    connect_timeout_seconds: float
    origins: Mapping[str, str]
    auto: bool = False
    token_file: str = ""
    allow_plaintext_token: bool = False

    @property
    def local(self) -> bool:
        """Whether this machine is meant: its server, or an engine in this process."""
        return not self.profile.engine

    def at(self, engine: str, origin: str) -> Target:
        """Return the target with an address."""
        profile = replace(self.profile, engine=engine)
        return replace(self, profile=profile, origins={**self.origins, "engine": origin})

    def explain(self) -> tuple[Setting, ...]:
        """Return every value with its origin."""
        shown = {
            "profile": self.profile.name or "none",
            **{key: _shown(getattr(self.profile, key)) for key in PROFILE_KEYS},
            "engine": self.profile.engine or "this machine",
            "connect_timeout": f"{self.connect_timeout_seconds:g}s",
        }
        return tuple(
            Setting(_LABELS[key], value, self.origins.get(key, "default"))
            for key, value in shown.items()
        )


def resolve(connection: Connection, environ: Mapping[str, str], file: ConfigFile) -> Target:
    """Return where to connect.

    Raises:
        UsageError: There is no such profile, or two things are asked for at once.
        SettingsError: The configuration file cannot be used.
    """
    profile, origins = _chosen(connection, environ, file)
    for key in _TLS_KEYS:
        if given := getattr(connection, key):
            if not profile.engine:
                raise UsageError(
                    f"{_option(key)} is about an engine, and none is named",
                    hint="name one with --engine ADDRESS or --profile NAME",
                )
            profile = replace(profile, **{key: os.path.abspath(given) if key in _PATHS else given})
            origins[key] = f"option {_option(key)}"
    timeout = connection.connect_timeout
    if timeout is not None:
        origins["connect_timeout"] = "option --connect-timeout"
    seconds = timeout or DEFAULT_CONNECT_TIMEOUT_SECONDS
    return Target(
        profile,
        seconds,
        origins,
        connection.auto,
        connection.token_file,
        connection.allow_plaintext_token,
    )


def _chosen(
    connection: Connection, environ: Mapping[str, str], file: ConfigFile
) -> tuple[Profile, dict[str, str]]:
    """Return the profile to begin with, and the origins of its values."""
    named = _by_options(connection)
    if connection.auto:
        if named:
            raise UsageError(
                f"--auto uses an engine in this process, and {named[2]} names another",
                hint="give one of them",
            )
        return Profile(LOCAL), {"profile": "option --auto"}
    named = named or _by_environment(environ)
    if named is None:
        config = file.load()
        origin = "default" if config.active == LOCAL else f"active profile, {file.path}"
        return _from_profile(config.find(config.active), origin, file)
    engine, name, origin = named
    if engine:
        return Profile("", engine=engine), {"engine": origin, "profile": origin}
    # The built-in profile works whatever is wrong with the file.
    profile = Profile(LOCAL) if name == LOCAL else file.load().find(name)
    return _from_profile(profile, origin, file)


def _by_options(connection: Connection) -> tuple[str, str, str] | None:
    return _named("--engine", connection.engine, "--profile", connection.profile)


def _by_environment(environ: Mapping[str, str]) -> tuple[str, str, str] | None:
    engine, profile = "ROCKETSHIP_ENGINE", "ROCKETSHIP_PROFILE"
    return _named(
        engine, environ.get(engine, "").strip(), profile, environ.get(profile, "").strip()
    )


def _named(
    engine_source: str, engine: str, profile_source: str, profile: str
) -> tuple[str, str, str] | None:
    """Return address, profile and origin as one of the two sources says."""
    if engine and profile:
        raise UsageError(
            f"{engine_source} and {profile_source} both say where to connect",
            hint="give one of them",
        )
    if engine:
        return engine, "", _origin(engine_source)
    return ("", profile, _origin(profile_source)) if profile else None


def _from_profile(
    profile: Profile, origin: str, file: ConfigFile
) -> tuple[Profile, dict[str, str]]:
    keys = [key for key in PROFILE_KEYS if getattr(profile, key)]
    origins = {"profile": origin, **dict.fromkeys(keys, f'profile "{profile.name}"')}
    placed = replace(
        profile,
        ca_cert=_absolute(profile.ca_cert, file.folder),
        client_cert=_absolute(profile.client_cert, file.folder),
        client_key=_absolute(profile.client_key, file.folder),
    )
    return placed, origins


def _absolute(path: str, folder: Path) -> str:
    """Return a path of the file, where it is relative to the file's folder."""
    return str(folder / Path(path).expanduser()) if path else ""


def _shown(value: str | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value or "none"


def _origin(source: str) -> str:
    return f"option {source}" if source.startswith("-") else f"environment, {source}"


def _option(field: str) -> str:
    return f"--{field.replace('_', '-')}"
