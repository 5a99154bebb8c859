"""Tokens the operator gives out: a single one, or a file of named ones that can change at any time.

Only digests are kept, and a caller's token is compared with all of them, always: how long that
takes says nothing about how close a guess was, or whose token it was.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rocketship.auth.caller import MAX_TOKEN_BYTES, Kind, Principal
from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError, Unauthenticated

log = logging.getLogger(__name__)

SELF_HOSTED_PREFIX = "rst_self_"
CLOUD_PREFIX = "rst_cloud_"
RANDOM_BYTES = 32
MAX_FILE_BYTES = 1024 * 1024
#: How often it is looked whether the file has changed.
CHECK_SECONDS = 1.0
#: A shorter token is guessed, or has been cut off.
MIN_CHARACTERS = 8
#: Of a token of ours, after its prefix.
MIN_SELF_HOSTED_CHARACTERS = 32

_NAMED = re.compile(r"(?P<name>[\w.@-]{1,64}):(?P<token>[!-~]+)", re.ASCII)
_NAMELESS = re.compile(r"(?P<token>[!-9;-~]+)")
_HASH = re.compile(r"sha256:(?P<digest>[0-9A-Fa-f]{64})")
_FORM = "expected a token, NAME:TOKEN or NAME:sha256:DIGEST"


@dataclass(frozen=True, slots=True)
class Entry:
    """The SHA-256 of a token, and who has it."""

    digest: bytes
    principal: Principal


def generate_token() -> str:
    """Return a new token that nobody can guess."""
    import secrets

    return SELF_HOSTED_PREFIX + secrets.token_urlsafe(RANDOM_BYTES)


def hashed(token: str) -> str:
    """Return what stands for a token in a file of tokens."""
    return f"sha256:{_digest(token).hex()}"


class Tokens:
    """Knows the callers of some entries."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = tuple(entries)

    def find(self, token: str) -> Principal | None:
        """Return whose token it is, after having looked at all of them."""
        digest, found = _digest(token), None
        for entry in self._entries:
            if hmac.compare_digest(entry.digest, digest):
                found = entry.principal
        return found

    @property
    def digests(self) -> frozenset[bytes]:
        """The digests of all tokens."""
        return frozenset(entry.digest for entry in self._entries)


