from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketship.template import query
from rocketship.template.query import QueryError, complaint
from rocketship.values import Json
from tests.fixtures.waiting import result_of


def first(program: str, value: Json) -> tuple[Json, ...]:
    return result_of(query.first(program, value))


BIG = 9007199254740993
DOCUMENT: Json = {
    "user": {"name": "Ada", "age": 36, "x-y": [1, 2, 3], "none": None},
    "items": [{"id": BIG}, {"id": BIG + 1}],
    "price": 19.99,
    "whole": 1.0,
}


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (".user.name", "Ada"),
        (" .user.name ", "Ada"),
        ('.user["x-y"][0]', 1),
        ('.["user"].age', 36),
        ('.user.["x-y"].[-1]', 3),
        ('.user["x-y"][7]', None),
        ('.user["x-y"][-7]', None),
        (".items[0].id", BIG),
        (".price", 19.99),
        (".whole", 1.0),
        (".nope", None),
        (".nope.deeper[0]", None),
        (".user.none.x", None),
        # Programs for the library.
        (".items | length", 2),
        (".items[] | .id", BIG),
        (".items[1].id, 5", BIG + 1),
        (f".items[] | select(.id == {BIG + 1}) | .id", BIG + 1),
        ("[.items[].id]", [BIG, BIG + 1]),
        (".price | .", 19.99),
        ('.user.name // "x"', "Ada"),
        (".user | keys", ["age", "name", "none", "x-y"]),
        (".user.name as $n | {n: $n}", {"n": "Ada"}),
        ("def f: .user; f | .age", 36),
        (".user.age # the age", 36),
        (".user.age # the age\\", 36),
        ('try error("x") catch .', "x"),
        ("repeat(1)", 1),
        ("0.1 + 0.2", 0.30000000000000004),
        ("100000000000000000000000", 100000000000000000000000),
        ('"\\u00e9" + "😀"', "é😀"),
    ],
)
def test_first_program_gives_its_first_output(program, expected):
    assert first(program, DOCUMENT) == (expected,)


@pytest.mark.parametrize(
    "program", ["empty", ".items[] | select(.id == 1)", "halt", ".user.age?|.x?"]
)
def test_first_program_without_output_gives_nothing(program):
    assert first(program, DOCUMENT) == ()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (".user.name.x", 'cannot read key "x" of a string'),
        (".user.age[0]", "cannot read index 0 of a number"),
        (".items.x", 'cannot read key "x" of an array'),
        (".user[0]", "cannot read index 0 of an object"),
        (".user.name | .x", 'Cannot index string with string ("x")'),
        ('error("broken")', "broken"),
        ("input", "there is no further input"),
        ("halt_error", "{"),
        ('error("x" * 1000)', "..."),
    ],
)
def test_first_failing_program_raises_its_reason(program, message):
    with pytest.raises(QueryError) as caught:
        first(program, DOCUMENT)
    assert message in str(caught.value)
    assert len(str(caught.value)) <= 300


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("", "the program is empty"),
        ("  ", "the program is empty"),
        ("# only a comment", "unexpected end of file at line 1"),
        (".a |", "syntax error, unexpected end of file at line 1, column 4"),
        (".[", "syntax error, unexpected end of file at line 1, column 2"),
        (".a\n| b", "b/0 is not defined at line 2, column 3"),
        ("$x", "$x is not defined at line 1, column 1"),
        (".a; .b", "syntax error, unexpected ';'"),
        ('import "a" as $a {search: "/tmp"}; $a', "syntax error, unexpected import"),
        ('include "a" {search: "/tmp"}; .', "syntax error, unexpected include"),
    ],
)
def test_complaint_names_the_place(program, message):
    assert message in (complaint(program) or "")
    with pytest.raises(QueryError):
        first(program, None)


@pytest.mark.parametrize("program", [".", ".a.b", '.["x y"][0]', ".a | length", "def f: 1; f"])
def test_complaint_about_a_good_program_is_none(program):
    assert complaint(program) is None


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("env", {}),
        ("$ENV", {}),
        ("env.PATH", None),
        ("$ENV.PATH", None),
        (".a as $ENV | $ENV", None),
        ("[inputs]", []),
        ("input_filename", None),
        ("get_search_list", []),
        ("$__loc__.file", "<top-level>"),
    ],
)
def test_first_program_sees_nothing_of_the_machine(program, expected):
    assert first(program, None) == (expected,)


def test_first_program_prints_nothing(capfd):
    assert first('debug | debug("x") | stderr', 5) == (5,)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("program", [".a", ".a | ."])
def test_first_container_has_sorted_keys(program):
    (found,) = first(program, {"a": {"z": 1, "b": {"y": 1, "c": 2}}})
    assert json.dumps(found) == '{"b": {"c": 2, "y": 1}, "z": 1}'


def test_first_text_with_half_a_surrogate_pair_does_not_fail():
    assert first(". | .", "a\ud800") == ("a?",)


def test_first_value_that_is_not_json_does_not_fail():
    assert first("[.[] | .]", [float("nan")]) == ([None],)


def test_plain_path_does_not_load_the_library():
    code = (
        "import asyncio, sys; from rocketship.template import query;"
        "asyncio.run(query.first('.a.b[0]', {})); query.complaint('.a');"
        "print('jq' in sys.modules)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout == "False\n"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text('ab"\\é', max_size=3),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "x-y"]), children, max_size=3)
    ),
    max_leaves=8,
)
steps = st.sampled_from([".a", ".b", '["x-y"]', "[0]", "[-1]", '.["a"]'])


@given(json_values, st.lists(steps, min_size=1, max_size=4).map("".join))
def test_plain_path_agrees_with_the_library(value, path):
    path = path if path.startswith(".") else "." + path
    try:
        expected = first(f"{path} | .", value)
    except QueryError:
        with pytest.raises(QueryError):
            first(path, value)
    else:
        assert first(path, value) == expected


@given(json_values)
def test_identity_keeps_the_value(value):
    assert first(".", value) == first(". | .", value) == (value,)


def test_value_that_nests_too_deep_is_refused():
    with pytest.raises(QueryError, match="more than 200 levels of lists and objects"):
        first("reduce range(900) as $i (1; [.])", None)
