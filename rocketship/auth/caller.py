"""Who calls, and what callers show to prove it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import Unauthenticated

#: As long as the headers of a request may be almost everywhere.
MAX_TOKEN_BYTES = 16 * 1024
#: Names come from tokens, and end in every line of the log.
MAX_NAME_CHARACTERS = 200
#: Where people's names usually are, best first.
NAME_CLAIMS = ("preferred_username", "email", "sub")
TOKEN_HINT = "log in with `rocketship login`, or set ROCKETSHIP_TOKEN"
#: Case is ignored for the one word only; for all of a token it would take seven times as long.
_BEARER = re.compile(r"(?i:bearer) +([!-~]+) *")


class Kind(str, Enum):
    """What sort of caller somebody is."""

    ANONYMOUS = "anonymous"
    USER = "user"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who calls.

    Attributes:
        name: For people and logs; not unique.
        claims: What the token says, when it says anything.
        expires_at: When this stops to be true, in seconds since 1970; None is never.
    """

    kind: Kind
    name: str
    claims: Mapping[str, Any] = field(default_factory=dict)
    expires_at: float | None = None


ANONYMOUS = Principal(Kind.ANONYMOUS, "anonymous")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What came with a request.

    Attributes:
        authorization: All values of the header of that name.
        load_balancer: All values of `x-amzn-oidc-data`; only the web's adapter fills them in.
    """

    authorization: tuple[str, ...] = ()
    load_balancer: tuple[str, ...] = ()


def bearer_token(values: tuple[str, ...]) -> str:
    """Return the token that `Authorization` headers carry.

    Raises:
        Unauthenticated: There is none, more than one, or it cannot be read.
    """
    if len(values) > 1:
        raise Unauthenticated("there are multiple authorization headers", hint="send one")
    value = values[0] if values else ""
    if len(value) > MAX_TOKEN_BYTES:
        raise Unauthenticated(f"the token is larger than {MAX_TOKEN_BYTES // 1024} KiB")
    if not value.strip():
        raise Unauthenticated("a bearer token is needed", hint=TOKEN_HINT)
    match = _BEARER.fullmatch(value)
    if match is None:
        raise Unauthenticated('the authorization header is not of the form "Bearer TOKEN"')
    return match[1]


def caller_name(claims: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first of some claims that has text, printable and of moderate length."""
    texts = (claims.get(name) for name in names)
    text = next((text for text in texts if isinstance(text, str) and text.strip()), "unknown")
    printable = "".join(char if char.isprintable() else " " for char in text.strip())
    return printable[:MAX_NAME_CHARACTERS]
