"""What a template can see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from rocketship.dataclass import dataclass
from rocketship.values import Json

#: Names that can never be saved, because they are namespaces.
RESERVED_NAMES = frozenset({"env", "vars", "run"})


@dataclass(frozen=True, slots=True)
class Scope:
    """The four namespaces of a template: `.vars`, `.env`, `.run`, and saved values by bare name."""

    vars: Mapping[str, Json] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    run: Mapping[str, Json] = field(default_factory=dict)
    saved: Mapping[str, Json] = field(default_factory=dict)
