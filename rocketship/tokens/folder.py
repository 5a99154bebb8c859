"""A folder for one person's tokens: private, written atomically, and locked between processes."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rocketship.errors import SettingsError

FOLDER_MODE = 0o700
FILE_MODE = 0o600
#: Longer than a process takes to renew a login, with all its time-outs.
LOCK_SECONDS = 45.0
_LOCK_POLL_SECONDS = 0.02
MAX_FILE_BYTES = 1024 * 1024


class PrivateFolder:
    """Files that only their owner can read; permissions that say otherwise are repaired.

    Args:
        path: The folder, made when something is written.
        warn: Told what was repaired.
    """

    def __init__(self, path: Path, warn: Callable[[str], None]) -> None:
        self.path = path
        self._warn = warn

    def file(self, name: str) -> Path:
        """Return where a file is."""
        return self.path / name

    def read(self, name: str) -> bytes | None:
        """Return what a file holds, or None without one.

        Raises:
            OSError: It cannot be read.
        """
        path = self.file(name)
        if not path.exists():
            return None
        self._repair(self.path, FOLDER_MODE)
        self._repair(path, FILE_MODE)
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES)

    def write(self, name: str, content: bytes) -> None:
        """Replace a file, completely or not at all.

        Raises:
            OSError: It cannot be written.
        """
        self._make()
        path = self.file(name)
        temporary = self.file(f".{name}.{os.getpid()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        temporary.unlink(missing_ok=True)
        try:
            with os.fdopen(os.open(temporary, flags, FILE_MODE), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        self.file(name).unlink(missing_ok=True)

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Keep other processes from what is done under the same name.

        Raises:
            SettingsError: The folder cannot be used, or another process holds the lock too long.
        """
        path = self.file(name)
        try:
            self._make()
            handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise unusable(path, error) from error
        try:
            _lock(handle, path)
            yield
        finally:
            os.close(handle)

    def _make(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
        self._repair(self.path, FOLDER_MODE)

    def _repair(self, path: Path, mode: int) -> None:
        found = stat.S_IMODE(path.stat().st_mode)
        if found & 0o077:
            path.chmod(mode)
            self._warn(f"{path} could be read by others (mode {found:o}); it is now {mode:o}")


def _lock(handle: int, path: Path) -> None:
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                hint = "another rocketship process renews the login and hangs; end it"
                raise SettingsError(f"{path} is locked", hint=hint) from None
        time.sleep(_LOCK_POLL_SECONDS)


def unusable(path: Path, error: OSError) -> SettingsError:
    """Return the error to show for a file of the folder that cannot be used."""
    return SettingsError(
        f"{path} cannot be used: {error.strerror or error}",
        hint="check its permissions, or point ROCKETSHIP_CONFIG_DIR somewhere else",
    )