class TokenFile:
    """Knows the callers of a file, which is read again when it has changed.

    Args:
        setting: The name of the variable the path is from.
        kind: What its callers are.
        clock: Says how much time passes.
        today: Says what the time is, as file systems do.

    Raises:
        SettingsError: It cannot be used.
    """

    def __init__(
        self,
        path: Path,
        setting: str,
        kind: Kind,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._setting = setting
        self._kind = kind
        self._clock = clock
        self._today = today
        self._seen = self._loaded = _identity(path)
        self._checked_at = clock()
        self._tokens = Tokens(self._load())

    def find(self, token: str) -> Principal | None:
        """Return whose token it is."""
        if self._clock() - self._checked_at >= CHECK_SECONDS:
            self._checked_at = self._clock()
            self._look()
        return self._tokens.find(token)

    @property
    def digests(self) -> frozenset[bytes]:
        """The digests of all tokens, as of now."""
        return self._tokens.digests

    def _look(self) -> None:
        """Take over a change once it is complete, which is when the file has stopped changing.

        One of long ago is complete at the first look, so that the first caller after it, however
        late, is judged by it.
        """
        identity = _identity(self._path)
        seen, self._seen = self._seen, identity
        if identity == self._loaded or not (identity == seen or self._is_old(identity)):
            return
        self._loaded = identity
        try:
            self._tokens = Tokens(self._load())
        except SettingsError as error:
            log.warning("tokens_not_reloaded", extra={"error": error.message})
        else:
            log.info("tokens_reloaded", extra={"setting": self._setting})

    def _is_old(self, identity: tuple[int, ...] | None) -> bool:
        """Return whether the file has been as it is for as long as passes between two looks."""
        return identity is not None and self._today() - identity[-1] / 1e9 >= CHECK_SECONDS

    def _load(self) -> list[Entry]:
        place = f"{self._setting}={self._path}"
        try:
            with self._path.open("rb") as file:
                text = file.read(MAX_FILE_BYTES + 1).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{place}: cannot be read: {error}") from None
        if len(text) > MAX_FILE_BYTES:
            raise SettingsError(f"{place}: is larger than {MAX_FILE_BYTES} bytes")
        return read_entries(text, place, self._kind)


class TokenVerifier:
    """The verifier over all tokens there are, the workers' among them."""

    def __init__(self, sources: Sequence[Tokens | TokenFile]) -> None:
        self._sources = tuple(sources)

    async def verify(self, token: str) -> Principal | None:
        """Return whose token it is, or None.

        Raises:
            Unauthenticated: It is for another sort of engine.
        """
        found = None
        for source in self._sources:
            found = source.find(token) or found
        if found is None and token.startswith(CLOUD_PREFIX):
            text = f"a token that begins with {CLOUD_PREFIX} is not for a self-hosted engine"
            raise Unauthenticated(text, hint="ask the operator of this engine for a token")
        return found


def read_entries(text: str, place: str, kind: Kind) -> list[Entry]:
    """Return the entries of a token or of lines of them.

    Args:
        text: A token, or lines; `#` begins a line that does not count.
        place: Where the text is from, for errors.
        kind: What the callers are.

    Raises:
        SettingsError: There is none, or one that cannot be used; tokens are never quoted.
    """
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line and not line.startswith("#")]
    if not lines:
        raise SettingsError(f"{place}: there is no token", hint=_FORM)
    entries = []
    for number, line in lines:
        where = place if len(lines) == 1 else f"{place}: line {number}"
        entries.append(_entry(line, where, kind, named=len(lines) > 1))
    return entries


def _entry(line: str, place: str, kind: Kind, *, named: bool) -> Entry:
    default = "worker" if kind is Kind.WORKER else "token"
    if _HASH.fullmatch(line) or _NAMELESS.fullmatch(line):
        name, token = "", line
    elif match := _NAMED.fullmatch(line):
        name, token = match["name"], match["token"]
    else:
        raise SettingsError(f"{place}: is not a token", hint=_FORM)
    if named and not name:
        raise SettingsError(f"{place}: has no name", hint="with more than one token, each has one")
    principal = Principal(kind, name or default)
    if token.startswith("sha256:"):
        hash_match = _HASH.fullmatch(token)
        if hash_match is None:
            raise SettingsError(f"{place}: sha256: is not followed by 64 hexadecimal digits")
        return Entry(bytes.fromhex(hash_match["digest"]), principal)
    _check(token, place)
    return Entry(_digest(token), principal)


def _check(token: str, place: str) -> None:
    hint = "make one with `rocketship token generate`"
    if len(token) > MAX_TOKEN_BYTES:
        raise SettingsError(f"{place}: is larger than {MAX_TOKEN_BYTES} bytes", hint=hint)
    if token.startswith(CLOUD_PREFIX):
        raise SettingsError(f"{place}: begins with {CLOUD_PREFIX}, which is reserved", hint=hint)
    ours = token.startswith(SELF_HOSTED_PREFIX)
    least = len(SELF_HOSTED_PREFIX) + MIN_SELF_HOSTED_CHARACTERS if ours else MIN_CHARACTERS
    if len(token) < least:
        raise SettingsError(f"{place}: the token is cut off, or easy to guess", hint=hint)
    if not ours:
        log.warning("token_without_prefix", extra={"place": place, "prefix": SELF_HOSTED_PREFIX})


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _identity(path: Path) -> tuple[int, ...] | None:
    """Return what changes whenever a file is written or replaced; None when it is not there."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
