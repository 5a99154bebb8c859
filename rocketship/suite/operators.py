"""The operators of assertions: what they mean, and which expectations they can work with.

This is what a suite is checked against before anything runs; `plugins.operators` evaluates them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rocketship.dataclass import dataclass
from rocketship.suite.fields import describe
from rocketship.template import pattern
from rocketship.values import Json

#: What the operator `type` can name; `integer` is a number without a fraction.
TYPE_NAMES = ("null", "boolean", "number", "integer", "string", "array", "object")
DEFAULT_OPERATOR = "equals"


def _anything(expected: Json) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Operator:
    """How an observed value is compared.

    Attributes:
        doc: One sentence for the reference.
        needs_expected: Whether an assertion with this operator must have the key `expected`.
        reads_file: Whether an expectation that is text is the path of a file.
        complaint: What is wrong with a literal expectation, in a few words, or None.
    """

    doc: str
    needs_expected: bool = True
    reads_file: bool = False
    complaint: Callable[[Json], str | None] = _anything


def _not_ordered(expected: Json) -> str | None:
    if isinstance(expected, str) or _is_number(expected):
        return None
    return f"expected a number, text or a duration, found {describe(expected)}"


def _not_text(expected: Json) -> str | None:
    if isinstance(expected, str) or _is_number(expected):
        return None
    return f"expected text, found {describe(expected)}"


def _not_a_regex(expected: Json) -> str | None:
    if not isinstance(expected, str):
        return f"expected a regular expression, found {describe(expected)}"
    return pattern.complaint(expected)


def _not_a_list(expected: Json) -> str | None:
    if isinstance(expected, list):
        return None
    return f"expected a list, found {describe(expected)}"


def _not_a_type(expected: Json) -> str | None:
    if expected in TYPE_NAMES and isinstance(expected, str):
        return None
    return f"expected one of {', '.join(TYPE_NAMES)}, found {describe(expected)}"


def _not_a_length(expected: Json) -> str | None:
    if _is_number(expected) and isinstance(expected, int) and expected >= 0:
        return None
    return f"expected a whole number from 0, found {describe(expected)}"


def _not_a_schema(expected: Json) -> str | None:
    if isinstance(expected, str):
        return None if expected else "expected the path of a JSON Schema file, found empty text"
    if isinstance(expected, dict | bool):
        return None
    return f"expected a JSON Schema or the path of one, found {describe(expected)}"


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


OPERATORS: Mapping[str, Operator] = {
    "equals": Operator(
        "The same value: types count, numbers compare by value, containers by their content."
    ),
    "not_equals": Operator("Any other value."),
    "less": Operator("A smaller number or duration, or earlier text.", complaint=_not_ordered),
    "less_or_equal": Operator(
        "At most the expected number, duration or text.", complaint=_not_ordered
    ),
    "greater": Operator("A larger number or duration, or later text.", complaint=_not_ordered),
    "greater_or_equal": Operator(
        "At least the expected number, duration or text.", complaint=_not_ordered
    ),
    "contains": Operator(
        "Text with the expected text in it, a list with the expected item, or a mapping with all "
        "expected entries."
    ),
    "not_contains": Operator("The opposite of `contains`."),
    "starts_with": Operator("Text that begins with the expected text.", complaint=_not_text),
    "ends_with": Operator("Text that ends with the expected text.", complaint=_not_text),
    "matches": Operator(
        "Text in which the regular expression is found anywhere.", complaint=_not_a_regex
    ),
    "one_of": Operator("A value that equals one item of the expected list.", complaint=_not_a_list),
    "type": Operator(f"A value of the type: {', '.join(TYPE_NAMES)}.", complaint=_not_a_type),
    "length": Operator(
        "Text, a list or a mapping with so many characters, items or keys.", complaint=_not_a_length
    ),
    "exists": Operator("There is a value, and it is not null.", needs_expected=False),
    "not_exists": Operator("There is no value, or it is null.", needs_expected=False),
    "is_null": Operator("The value is null, or there is none.", needs_expected=False),
    "not_null": Operator("There is a value, and it is not null.", needs_expected=False),
    "schema": Operator(
        "A value that fits a JSON Schema, given as a mapping or as the path of a file.",
        reads_file=True,
        complaint=_not_a_schema,
    ),
}
