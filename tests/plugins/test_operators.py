from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketship.plugins.operators import COMPARISONS, Mismatch, same
from rocketship.suite.operators import OPERATORS
from rocketship.template import pattern
from rocketship.values import Json
from tests.fixtures.waiting import result_of


def judge(operator: str, actual: Json, expected: Json) -> bool:
    verdict = COMPARISONS[operator].holds(actual, expected, same)
    return verdict if isinstance(verdict, bool) else result_of(verdict)


def holds(operator: str, actual: Json, expected: Json) -> bool:
    try:
        return judge(operator, actual, expected)
    except Mismatch:
        return False


def mismatch(operator: str, actual: Json, expected: Json) -> str:
    with pytest.raises(Mismatch) as caught:
        judge(operator, actual, expected)
    return str(caught.value)


def test_comparisons_cover_exactly_the_operators_of_the_language():
    assert COMPARISONS.keys() == OPERATORS.keys()


@pytest.mark.parametrize(
    ("actual", "expected", "equal"),
    [
        (1, 1.0, True),
        (2**53 + 1, 2**53 + 1, True),
        (2**53 + 1, float(2**53), False),
        (1, True, False),
        (0, False, False),
        (True, True, True),
        ("5", 5, False),
        ("a", "a", True),
        (None, None, True),
        (None, "", False),
        (None, False, False),
        ([1, [2.0]], [1.0, [2]], True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ({"a": 1, "b": {"c": [1]}}, {"b": {"c": [1.0]}, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({}, [], False),
    ],
)
def test_equals_is_deep_and_strict(actual, expected, equal):
    assert holds("equals", actual, expected) is equal
    assert holds("not_equals", actual, expected) is not equal


@pytest.mark.parametrize(
    ("operator", "actual", "expected", "verdict"),
    [
        ("less", 1, 2, True),
        ("less", 2, 2, False),
        ("less_or_equal", 2, 2.0, True),
        ("less_or_equal", 2.1, 2, False),
        ("greater", 2**60 + 1, 2**60, True),
        ("greater", 1, 1, False),
        ("greater_or_equal", 1, 1, True),
        ("greater_or_equal", 0.9, 1, False),
        ("less", "2024-01-02", "2024-01-10", True),
        ("greater", "b", "a", True),
        ("less", "9", 10, True),
        ("less", "9", "10", True),
        ("greater", "1e3", 999, True),
        ("less", "nan", 5, False),
        ("less", None, 5, False),
        ("less", True, 5, False),
        ("less", [1], 5, False),
        ("contains", "a fox", "fox", True),
        ("contains", "order 42", 42, True),
        ("contains", "a fox", "cat", False),
        ("contains", ["a", 1], 1.0, True),
        ("contains", ["a", 1], "1", False),
        ("contains", [{"id": 1, "n": "x"}], {"id": 1}, True),
        ("contains", [[1, 2]], [1, 2], True),
        ("contains", {"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1}}, True),
        ("contains", {"a": {"b": 1}}, {"a": {"b": 2}}, False),
        ("contains", {"a": 1}, {"b": None}, False),
        ("contains", {"a": 1}, {}, True),
        ("contains", 5, 5, False),
        ("not_contains", "a fox", "cat", True),
        ("not_contains", [1], 1, False),
        ("not_contains", 5, 5, False),
        ("starts_with", "https://x", "https:", True),
        ("starts_with", "http://x", "https:", False),
        ("starts_with", 42, "4", True),
        ("starts_with", "x", None, False),
        ("starts_with", ["a"], "a", False),
        ("ends_with", "a.json", ".json", True),
        ("ends_with", "a.json", ".yaml", False),
        ("matches", "order 42", r"\d+", True),
        ("matches", "order", r"\d+", False),
        ("matches", 204, r"^2\d\d$", True),
        ("matches", "x", None, False),
        ("matches", None, ".*", False),
        ("one_of", 2, [1, 2.0], True),
        ("one_of", "2", [1, 2], False),
        ("one_of", None, [None], True),
        ("one_of", 2, 2, False),
        ("type", None, "null", True),
        ("type", True, "boolean", True),
        ("type", True, "integer", False),
        ("type", 1.5, "number", True),
        ("type", 1.0, "integer", True),
        ("type", 1.5, "integer", False),
        ("type", float("inf"), "integer", False),
        ("type", "1", "string", True),
        ("type", [], "array", True),
        ("type", {}, "object", True),
        ("type", {}, "array", False),
        ("type", 5, "integer", True),
        ("length", "aé", 2, True),
        ("length", [1, 2], 2.0, True),
        ("length", {"a": 1}, "1", True),
        ("length", [1], 2, False),
        ("length", 5, 1, False),
        ("length", None, 0, False),
        ("exists", 0, None, True),
        ("exists", None, None, False),
        ("not_exists", None, None, True),
        ("not_exists", "", None, False),
        ("is_null", None, None, True),
        ("is_null", False, None, False),
        ("not_null", 0, None, True),
        ("not_null", None, None, False),
        ("schema", {"a": 1}, {"required": ["a"]}, True),
        ("schema", {"a": "1"}, {"properties": {"a": {"type": "integer"}}}, False),
        ("schema", "x@y", {"format": "email"}, True),
        ("schema", "xy", {"format": "email"}, False),
        ("schema", 2**70, {"type": "integer"}, True),
        ("schema", 1, True, True),
        ("schema", 1, False, False),
        ("schema", {"b": 1}, {"$ref": "#/$defs/x", "$defs": {"x": {"required": ["b"]}}}, True),
    ],
)
def test_operator_gives_the_verdict(operator, actual, expected, verdict):
    assert holds(operator, actual, expected) is verdict


@pytest.mark.parametrize(
    ("operator", "actual", "expected", "reason"),
    [
        ("equals", 5, "5", "expected a string, got a number"),
        ("less", "a", 5, "cannot order a string and a number"),
        ("contains", 5, 5, "a number cannot contain a number"),
        ("contains", {"a": 1}, "a", "an object cannot contain a string"),
        ("starts_with", None, "a", "null is not text"),
        ("matches", "a", "(", "not a regular expression: missing )"),
        ("one_of", 1, 1, "the expectation is not a list"),
        ("type", [], "object", "it is an array"),
        ("type", 1.5, "integer", "the number has a fraction"),
        ("length", [1, 2, 3], 2, "the length is 3"),
        ("length", 5, 2, "a number has no length"),
        ("schema", {"a": [1, "x"]}, {"$ref": "#/$defs/a"}, "the schema is not usable"),
        ("schema", 1, {"type": "foo"}, "the schema is not usable"),
        ("schema", 1, [1], "an array is not a JSON Schema"),
        ("schema", "\ud800", {"type": "string"}, "the value cannot be checked"),
        ("schema", "x", {"type": "object"}, '.: "x" is not of type "object"'),
    ],
)
def test_operator_that_cannot_hold_says_why(operator, actual, expected, reason):
    assert reason in mismatch(operator, actual, expected)


def test_schema_violations_are_listed_with_their_places():
    schema: Json = {
        "properties": {"items": {"items": {"type": "integer"}}},
        "required": ["id"],
    }
    reason = mismatch("schema", {"items": [1, "x", "y"]}, schema)
    assert '.items[1]: "x" is not of type "integer"' in reason
    assert '.: "id" is a required property' in reason


def test_schema_with_many_violations_lists_some():
    reason = mismatch("schema", ["x"] * 9, {"items": {"type": "integer"}})
    assert reason.endswith("; and 4 more")


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/s.json", "file:///etc/hostname", "s.json"])
def test_schema_never_fetches_anything(target):
    assert "the schema is not usable" in mismatch("schema", 1, {"$ref": target})


def test_matches_with_catastrophic_pattern_stops_at_its_limit(monkeypatch):
    monkeypatch.setattr(pattern, "MAX_SECONDS", 0.05)
    begun = time.monotonic()
    reason = mismatch("matches", "x" * 100_000, r"(x+x+)+y")
    assert "took more than 50ms" in reason
    assert time.monotonic() - begun < 5


json_values: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_same_is_reflexive(value):
    assert same(value, value)


@given(json_values, json_values)
def test_same_is_symmetric(one, other):
    assert same(one, other) == same(other, one)


@given(st.sampled_from(sorted(COMPARISONS)), json_values, json_values)
def test_operators_give_a_verdict_for_any_values(operator, actual, expected):
    assert holds(operator, actual, expected) in (True, False)
