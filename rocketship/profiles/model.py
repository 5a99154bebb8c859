"""What a profile is, and the set of them with the one in use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace

from rocketship.dataclass import dataclass
from rocketship.errors import UsageError
from rocketship.suite.problem import did_you_mean

#: The profile that needs no engine elsewhere: the server on this machine, or none at all.
LOCAL = "local"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
MAX_NAME_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Profile:
    """An engine by name.

    Attributes:
        engine: Its address; empty only for the built-in profile `local`.
        ca_cert: Path of the certificates to trust instead of the system's.
        client_cert: Path of the certificate this client shows, with the key in `client_key`.
        tls_server_name: The name the engine's certificate must have, when it is not the host's.
        insecure_skip_verify: Accept any certificate.
    """

    name: str
    engine: str = ""
    ca_cert: str = ""
    client_cert: str = ""
    client_key: str = ""
    tls_server_name: str = ""
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """The profiles of a person; `active` is used when nothing else is asked for."""

    active: str = LOCAL
    profiles: Mapping[str, Profile] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All names, the built-in one first."""
        return (LOCAL, *sorted(self.profiles))

    def find(self, name: str) -> Profile:
        """Return a profile.

        Raises:
            UsageError: There is none of that name.
        """
        if name == LOCAL:
            return Profile(LOCAL)
        if name not in self.profiles:
            hint = did_you_mean(name, self.names) or "`rocketship profile list` shows all profiles"
            raise UsageError(f'there is no profile "{name}"', hint=hint)
        return self.profiles[name]

    def put(self, profile: Profile) -> Config:
        """Return the configuration with a profile added or replaced."""
        return replace(self, profiles={**self.profiles, profile.name: profile})

    def use(self, name: str) -> Config:
        """Return the configuration with another active profile, which must exist."""
        return replace(self, active=self.find(name).name)

    def remove(self, name: str) -> Config:
        """Return the configuration without a profile; was it the active one, `local` is now."""
        _refuse_built_in(name, "removed")
        self.find(name)
        rest = {key: profile for key, profile in self.profiles.items() if key != name}
        return Config(LOCAL if self.active == name else self.active, rest)

    def rename(self, name: str, new_name: str) -> Config:
        """Return the configuration with a profile under another name, active if it was."""
        _refuse_built_in(name, "renamed")
        profile = self.find(name)
        check_new_name(new_name)
        if new_name in self.profiles:
            raise UsageError(f'there is a profile "{new_name}" already')
        rest = {key: other for key, other in self.profiles.items() if key != name}
        profiles = {**rest, new_name: replace(profile, name=new_name)}
        return Config(new_name if self.active == name else self.active, profiles)


def check_new_name(name: str) -> None:
    """Refuse a name that a profile cannot have.

    Raises:
        UsageError: The message says what names look like.
    """
    _refuse_built_in(name, "replaced")
    if not is_name(name):
        raise UsageError(
            f'"{name}" cannot be the name of a profile',
            hint="names have lower-case letters, digits, dots, dashes and underscores, "
            f"begin with a letter or digit, and have at most {MAX_NAME_CHARACTERS} characters",
        )


def is_name(text: str) -> bool:
    """Return whether a profile can have this name."""
    return len(text) <= MAX_NAME_CHARACTERS and _NAME.fullmatch(text) is not None


def _refuse_built_in(name: str, what: str) -> None:
    if name == LOCAL:
        raise UsageError(f'the profile "{LOCAL}" is built in and cannot be {what}')
