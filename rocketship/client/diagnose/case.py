"""A failed call, and what a rule makes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, TypeAlias

from rocketship.dataclass import dataclass
from rocketship.errors import Infrastructure, Unreachable
from rocketship.wire.quiet import grpc

if TYPE_CHECKING:
    from rocketship.client.channel import Endpoint


@dataclass(frozen=True, slots=True)
class Case:
    """A failed call: its status, and the circumstances that tell equal texts apart.

    Attributes:
        connected: Whether the connection stood before it failed.
        seconds: The deadline of the call, if it had one.
    """

    endpoint: Endpoint
    code: grpc.StatusCode
    text: str
    connected: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, what to try next, and which error that is."""

    what: str
    hint: str | None = None
    kind: type[Infrastructure] = field(default=Unreachable)


class UnknownCall(Unreachable):
    """The server has no such call: it is an older one, or no engine at all."""


Rule: TypeAlias = Callable[[Case, "re.Match[str]"], Finding]
#: Fragments of gRPC's words with the rule for each; the first that is found counts.
Rules: TypeAlias = tuple[tuple[str, Rule], ...]
