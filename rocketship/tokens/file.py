"""Logins in files, one for each profile, readable by their owner only."""

from __future__ import annotations

import json
from pathlib import Path

from rocketship.tokens.folder import PrivateFolder
from rocketship.tokens.login import Login, from_json, parse_json, to_json
from rocketship.tokens.store import StoreUnusable


class FileStore:
    """A TokenStore in a private folder."""

    def __init__(self, folder: PrivateFolder) -> None:
        self._folder = folder

    def load(self, profile: str) -> Login | None:
        try:
            content = self._folder.read(file_name(profile))
        except OSError as error:
            raise self._unusable(profile, "read", error) from error
        return from_json(parse_json(content)) if content else None

    def save(self, profile: str, login: Login) -> None:
        try:
            text = json.dumps(to_json(login), indent=1)
            self._folder.write(file_name(profile), text.encode())
        except OSError as error:
            raise self._unusable(profile, "written", error) from error

    def delete(self, profile: str) -> None:
        try:
            self._folder.remove(file_name(profile))
        except OSError as error:
            raise self._unusable(profile, "removed", error) from error

    def describe(self) -> str:
        return f"files in {self._folder.path}"

    def _unusable(self, profile: str, what: str, error: OSError) -> StoreUnusable:
        path: Path = self._folder.file(file_name(profile))
        return StoreUnusable(f"{path} cannot be {what}: {error.strerror or error}")


def file_name(profile: str) -> str:
    """Return the name of the file for a profile; names of profiles are safe as such."""
    return f"{profile}.json"
