from __future__ import annotations

from typing import Any

import pytest

from rocketship.errors import ConfigError
from rocketship.suite.fields import (
    AnyJson,
    AnyOf,
    Boolean,
    Choice,
    Duration,
    Field,
    FilePath,
    Fixed,
    Integer,
    Jq,
    Kind,
    ListOf,
    MapOf,
    Number,
    Object,
    Scalar,
    Text,
    describe,
)
from rocketship.suite.problem import Problems
from rocketship.suite.source import load
from rocketship.values import Json, to_json


def check(kind: Kind, text: str) -> list[str]:
    """Return what a kind has against a value written in YAML."""
    problems = Problems()
    node = load(text.encode(), "f", problems)
    assert node is not None
    kind.check(node, problems)
    return [problem.message for problem in problems.found]


OBJECT = Object(
    Field("name", Text(), "What it is called.", required=True),
    Field("count", Integer(1), default=7),
    Field("any", AnyJson()),
    Field("key", Text(), secret=True),
    Field("inner", Object(Field("pin", AnyJson(), secret=True))),
    at_most_one=[("count", "any")],
)
SOURCE = Object(
    Field("script", Text()), Field("file", FilePath()), exactly_one=[("script", "file")]
)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (AnyJson(), "null"), (Text(), "x"), (Text(), "''"), (Text(empty=False), "'{{ x }}'"),
        (Scalar(), "1"), (Scalar(), "true"), (Boolean(), "true"), (Boolean(), "'{{ x }}'"),
        (Number(0, 1), "0.5"), (Integer(), "1.0"), (Integer(), "9" * 400),
        (Integer(1), "'{{ x }}'"),
        (Duration(), "1m30s"), (Duration(positive=False), "0s"), (Duration(), "'{{ x }}s'"),
        (Choice(("1.1", "2", "on")), "1.1"), (Choice(("1.1", "2")), "2"), (Choice(("a",)), "a"),
        (Jq(), ".a | length"), (Jq(), "'.[{{ n }}]'"), (FilePath(), "a/b"),
        (ListOf(Text()), "[a]"), (ListOf(Text()), "'{{ x }}'"), (MapOf(Scalar()), "{a: 1}"),
        (AnyOf((Boolean(), Text(empty=False))), "because"), (Fixed(Boolean()), "true"),
        (OBJECT, "{name: x, x-free: 1}"), (OBJECT, "{name: x, count: null, any: 1}"),
        (SOURCE, "{script: null, file: a}"),
    ],
)  # fmt: skip
def test_check_good_value_is_silent(kind: Kind, text: str) -> None:
    assert check(kind, text) == []


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (Text(), "5", "expected text, found the number 5"),
        (Text(), "true", "expected text, found the boolean true"),
        (Text(), "null", "expected text, found nothing"),
        (Text(empty=False), "''", "must not be empty"),
        (Scalar(), "[]", "expected text, a number or a boolean, found a list"),
        (Boolean(), "yes", 'expected true or false, found the text "yes"'),
        (Number(0, 1), "1.5", "must be at most 1, found 1.5"),
        (Number(), "true", "expected a number, found the boolean true"),
        (Integer(1), "0", "must be at least 1, found 0"),
        (Integer(), "1.5", "expected a whole number, found the number 1.5"),
        (Duration(), "5", "expected a duration, found the number 5"),
        (Duration(), "0s", "must be longer than 0, found 0s"),
        (Choice(("a", "b")), "c", 'expected one of a, b, found the text "c"'),
        (Choice(("a", "b")), "[]", "expected one of a, b, found a list"),
        (Jq(), "5", "expected a jq program, found the number 5"),
        (FilePath(), "''", 'expected a file path, found the text ""'),
        (ListOf(Text(), 2), "[a]", "needs at least 2 entries"),
        (ListOf(Text()), "[1]", "expected text, found the number 1"),
        (MapOf(Scalar()), "{a: null}", "expected text, a number or a boolean, found nothing"),
        (AnyOf((Boolean(), Integer(1))), "x",
         'expected true or false or a whole number, found the text "x"'),
        (AnyOf((Boolean(), Integer(1))), "0", "must be at least 1, found 0"),
        (Fixed(Text()), "'{{ x }}'", "templates cannot be used here"),
        (Fixed(ListOf(Text())), "'{{ x }}'", "templates cannot be used here"),
        (OBJECT, "[]", "expected a mapping, found a list"),
        (OBJECT, "{}", '"name" is missing'),
        (OBJECT, "{name: null}", "expected text, found nothing"),
        (OBJECT, "{name: x, count: 1, any: null}",
         '"count" and "any" exclude each other; keep one'),
        (OBJECT, "{name: x, other: 1}", 'unknown key "other"'),
        (SOURCE, "{}", 'exactly one of "script", "file" is needed, but none is given'),
        (SOURCE, "{script: a, file: b}",
         'exactly one of "script", "file" is needed, but more than one is given'),
    ],
)  # fmt: skip
def test_check_bad_value_gives_one_problem(kind: Kind, text: str, message: str) -> None:
    assert check(kind, text) == [message]


