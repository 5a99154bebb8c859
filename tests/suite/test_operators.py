from __future__ import annotations

import pytest

from rocketship.suite.operators import DEFAULT_OPERATOR, OPERATORS


def test_operators_default_is_one_of_them():
    assert DEFAULT_OPERATOR in OPERATORS


def test_operators_all_have_a_sentence():
    assert all(operator.doc.endswith(".") for operator in OPERATORS.values())


def test_operators_about_presence_need_no_expectation():
    without = {name for name, operator in OPERATORS.items() if not operator.needs_expected}
    assert without == {"exists", "not_exists", "is_null", "not_null"}


def test_operators_only_schema_reads_a_file():
    assert [name for name, operator in OPERATORS.items() if operator.reads_file] == ["schema"]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("equals", None),
        ("equals", {"a": 1}),
        ("less", 5),
        ("less", "500ms"),
        ("contains", [1]),
        ("starts_with", "a"),
        ("starts_with", 4),
        ("matches", r"^\d+$"),
        ("one_of", []),
        ("type", "integer"),
        ("length", 0),
        ("schema", {"type": "object"}),
        ("schema", True),
        ("schema", "schemas/user.json"),
    ],
)
def test_complaint_about_usable_expectation_is_none(operator, expected):
    assert OPERATORS[operator].complaint(expected) is None


@pytest.mark.parametrize(
    ("operator", "expected", "message"),
    [
        ("less", True, "expected a number, text or a duration, found the boolean true"),
        ("greater", [1], "expected a number, text or a duration, found a list"),
        ("ends_with", None, "expected text, found nothing"),
        ("matches", "(", "not a regular expression: missing ) at position 1"),
        ("matches", 5, "expected a regular expression, found the number 5"),
        ("one_of", "a", 'expected a list, found the text "a"'),
        ("type", "text", "expected one of null, boolean, number, integer, string, array, object"),
        ("length", -1, "expected a whole number from 0, found the number -1"),
        ("length", 1.5, "expected a whole number from 0, found the number 1.5"),
        ("length", True, "expected a whole number from 0, found the boolean true"),
        ("schema", 5, "expected a JSON Schema or the path of one, found the number 5"),
        ("schema", "", "expected the path of a JSON Schema file, found empty text"),
    ],
)
def test_complaint_about_unusable_expectation_says_why(operator, expected, message):
    assert message in (OPERATORS[operator].complaint(expected) or "")
