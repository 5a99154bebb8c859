from __future__ import annotations

from pathlib import Path

import pytest

from rocketship.errors import UsageError
from rocketship.suite.variables import VariableInputs, merge, parse_assignments, read_file
from rocketship.values import JsonObject


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["a=1"], {"a": "1"}),
        (["a="], {"a": ""}),
        (["a=1,2"], {"a": "1,2"}),
        (['"a=1"'], {"a": "1"}),
        (["a=1", "a=2"], {"a": "2"}),
        (["a.b=1", "a.c=2"], {"a": {"b": "1", "c": "2"}}),
        (["a=1,b=2"], {"a": "1", "b": "2"}),
        (["dsn=pg://h?x=y"], {"dsn": "pg://h?x=y"}),
        (['"a=b=c,d"'], {"a": "b=c,d"}),
        (['"a=b=c,d",e=f'], {"a": "b=c,d", "e": "f"}),
        (["key=line\nx=="], {"key": "line\nx=="}),
        (["a:=5"], {"a": 5}),
        (["a:=null"], {"a": None}),
        (['a.b:={"x": "y=z,w"}'], {"a": {"b": {"x": "y=z,w"}}}),
        (['a:={"x": 1}', "a.y=2"], {"a": {"x": 1, "y": "2"}}),
        (["a.y=2", 'a:={"x": 1}'], {"a": {"x": 1, "y": "2"}}),
    ],
)
def test_parse_assignments_gives_variables(assignments: list[str], expected: JsonObject) -> None:
    assert parse_assignments(assignments) == expected


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (["a"], "there is no value"),
        (["=1"], "the name is empty"),
        (["a..b=1"], "empty part"),
        ([":=1"], "the name is empty"),
        (["a=1=2,b"], '"b" has no value'),
        (['a=1,"b=2'], "unexpected end of data"),
        (["a:=x"], "not JSON"),
        (["a:=NaN"], "not JSON"),
        (["a:=1e400"], "--var a:=1e400: the number 1e400 is too large"),
        (["a=1", "a.b=2"], '"a" is given a value and names below it'),
        (["a.b=2", "a=1"], '"a" is given a value and names below it'),
        (["a:=[]", "a.b=2"], '"a" is given a value and names below it'),
    ],
)
def test_parse_assignments_nonsense_is_a_usage_error(assignments: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_assignments(assignments)
    assert message in caught.value.message


def test_merge_is_deep_for_mappings_and_replaces_the_rest() -> None:
    under: JsonObject = {"a": {"x": 1, "y": [1]}, "b": 1, "c": {"z": 1}}
    over: JsonObject = {"a": {"y": [2]}, "b": {"n": 1}, "c": 5}
    assert merge(under, over) == {"a": {"x": 1, "y": [2]}, "b": {"n": 1}, "c": 5}
    assert under == {"a": {"x": 1, "y": [1]}, "b": 1, "c": {"z": 1}}


def test_inputs_win_in_the_documented_order(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.json"
    first.write_text("file1: f1\nfile2: f1\nflag: f1\nown: f1\n")
    second.write_text('{"file2": "f2", "flag": "f2", "own": "f2"}')
    inputs = VariableInputs.read(["flag=v", "own=v"], [first, second])
    inputs = VariableInputs(inputs.over, {"engine": "e", "suite": "e", "file1": "e"})
    own: JsonObject = {"suite": "s", "file1": "s", "file2": "s", "flag": "s", "own": "s"}
    assert inputs.around(own) == {
        "engine": "e", "suite": "s", "file1": "f1", "file2": "f2", "flag": "v", "own": "v",
    }  # fmt: skip


def test_inputs_scalar_in_the_way_is_replaced_by_a_mapping() -> None:
    assert VariableInputs.read(["a.b=1"]).around({"a": 5}) == {"a": {"b": "1"}}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", "- 1", "a file of variables is a mapping"),
        ("a.yaml", "a: [", "a.yaml:1:5: error: the file ends"),
        ("a.yaml", "a: 1\na: 2", 'the key "a"'),
        ("a.json", "{", "is not JSON"),
        ("a.json", '{"a": NaN}', "NaN is not a JSON number"),
        ("a.json", '{"a": 1e400}', "a.json: the number 1e400 is too large"),
        ("a.json", "[" * 100_000, "there are more than 200 levels"),
    ],
)
def test_read_file_nonsense_is_a_usage_error(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError) as caught:
        read_file(tmp_path / name)
    assert message in caught.value.message


def test_read_file_missing_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the variables"):
        read_file(tmp_path / "gone.yaml")


@pytest.mark.parametrize(("name", "content"), [("a.yaml", "# nothing"), ("a.json", "null")])
def test_read_file_empty_has_no_variables(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    assert read_file(tmp_path / name) == {}