def test_check_duration_nonsense_says_what_one_looks_like() -> None:
    (message,) = check(Duration(), "5 days")
    assert '"5 days" is not a duration' in message


def test_check_broken_jq_gives_the_compiler_s_complaint() -> None:
    (message,) = check(Jq(), "'.a['")
    assert message.startswith("not a jq program: ")


def test_check_misspelled_required_key_is_one_problem() -> None:
    assert check(OBJECT, "{nam: x}") == ['unknown key "nam"']
    assert check(SOURCE, "{scrip: x}") == ['unknown key "scrip"']


def test_check_unknown_key_when_allowed_is_a_warning_and_required_ones_stay_missing() -> None:
    problems = Problems(allow_unknown_keys=True)
    node = load(b"{nam: x}", "f", problems)
    assert node is not None
    OBJECT.check(node, problems)
    found = [(p.message, p.severity.value, p.hint) for p in problems.found]
    assert found == [
        ('unknown key "nam"', "warning", 'did you mean "name"?'),
        ('"name" is missing', "error", 'add "name": what it is called.'),
    ]


def test_check_text_instead_of_mapping_suggests_the_missing_space() -> None:
    problems = Problems()
    node = load(b"- name:foo", "f", problems)
    assert node is not None
    ListOf(OBJECT).check(node, problems)
    assert [problem.hint for problem in problems.found] == ["put a space after the colon"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Text(), 5, "5"), (Text(), None, ""), (Scalar(), True, "true"), (Boolean(), " TRUE ", True),
        (Number(), "1.5", 1.5), (Integer(), "9007199254740993", 9007199254740993),
        (Integer(), 3.0, 3), (Integer(), "1e3", 1000), (Duration(), "1m", 60.0),
        (Choice(("1.1", "2")), 2, "2"), (Jq(), ".a", ".a"), (FilePath(), "a", "a"),
        (ListOf(Integer()), ["1"], [1]), (MapOf(Scalar()), {"a": 1}, {"a": "1"}),
        (AnyOf((Boolean(), Integer())), "5", 5), (AnyOf((Boolean(), Integer())), "true", True),
        (Fixed(Boolean()), True, True),
        (OBJECT, {"name": "x", "x-a": 1},
         {"name": "x", "count": 7, "any": None, "key": None, "inner": None}),
        (OBJECT, {"name": "x", "count": None, "any": 1},
         {"name": "x", "count": 7, "any": 1, "key": None, "inner": None}),
    ],
)  # fmt: skip
def test_convert_rendered_value_gives_what_code_works_with(
    kind: Kind, value: Json, expected: Any
) -> None:
    found = kind.convert(value, "key")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (Text(), [], "key: expected text, found a list"),
        (Text(empty=False), "", "key: is empty after rendering"),
        (Scalar(), {}, "key: expected text, a number or a boolean, found a mapping"),
        (Boolean(), "yes", 'key: expected true or false, found the text "yes"'),
        (Number(), "x", 'key: expected a number, found the text "x"'),
        (Number(), "nan", 'key: expected a number, found the text "nan"'),
        (Number(), "1_0", 'key: expected a number, found the text "1_0"'),
        (Integer(), "1.5", 'key: expected a whole number, found the text "1.5"'),
        (Integer(), "9" * 5000, f'key: expected a whole number, found the text "{"9" * 37}..."'),
        (Integer(1), "0", "key: must be at least 1, found 0"),
        (Duration(), 5, "key: expected a duration, found the number 5"),
        (Duration(), "-1s", "key: must be longer than 0, found -1s"),
        (Choice(("a",)), "b", 'key: expected one of a, found the text "b"'),
        (Jq(), 5, "key: expected a jq program, found the number 5"),
        (FilePath(), "", 'key: expected a file path, found the text ""'),
        (ListOf(Integer()), ["x"], 'key[0]: expected a whole number, found the text "x"'),
        (ListOf(Integer()), "x", 'key: expected a list, found the text "x"'),
        (MapOf(Integer()), {"a": "x"}, 'key.a: expected a whole number, found the text "x"'),
        (MapOf(Integer()), [], "key: expected a mapping, found a list"),
        (AnyOf((Boolean(), Integer())), "x",
         'key: expected true or false or a whole number, found the text "x"'),
        (OBJECT, "x", 'key: expected a mapping, found the text "x"'),
        (OBJECT, {"name": None}, "key.name: is missing"),
        (OBJECT, {"name": "x", "count": 1, "any": 1},
         'key: "count" and "any" exclude each other; keep one'),
    ],
)  # fmt: skip
def test_convert_wrong_value_names_the_key(kind: Kind, value: Json, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        kind.convert(value, "key")
    assert caught.value.message == message


def test_convert_whole_configuration_needs_no_name() -> None:
    with pytest.raises(ConfigError) as caught:
        SOURCE.convert({}, "")
    assert caught.value.message.startswith("exactly one of")


def test_secrets_are_found_at_every_depth() -> None:
    value: Json = {"key": ["a", {"b": "c"}], "inner": {"pin": 1234, "other": "d"}, "name": "e"}
    assert list(OBJECT.secrets(value)) == ["a", "c", "1234"]
    assert list(ListOf(OBJECT).secrets([value])) == ["a", "c", "1234"]
    assert list(MapOf(OBJECT).secrets({"x": value})) == ["a", "c", "1234"]
    assert list(AnyOf((Text(), OBJECT)).secrets(value)) == ["a", "c", "1234"]
    assert list(Fixed(OBJECT).secrets(value)) == ["a", "c", "1234"]
    assert list(OBJECT.secrets("x")) == []


def test_visit_reaches_every_kind_with_its_node() -> None:
    kind = Object(
        Field("list", ListOf(FilePath())),
        Field("map", MapOf(FilePath())),
        Field("any", AnyOf((ListOf(FilePath()), FilePath()))),
        Field("fixed", Fixed(FilePath())),
    )
    node = load(b"{list: [a], map: {k: b}, any: [c], fixed: d, other: e}", "f", Problems())
    assert node is not None
    seen: list[Json] = []
    kind.visit(
        node, lambda kind, node: seen.append(node.value) if isinstance(kind, FilePath) else None
    )
    assert seen == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("kind", "under", "over", "merged"),
    [
        (AnyOf((Text(), MapOf(Scalar(), ignore_case=True))), "{A: 1}", "{a: 2}", {"a": 2}),
        (AnyOf((Text(), MapOf(Scalar()))), "{A: 1}", "x", "x"),
        (AnyOf((Text(), ListOf(Text()))), "{A: 1}", "{B: 2}", {"A": 1, "B": 2}),
        (Fixed(MapOf(Scalar())), "{A: 1, B: 2}", "{A: }", {"B": 2}),
        (MapOf(MapOf(Scalar(), ignore_case=True)), "{m: {A: 1}}", "{m: {a: 2}}", {"m": {"a": 2}}),
        (MapOf(Scalar(), ignore_case=True), "{A: 1, a: 2, B: 3}", "{b: 4}",
         {"A": 1, "a": 2, "b": 4}),
        (OBJECT, "{name: a}", "[]", []),
        (OBJECT, "1", "{name: a}", {"name": "a"}),
    ],
)  # fmt: skip
def test_merge_takes_what_the_step_says_and_the_defaults_besides(
    kind: Kind, under: str, over: str, merged: Json
) -> None:
    nodes = [load(text.encode(), "f", Problems()) for text in (under, over)]
    assert nodes[0] is not None
    assert nodes[1] is not None
    assert kind.merge(nodes[0], nodes[1]).value == merged


def test_schema_of_object_has_docs_defaults_and_groups() -> None:
    schema = OBJECT.schema()
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    assert "x-" in to_json(schema["patternProperties"])
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert properties["name"] == {"type": "string", "description": "What it is called."}
    count = properties["count"]
    assert isinstance(count, dict)
    assert count["default"] == 7
    assert {"type": "null"} in count["anyOf"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("value", "phrase"),
    [(None, "nothing"), (True, "the boolean true"), (1.0, "the number 1"), ([], "a list"),
     ({}, "a mapping"), ("x" * 50, 'the text "' + "x" * 37 + '..."')],
)  # fmt: skip
def test_describe_value_is_a_short_phrase(value: Json, phrase: str) -> None:
    assert describe(value) == phrase
