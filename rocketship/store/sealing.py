"""Encryption of what the store must not hold in the clear: secrets, checkpoints and suites.

AES-256-GCM with a random nonce per value. The key comes from ROCKETSHIP_ENCRYPTION_KEY, or from a
file in the data folder that only its owner can read and that is made when first needed.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rocketship.errors import StoreError

log = logging.getLogger(__name__)

KEY_FILE = "encryption.key"
#: Holds a known text, sealed with the key of the data folder, to tell a wrong key at once.
CHECK_FILE = "encryption.check"
_KEY_BYTES = 32
_NONCE_BYTES = 12
#: First byte of a sealed value; JSON never begins with it.
_MARK = b"\x01"
_CHECK = b"rocketship"


class Sealer:
    """Seals and opens bytes.

    Args:
        key: Returns the 32-byte key; called when the first value is sealed or opened.
    """

    def __init__(self, key: Callable[[], bytes]) -> None:
        self._read_key = key
        self._key: bytes | None = None

    def seal(self, data: bytes, context: str) -> bytes:
        """Return the sealed value; `context` (a run id) must be given again to open it."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        return _MARK + nonce + AESGCM(self._load_key()).encrypt(nonce, data, context.encode())

    def open(self, data: bytes, context: str) -> bytes:
        """Return the value; one that was never sealed comes back as it is.

        Raises:
            StoreError: The value was sealed with another key, or damaged.
        """
        if not data.startswith(_MARK):
            return data
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce, sealed = data[1 : 1 + _NONCE_BYTES], data[1 + _NONCE_BYTES :]
        try:
            return AESGCM(self._load_key()).decrypt(nonce, sealed, context.encode())
        except InvalidTag:
            raise StoreError(
                "a stored secret cannot be opened with the current encryption key",
                hint="restore the key the run was created with (ROCKETSHIP_ENCRYPTION_KEY)",
            ) from None

    def _load_key(self) -> bytes:
        if self._key is None:
            self._key = self._read_key()
        return self._key


def derived_key(text: str) -> bytes:
    """Return the key for a configured secret text of any length."""
    import hashlib

    return hashlib.sha256(b"rocketship sealing\0" + text.encode()).digest()


def key_from_file(folder: Path) -> bytes:
    """Return the data folder's own key, made on first use.

    Raises:
        StoreError: The file cannot be read or written, or is not a key.
    """
    path = folder / KEY_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _write_once(path, os.urandom(_KEY_BYTES))
        _close_to_others(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(
            f"the encryption key {path} cannot be used: {error.strerror}",
            hint="check its permissions, or set ROCKETSHIP_ENCRYPTION_KEY",
        ) from error
    if len(key) != _KEY_BYTES:
        raise StoreError(
            f"{path} is not an encryption key", hint="restore it, or remove it to get a new one"
        )
    return key


def check_key(folder: Path, key: bytes) -> None:
    """Make sure that the data folder has been used with this key only.

    Raises:
        StoreError: It was used with another key; or the folder cannot be read or written.
    """
    path = folder / CHECK_FILE
    try:
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_once(path, sealed_check(key))
        sealed = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be used: {error.strerror}") from error
    require_key(
        sealed,
        key,
        f"the data in {folder}",
        hint="restore the former key (ROCKETSHIP_ENCRYPTION_KEY, or the key file); if it is "
        f"lost, remove {path}: runs of that time cannot be resumed or rerun",
    )


def sealed_check(key: bytes) -> bytes:
    """Return a known text, sealed with a key, to be kept beside what is sealed with it."""
    return Sealer(lambda: key).seal(_CHECK, CHECK_FILE)


def require_key(sealed: bytes, key: bytes, what: str, *, hint: str) -> None:
    """Make sure that a known text was sealed with this key.

    Raises:
        StoreError: It was sealed with another; it says so of `what` was sealed along with it.
    """
    try:
        Sealer(lambda: key).open(sealed, CHECK_FILE)
    except StoreError:
        message = f"the encryption key is not the one {what} was sealed with"
        raise StoreError(message, hint=hint) from None


def _write_once(path: Path, content: bytes) -> None:
    """Write a file for its owner only, complete or not at all; a file already there stays."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        # A link, unlike a rename, never replaces the file another process has just made.
        with suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()


def _close_to_others(path: Path) -> None:
    """Take the permissions on a key away from everybody but its owner."""
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        path.chmod(mode & 0o700)
        log.warning("key_file_permissions_repaired", extra={"path": str(path), "mode": oct(mode)})
