"""Evaluating the operators of assertions on plain values."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.template import pattern
from rocketship.values import Json, to_text, type_name

Equal = Callable[[Json, Json], bool]

#: How many violations of a schema a message lists.
MAX_VIOLATIONS = 5

_NUMBER = re.compile(r"\s*-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\s*")


class Mismatch(Exception):
    """A comparison failed, or makes no sense, for a reason the values alone do not show."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How an operator is evaluated.

    Attributes:
        phrase: What is expected; `{}` stands for the expected value.
        holds: Takes the actual value, the expected value, and what counts as equal. Returns the
            verdict, at once or as something to wait for, or raises Mismatch to fail with a reason.
    """

    phrase: str
    holds: Callable[[Json, Json, Equal], bool | Awaitable[bool]]


def same(actual: Json, expected: Json) -> bool:
    """Return whether two values are equal: deeply, with strict types, numbers by value."""
    kind = type_name(actual)
    if kind != type_name(expected):
        return False
    if isinstance(actual, list) and isinstance(expected, list):
        return len(actual) == len(expected) and all(map(same, actual, expected))
    if isinstance(actual, dict) and isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(
            same(value, expected[key]) for key, value in actual.items()
        )
    return actual == expected


def _equals(actual: Json, expected: Json, equal: Equal) -> bool:
    if equal(actual, expected):
        return True
    if to_text(actual) == to_text(expected) and type_name(actual) != type_name(expected):
        raise Mismatch(f"expected a {type_name(expected)}, got a {type_name(actual)}")
    return False


def _ordered(accepts: Callable[[Any, Any], bool]) -> Callable[[Json, Json, Equal], bool]:
    def holds(actual: Json, expected: Json, equal: Equal) -> bool:
        numbers = _number(actual), _number(expected)
        if None not in numbers:
            return accepts(*numbers)
        if isinstance(actual, str) and isinstance(expected, str):
            return accepts(actual, expected)
        raise Mismatch(f"cannot order {_kind(actual)} and {_kind(expected)}")

    return holds


def _number(value: Json) -> int | float | None:
    """Return a number, also of text that reads as one: headers and variables are always text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) <= 400 and _NUMBER.fullmatch(value):
        return float(value) if re.search(r"[.eE]", value) else int(value)
    return None


def _contains(actual: Json, expected: Json, equal: Equal) -> bool:
    if isinstance(actual, str) and isinstance(expected, str | int | float):
        return to_text(expected) in actual
    if isinstance(actual, list):
        return any(same(item, expected) or _includes(item, expected) for item in actual)
    if isinstance(actual, dict) and isinstance(expected, dict):
        return _includes(actual, expected)
    raise Mismatch(f"{_kind(actual)} cannot contain {_kind(expected)}")


def _includes(actual: Json, expected: Json) -> bool:
    """Return whether a mapping has all entries of another, mappings inside it compared alike."""
    if not isinstance(actual, dict) or not isinstance(expected, dict):
        return False
    return all(
        key in actual and (same(actual[key], value) or _includes(actual[key], value))
        for key, value in expected.items()
    )


def _not_contains(actual: Json, expected: Json, equal: Equal) -> bool:
    return not _contains(actual, expected, equal)


def _starts_with(actual: Json, expected: Json, equal: Equal) -> bool:
    return _text(actual).startswith(_text(expected))


def _ends_with(actual: Json, expected: Json, equal: Equal) -> bool:
    return _text(actual).endswith(_text(expected))


async def _matches(actual: Json, expected: Json, equal: Equal) -> bool:
    try:
        return await pattern.found(_text(expected), _text(actual))
    except pattern.PatternError as error:
        raise Mismatch(str(error)) from None


def _text(value: Json) -> str:
    """Return a scalar's text."""
    if isinstance(value, str | int | float):
        return to_text(value)
    raise Mismatch(f"{_kind(value)} is not text")


def _one_of(actual: Json, expected: Json, equal: Equal) -> bool:
    if not isinstance(expected, list):
        raise Mismatch("the expectation is not a list")
    return any(equal(actual, item) for item in expected)


def _type(actual: Json, expected: Json, equal: Equal) -> bool:
    found = type_name(actual)
    if expected == "integer" and isinstance(actual, int | float) and found == "number":
        whole = isinstance(actual, int) or (math.isfinite(actual) and actual.is_integer())
        if not whole:
            raise Mismatch("the number has a fraction")
        return True
    if found != expected:
        raise Mismatch(f"it is {_kind(actual)}")
    return True


def _length(actual: Json, expected: Json, equal: Equal) -> bool:
    if not isinstance(actual, str | list | dict):
        raise Mismatch(f"{_kind(actual)} has no length")
    if len(actual) != _number(expected):
        raise Mismatch(f"the length is {len(actual)}")
    return True


def _schema(actual: Json, expected: Json, equal: Equal) -> bool:
    import jsonschema_rs

    if not isinstance(expected, dict | bool):
        raise Mismatch(f"{_kind(expected)} is not a JSON Schema")
    try:
        validator: Any = jsonschema_rs.validator_for(
            expected, validate_formats=True, retriever=_refuse_to_retrieve
        )
        violations = [
            f"{_pointer(error.instance_path)}: {error.message}"
            for error in validator.iter_errors(actual)
        ]
    except jsonschema_rs.ValidationError as error:
        raise Mismatch(f"the schema is not usable: {error.message}") from None
    except ValueError as error:
        raise Mismatch(f"the value cannot be checked: {error}") from None
    if len(violations) > MAX_VIOLATIONS:
        violations[MAX_VIOLATIONS:] = [f"and {len(violations) - MAX_VIOLATIONS} more"]
    if violations:
        raise Mismatch("; ".join(violations))
    return True


def _refuse_to_retrieve(uri: str) -> Any:
    raise ValueError("only references inside the schema are followed")


def _pointer(path: list[str | int]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path) or "."


def _exists(actual: Json, expected: Json, equal: Equal) -> bool:
    return actual is not None


def _is_null(actual: Json, expected: Json, equal: Equal) -> bool:
    return actual is None


def _kind(value: Json) -> str:
    name = type_name(value)
    return name if value is None else f"an {name}" if name[0] in "ao" else f"a {name}"


COMPARISONS: Mapping[str, Comparison] = {
    "equals": Comparison("{}", _equals),
    "not_equals": Comparison("anything but {}", lambda a, e, equal: not equal(a, e)),
    "less": Comparison("less than {}", _ordered(lambda a, e: a < e)),
    "less_or_equal": Comparison("at most {}", _ordered(lambda a, e: a <= e)),
    "greater": Comparison("more than {}", _ordered(lambda a, e: a > e)),
    "greater_or_equal": Comparison("at least {}", _ordered(lambda a, e: a >= e)),
    "contains": Comparison("something that contains {}", _contains),
    "not_contains": Comparison("something that does not contain {}", _not_contains),
    "starts_with": Comparison("text that starts with {}", _starts_with),
    "ends_with": Comparison("text that ends with {}", _ends_with),
    "matches": Comparison("text that matches {}", _matches),
    "one_of": Comparison("one of {}", _one_of),
    "type": Comparison("the type {}", _type),
    "length": Comparison("the length {}", _length),
    "exists": Comparison("a value", _exists),
    "not_exists": Comparison("no value", _is_null),
    "is_null": Comparison("null", _is_null),
    "not_null": Comparison("a value", _exists),
    "schema": Comparison("a value that fits the schema", _schema),
}
