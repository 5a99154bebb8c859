"""The logins of a person, in the keyring or in files, by the name of the profile.

Loading the keyring takes longer than many commands, so a small file tells whether a profile has a
login there. Commands of profiles without a login, or with one in a file, never load it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from rocketship.errors import SettingsError
from rocketship.settings.tokens import AUTO, FILE, KEYRING
from rocketship.tokens.file import FileStore, file_name
from rocketship.tokens.folder import PrivateFolder, unusable
from rocketship.tokens.keyring import KeyringStore
from rocketship.tokens.login import Login, parse_json
from rocketship.tokens.store import StoreUnusable, TokenStore

_POINTER = {"store": KEYRING}


class Logins:
    """Logins by profile.

    Args:
        folder: Where the files are, or what says that a login is in the keyring.
        choice: One of `auto`, `keyring` and `file`.
        warn: Told what was repaired, and when a keyring cannot be used.
    """

    def __init__(self, folder: Path, choice: str, warn: Callable[[str], None]) -> None:
        self._folder = PrivateFolder(folder, warn)
        self._choice = choice
        self._warn = warn
        self._file = FileStore(self._folder)
        self._keyring = KeyringStore()

    def load(self, profile: str) -> Login | None:
        """Return the login of a profile, if there is one that can be read."""
        try:
            return self._holder(profile).load(profile)
        except StoreUnusable as error:
            self._warn(f'the login of the profile "{profile}" cannot be read: {error}')
            return None

    def save(self, profile: str, login: Login) -> str:
        """Keep a login and return where, for people.

        Raises:
            SettingsError: It cannot be kept where it must be.
        """
        if self._choice != FILE:
            try:
                return self._save_in_keyring(profile, login)
            except StoreUnusable as error:
                if self._choice == KEYRING:
                    hint = "unlock or install a keyring, or set ROCKETSHIP_TOKEN_STORE=file"
                    raise SettingsError(str(error), hint=hint) from error
        try:
            self._file.save(profile, login)
        except StoreUnusable as error:
            raise SettingsError(str(error), hint="check the permissions") from error
        return self._file.describe()

    def delete(self, profile: str) -> None:
        """Forget the login of a profile, wherever it is.

        Raises:
            SettingsError: It cannot be removed.
        """
        try:
            if self._in_keyring(profile):
                self._keyring.delete(profile)
            self._file.delete(profile)
        except StoreUnusable as error:
            raise SettingsError(f"the login cannot be removed: {error}") from error

    def rename(self, profile: str, new_profile: str) -> None:
        """Move a login to another profile.

        Raises:
            SettingsError: It cannot be moved.
        """
        if login := self.load(profile):
            self.save(new_profile, login)
            self.delete(profile)

    def locked(self, profile: str) -> AbstractContextManager[None]:
        """Return a lock that all processes respect which change the login of a profile."""
        return self._folder.locked(f"{profile}.lock")

    def describe(self, profile: str) -> str:
        """Return where the login of a profile is, for people."""
        return self._holder(profile).describe()

    def best_store(self) -> tuple[TokenStore, str]:
        """Return the store for the next login, and why it is not the keyring, if it is not."""
        if self._choice == FILE:
            return self._file, "as ROCKETSHIP_TOKEN_STORE says"
        try:
            self._keyring.check()
        except StoreUnusable as error:
            return (self._file if self._choice == AUTO else self._keyring), str(error)
        return self._keyring, ""

    def _save_in_keyring(self, profile: str, login: Login) -> str:
        self._keyring.save(profile, login)
        try:
            # Only now, when the keyring has given it back, an older login in the file may go.
            self._folder.write(file_name(profile), json.dumps(_POINTER).encode())
        except OSError as error:
            raise unusable(self._folder.file(file_name(profile)), error) from error
        return self._keyring.describe()

    def _holder(self, profile: str) -> TokenStore:
        return self._keyring if self._in_keyring(profile) else self._file

    def _in_keyring(self, profile: str) -> bool:
        try:
            return bool(parse_json(self._folder.read(file_name(profile)) or b"null") == _POINTER)
        except OSError:
            return False
