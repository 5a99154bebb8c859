"""Keyring backends that should not be trusted with anything."""

from __future__ import annotations

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked


class Forgetful(KeyringBackend):
    """Accepts everything and keeps nothing."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        pass

    def delete_password(self, service: str, username: str) -> None:
        pass


class Locked(Forgetful):
    """Nobody is there to unlock it."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringLocked("Failed to unlock the collection!")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked("Failed to unlock the collection!")


class SmallEntries(Forgetful):
    """Fails in a way of its own when an entry is too large, as that of Windows does."""

    def set_password(self, service: str, username: str, password: str) -> None:
        raise OSError(1783, "The stub received bad data")


class PlainText(Forgetful):
    """Keeps everything where anybody can read it."""

    kept: dict[str, str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get(username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[username] = password


# The module by which the plain-text backends of `keyrings.alt` are known.
PlainText.__module__ = "keyrings.alt.file"
