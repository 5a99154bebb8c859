"""Kinds of single values: text, numbers, and words from a list."""

from __future__ import annotations

import math
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.suite.fields.kind import TEMPLATE_SCHEMA, Kind, complain, describe, has_template
from rocketship.suite.node import Node
from rocketship.suite.problem import Problems, did_you_mean
from rocketship.values import Json, JsonObject, to_text

#: Python refuses to read longer whole numbers, and nobody means them.
MAX_NUMBER_CHARACTERS = 1000


class AnyJson(Kind):
    """Any value."""

    label = "any value"

    def accepts(self, value: Json) -> bool:
        return True

    def convert(self, value: Json, where: str) -> Any:
        return value

    def schema(self) -> JsonObject:
        return {}


@dataclass(frozen=True)
class Text(Kind):
    """Text; `empty=False` refuses the empty string."""

    empty: bool = True
    label = "text"

    def accepts(self, value: Json) -> bool:
        return isinstance(value, str)

    def check(self, node: Node, problems: Problems) -> None:
        if isinstance(node.value, int | float):
            found = describe(node.value)
            problems.error(node.location, f"expected text, found {found}", "put it in quotes")
            return
        super().check(node, problems)
        if node.value == "" and not self.empty:
            problems.error(node.location, "must not be empty")

    def convert(self, value: Json, where: str) -> str:
        if isinstance(value, list | dict) or (value is None and not self.empty):
            raise self._mismatch(value, where)
        text = to_text(value)
        if not text and not self.empty:
            raise complain(where, "is empty after rendering")
        return text

    def schema(self) -> JsonObject:
        return {"type": "string"} if self.empty else {"type": "string", "minLength": 1}


class Scalar(Kind):
    """Text, a number or a boolean, used as text."""

    label = "text, a number or a boolean"

    def accepts(self, value: Json) -> bool:
        return isinstance(value, str | int | float)

    def convert(self, value: Json, where: str) -> str:
        if isinstance(value, list | dict):
            raise self._mismatch(value, where)
        return to_text(value)

    def schema(self) -> JsonObject:
        return {"type": ["string", "number", "boolean"]}


class Boolean(Kind):
    """True or false."""

    label = "true or false"

    def accepts(self, value: Json) -> bool:
        return isinstance(value, bool)

    def convert(self, value: Json, where: str) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        raise self._mismatch(value, where)

    def schema(self) -> JsonObject:
        return {"anyOf": [{"type": "boolean"}, TEMPLATE_SCHEMA]}


@dataclass(frozen=True)
class Number(Kind):
    """A number within bounds, both inclusive."""

    minimum: float | None = None
    maximum: float | None = None
    label = "a number"

    def accepts(self, value: Json) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool)

    def check(self, node: Node, problems: Problems) -> None:
        super().check(node, problems)
        if self.accepts(node.value) and (complaint := self._out_of_bounds(node.value)):
            problems.error(node.location, complaint)

    def convert(self, value: Json, where: str) -> float:
        number = _parse_number(value) if isinstance(value, str) else value
        if not self.accepts(number):
            raise self._mismatch(value, where)
        if complaint := self._out_of_bounds(number):
            raise complain(where, complaint)
        return self._shape(number)

    def schema(self) -> JsonObject:
        return {"anyOf": [{"type": "number", **self._bounds()}, TEMPLATE_SCHEMA]}

    def _shape(self, number: Any) -> float:
        shaped: float = number
        return shaped

    def _out_of_bounds(self, number: Any) -> str | None:
        if self.minimum is not None and number < self.minimum:
            return f"must be at least {to_text(self.minimum)}, found {to_text(number)}"
        if self.maximum is not None and number > self.maximum:
            return f"must be at most {to_text(self.maximum)}, found {to_text(number)}"
        return None

    def _bounds(self) -> JsonObject:
        bounds: JsonObject = {}
        if self.minimum is not None:
            bounds["minimum"] = self.minimum
        if self.maximum is not None:
            bounds["maximum"] = self.maximum
        return bounds


@dataclass(frozen=True)
class Integer(Number):
    """A whole number within bounds; `1.0` counts as whole."""

    label = "a whole number"

    def accepts(self, value: Json) -> bool:
        if isinstance(value, float):
            return value.is_integer()
        return isinstance(value, int) and not isinstance(value, bool)

    def convert(self, value: Json, where: str) -> int:
        return int(super().convert(value, where))

    def schema(self) -> JsonObject:
        return {"anyOf": [{"type": "integer", **self._bounds()}, TEMPLATE_SCHEMA]}


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words; numbers and booleans among them may be written without quotes."""

    options: tuple[str, ...]

    @property
    def label(self) -> str:  # type: ignore[override]
        return "one of " + ", ".join(self.options)

    def accepts(self, value: Json) -> bool:
        return isinstance(value, str | int | float) and to_text(value) in self.options

    def check(self, node: Node, problems: Problems) -> None:
        if has_template(node.value) or self.accepts(node.value):
            return
        hint = did_you_mean(to_text(node.value), self.options)
        problems.error(node.location, f"expected {self.label}, found {describe(node.value)}", hint)

    def convert(self, value: Json, where: str) -> str:
        if not self.accepts(value):
            raise self._mismatch(value, where)
        return to_text(value)

    def schema(self) -> JsonObject:
        options: list[Json] = []
        for option in self.options:
            options.append(option)
            unquoted = {"true": True, "false": False}.get(option, _parse_number(option))
            if to_text(unquoted) == option:
                options.append(unquoted)
        return {"anyOf": [{"enum": options}, TEMPLATE_SCHEMA]}


def _parse_number(text: str) -> int | float | None:
    """Return the finite number a text stands for, or None."""
    if len(text) > MAX_NUMBER_CHARACTERS or "_" in text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
