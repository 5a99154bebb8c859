"""Which process a run belongs to, and whether that process is still alive.

Every process that runs suites holds a lock on a file of its own for as long as it lives; the
operating system releases it however the process ends. A run whose owner's file can be locked has
lost its owner, and whoever holds that lock is the only one who may adopt it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rocketship.errors import StoreError

FOLDER = "owners"


class Owner:
    """This process, as far as runs are concerned."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / FOLDER
        self.name = f"{os.getpid()}-{os.urandom(8).hex()}"
        self._handle = self._lock_own_file()

    def release(self) -> None:
        """Give up the lock, with the file."""
        self._path(self.name).unlink(missing_ok=True)
        os.close(self._handle)

    @contextmanager
    def claim(self, other: str) -> Iterator[bool]:
        """Hold another owner's lock for the duration, if its process is gone; yields whether."""
        if other == self.name:
            yield False
            return
        path = self._path(other)
        handle = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            yield False
            return
        try:
            yield True
            path.unlink(missing_ok=True)
        finally:
            os.close(handle)

    def _lock_own_file(self) -> int:
        try:
            for folder in (self._folder.parent, self._folder):
                # A mode is not for parents that are made on the way.
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(self._path(self.name), os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StoreError(
                f"the data folder cannot be written: {error.filename}: {error.strerror}",
                hint="check its permissions, or point ROCKETSHIP_DATA_DIR somewhere else",
            ) from error
        return handle

    def _path(self, name: str) -> Path:
        return self._folder / f"{name.replace('/', '_')}.lock"
