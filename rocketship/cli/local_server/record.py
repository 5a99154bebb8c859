"""How commands find the local server, and never take anything else for it.

A server holds a lock for as long as it lives, and has written a nonce of its own into the locked
file. What it says about itself lies beside it and repeats the nonce. So a record that a killed
server left behind is not believed, neither before nor after another one has started; and the
operating system releases the lock however a server ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rocketship.cli.local_server.process import start_time
from rocketship.dataclass import dataclass
from rocketship.errors import Infrastructure, UsageError
from rocketship.settings.engine import data_dir

LOCK_NAME = "server.lock"
RECORD_NAME = "server.json"
LOG_NAME = "server.log"
LOCK_PATIENCE_SECONDS = 1.0
LOCK_POLL_SECONDS = 0.01
_NONCE_CHARACTERS = 32


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """What a server says about itself once it can be used.

    Attributes:
        started: When its process began, in the words of `process.start_time`.
        grpc: The address commands connect to.
        http: The address for a browser.
        log: The file it logs to; empty when it has a terminal.
    """

    pid: int
    started: str
    nonce: str
    grpc: str
    http: str
    version: str
    log: str = ""


class Place:
    """The folder where the local server of this person, and nobody else's, is found."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.folder = _folder(environ)
        self.log = data_dir(environ) / LOG_NAME
        self._lock = self.folder / LOCK_NAME
        self._record = self.folder / RECORD_NAME

    def find(self) -> ServerRecord | None:
        """Return the record of the server that is alive and ready, if there is one."""
        nonce = self.holder()
        if not nonce:
            return None
        try:
            record = ServerRecord(**json.loads(self._record.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        # A server that has just taken the lock may not have written its nonce yet.
        if record.nonce != nonce or start_time(record.pid) != record.started:
            return None
        return record

    def holder(self) -> str:
        """Return the nonce of the server that is alive, ready or not; empty without one."""
        try:
            handle = os.open(self._lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return ""
        try:
            if os.fstat(handle).st_uid != os.geteuid():
                return ""
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.read(handle, _NONCE_CHARACTERS).decode("ascii", "replace")
        finally:
            os.close(handle)
        return ""

    @contextmanager
    def held(self) -> Iterator[str]:
        """Be the local server until the context is left, or the process ends; yields the nonce.

        Raises:
            UsageError: There is another one.
            Infrastructure: The folder cannot be written.
        """
        handle = self._take()
        nonce = os.urandom(_NONCE_CHARACTERS // 2).hex()
        try:
            os.pwrite(handle, nonce.encode(), 0)
            yield nonce
        finally:
            self._record.unlink(missing_ok=True)
            os.close(handle)

    def publish(self, record: ServerRecord) -> None:
        """Tell commands about this server, which must hold the place."""
        temporary = self._record.with_suffix(f".{record.nonce}.tmp")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(record), file, indent=2)
        os.replace(temporary, self._record)

    def _take(self) -> int:
        try:
            # A mode is not for parents that are made on the way.
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(exist_ok=True, mode=0o700)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            handle = os.open(self._lock, flags, 0o600)
        except OSError as error:
            raise Infrastructure(
                f"the runtime folder {self.folder} cannot be used: {error.strerror}",
                hint="check its permissions, or set XDG_RUNTIME_DIR to a folder of yours",
            ) from error
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        while not _locked(handle):
            # Somebody who only looks holds the lock, too, but not for long.
            record = self.find()
            if record or time.monotonic() > deadline:
                os.close(handle)
                raise already_running(record)
            time.sleep(LOCK_POLL_SECONDS)
        return handle


def already_running(record: ServerRecord | None) -> UsageError:
    """Return what to tell somebody who starts a second server."""
    if record is None:
        return UsageError("a local server is starting or stopping right now", hint="try again")
    return UsageError(
        f"a local server is running already: {record.grpc}, process {record.pid}",
        hint="use it, or stop it with `rocketship stop server`",
    )


def _folder(environ: Mapping[str, str]) -> Path:
    """Return the person's runtime folder; one that belongs to somebody else does not count."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    try:
        if runtime and os.stat(runtime).st_uid == os.geteuid():
            return Path(runtime) / "rocketship"
    except OSError:
        pass
    return data_dir(environ) / "run"


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
