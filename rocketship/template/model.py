"""What a template consists of: texts, and groups of references, literals and function calls."""

from __future__ import annotations

from dataclasses import field
from typing import Literal as OneOf
from typing import TypeAlias

from rocketship.dataclass import dataclass
from rocketship.errors import TemplateError
from rocketship.values import Json

Namespace: TypeAlias = OneOf["vars", "env", "run", "saved"]


class TemplateSyntaxError(TemplateError):
    """Text that is not a template; `offset` is where in the text, in characters from 0."""

    def __init__(self, message: str, *, offset: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of a value.

    Attributes:
        namespace: Where the value lives; bare names live in `saved`.
        path: Keys and indexes below the namespace; empty for the namespace itself.
        has_default: Whether a `default` follows, so that the value may be missing.
        text: The reference as written.
        offset: Where it stands in the template's text, in characters from 0.
    """

    namespace: Namespace
    path: tuple[str | int, ...]
    has_default: bool
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in a group."""

    value: Json


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A filter or generator with its arguments."""

    name: str
    arguments: tuple[Literal | Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Expression:
    """A group: where its value comes from, and the filters it passes through."""

    head: Reference | Literal | FunctionCall
    filters: tuple[FunctionCall, ...] = ()

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references of head and arguments, in the order they are written."""
        calls = (self.head, *self.filters)
        found = []
        for part in calls:
            items = part.arguments if isinstance(part, FunctionCall) else (part,)
            found += [item for item in items if isinstance(item, Reference)]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Template:
    """Literal texts and groups in order; no two texts are neighbours."""

    parts: tuple[str | Expression, ...]
    references: tuple[Reference, ...] = field(init=False)

    def __post_init__(self) -> None:
        groups = (part for part in self.parts if isinstance(part, Expression))
        found = tuple(reference for group in groups for reference in group.references)
        object.__setattr__(self, "references", found)
