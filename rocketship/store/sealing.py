"""Encryption of what the store must not hold in the clear: environment values and checkpoints.

AES-256-GCM with a random nonce per value. The key comes from ROCKETSHIP_ENCRYPTION_KEY, or from a
file in the data folder that only its owner can read and that is made when first needed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from rocketship.errors import StoreError

KEY_FILE = "encryption.key"
_KEY_BYTES = 32
_NONCE_BYTES = 12
#: First byte of a sealed value; JSON never begins with it.
_MARK = b"\x01"


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
        temporary = folder / f"{KEY_FILE}.{os.getpid()}"
        if not path.exists():
            handle = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(os.urandom(_KEY_BYTES))
            try:
                # A link, unlike a rename, never replaces the key another process has just made.
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
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
