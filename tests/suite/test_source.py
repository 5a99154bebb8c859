from __future__ import annotations

import time

import pytest

from rocketship.suite.node import Node
from rocketship.suite.problem import Problems
from rocketship.suite.source import MAX_FILE_BYTES, load
from rocketship.values import Json


def read(text: str | bytes) -> tuple[Node | None, list[str]]:
    problems = Problems()
    data = text if isinstance(text, bytes) else text.encode()
    root = load(data, "f", problems)
    return root, [f"{p.location.line}:{p.location.column} {p.message}" for p in problems.found]


def value(text: str | bytes) -> Json:
    root, problems = read(text)
    assert problems == []
    assert root is not None
    return root.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: yes", {"a": "yes"}),
        ("a: 'true'\nb: \"5\"", {"a": "true", "b": "5"}),
        ("a: |\n  5\nb: >\n  x\n  y\n", {"a": "5\n", "b": "x y\n"}),
        ("a: !!str 5\nb: ! 5\nc: !!int '5'\nd: !!float 5", {"a": "5", "b": "5", "c": 5, "d": 5.0}),
        ("a: !!null ''\nb: !!bool 'true'", {"a": None, "b": True}),
        ("a: !!map {}\nb: !!seq []", {"a": {}, "b": []}),
        ("a: 1\n---\nb: 2\n", {"a": 1}),
        ("a: 1\n---\n{{ not: [yaml", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        (b"\xef\xbb\xbfa: 1", {"a": 1}),
        ("a: é".encode("utf-16"), {"a": "é"}),
        ("# nothing\n", None),
        ("", None),
    ],
)
def test_load_document_gives_plain_values(text: str | bytes, expected: Json) -> None:
    assert value(text) == expected


def test_load_anchor_and_alias_share_value_and_position() -> None:
    root, problems = read("a: &x [1]\nb: *x\n")
    assert problems == []
    assert root is not None
    assert root.get("b") is root.get("a")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b: &b {x: 1, y: 2}\nc: {<<: *b, x: 3}", {"y": 2, "x": 3}),
        ("b: &b {x: 1}\nc: {z: 0, <<: *b}", {"z": 0, "x": 1}),
        ("b: [&a {x: 1}, &b {x: 2, y: 3}]\nc: {<<: [*a, *b]}", {"x": 1, "y": 3}),
        ("c: {<<: {x: 1}}", {"x": 1}),
        ("c: {'<<': 1}", {"<<": 1}),
    ],
)
def test_load_merge_key_brings_entries_in(text: str, expected: Json) -> None:
    found = value(text)
    assert isinstance(found, dict)
    assert found["c"] == expected


def test_load_positions_count_characters_from_1() -> None:
    root, _ = read("é: {x: 1}\nb:\n  - 'ü' \n  - y\n")
    assert root is not None
    inner = root.get("é")
    assert inner is not None
    assert (inner.location.line, inner.location.column) == (1, 4)
    (key, x), *_ = inner.entries
    assert (key.location.column, x.location.column) == (5, 8)
    items = root.get("b")
    assert items is not None
    assert [(i.location.line, i.location.column) for i in items.items] == [(3, 5), (4, 5)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", ['3:1 the key "a" stands in lines 1 and 3']),
        ("{a: 1, a: 2}", ['1:8 the key "a" stands in line 1, twice']),
        ("1: x\ntrue: y", ['1:1 the key "1" is not text', '2:1 the key "true" is not text']),
        ("? [a]\n: b", ["1:3 a key is not text"]),
        ("a: .inf", ["1:4 .inf is not a number that JSON knows"]),
        ("a: !!int x", ['1:4 "x" is not a value of !!int']),
        ("a: !!binary aGk=", ["1:4 the tag !!binary means nothing here"]),
        ("a: !include x.yaml", ["1:4 the tag !include means nothing here"]),
        ("a: !x {}\nb: !y []", ["1:4 the tag !x means nothing here",
                                "2:4 the tag !y means nothing here"]),
        ("a: &a [*a]", ['1:8 "*a" refers to what it is part of']),
        ("a: *b", ['1:4 there is no anchor "&b" before this alias']),
        ("<<: 3", ['1:5 "<<" takes mappings only']),
        ("a: #fff", ['1:3 "#fff" is a comment, so the key has no value']),
        ("a: {{ x }}", ["1:4 a value that starts with {{ needs quotes"]),
        ("[" * 200, ["1:102 more than 100 levels of lists and mappings"]),
        (b"a: \xff", ["1:4 the byte 0xff is not UTF-8"]),
        (b"\xef\xbb\xbfa: \xff", ["1:4 the byte 0xff is not UTF-8"]),
        (b"\xff\xfea", ["1:1 the byte 0x61 is not UTF-16"]),
        (b"a: 1\nb: \x00", ["2:4 the file is not text: it contains a NUL character"]),
        (b"\x7fELF", ["1:1 the character U+007F cannot stand in a YAML file"]),
        (b"x" * (MAX_FILE_BYTES + 1), ["1:1 the file is larger than 4 MiB"]),
    ],
)  # fmt: skip
def test_load_misuse_is_reported_with_its_place(text: str | bytes, expected: list[str]) -> None:
    assert read(text)[1] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n\tb: 1", "2:1 a tab cannot be used for indentation"),
        ("a:\n  b: 1\n  \tc: 2", "3:3 a tab cannot be used for indentation"),
        ("a: {{ x }}/y", "1:4 a value that starts with {{ needs quotes"),
        ("a: b: c", '1:5 a text with ": " in it needs quotes'),
        ("a: 1\n  b: 2", "2:4 this line is indented too far: the line above already has its value"),
        ("a:b\nc: 1", "1:2 a colon needs a space behind it"),
        ("- a:b\n  c: 1", "1:4 a colon needs a space behind it"),
        ("a: 1\nb\nc: 2", "2:1 this line has neither a key nor a list entry"),
        ("a: - b", "1:4 a list cannot start behind its key"),
        ("a: @x", '1:4 a value cannot start with "@"'),
        ("a: %x", '1:4 a value cannot start with "%"'),
        ("a: `x`", '1:4 a value cannot start with "`"'),
        ("a: *", '1:5 a value cannot start with "*"'),
        ("a: !x!y", '1:4 a value cannot start with "!"'),
        ('a: "x', "1:4 the quotes that open here are never closed"),
        ("a: 'x\nb: 1", "1:4 the quotes that open here are never closed"),
        ('a: "x" y', "1:4 text follows the closing quotes"),
        ("a: 'it's'", "1:4 text follows the closing quotes"),
        ('a: "\\d"', '1:5 "\\d" means nothing in double quotes'),
        ('a: "\\xg"', "1:7 an escape in double quotes has too few hexadecimal digits"),
        ("a: [1, 2", '1:4 the list that opens with "[" here is not closed'),
        ("a: [x #y]\n", '1:4 the list that opens with "[" here is not closed'),
        ("a: {x: 1", '1:4 the mapping that opens with "{" here is not closed'),
        ("a: [", "1:5 the file ends inside of [ ] or { }"),
        ("a: {b: [1,\n", "2:1 the file ends inside of [ ] or { }"),
        ("a: ]", '1:4 "]" cannot stand here'),
        ("a:\n  - b\n  c: 1", "3:3 this line does not belong to the list above it"),
        ("a:\n  b: 1\n c: 2", "3:2 this line is not indented like the keys it belongs to"),
        ("a: |x\n", '1:5 nothing can follow "|" or ">" on its line'),
        ("a: |\n\tx", "2:1 a tab cannot be used for indentation"),
        ("%YAML 3.0\n---\na", "1:1 the file asks for another version of YAML"),
        ("%x\n", "1:1 a line that starts with % is not understood"),
    ],
)
def test_load_syntax_error_is_said_in_plain_words(text: str, expected: str) -> None:
    root, problems = read(text)
    assert root is None
    assert problems == [expected]


def test_load_unquoted_template_still_gives_the_text_that_was_meant() -> None:
    root, problems = read("é: {{ .vars.x }}\nb: 1")
    assert root is not None
    assert root.value == {"é": "{{ .vars.x }}", "b": 1}
    assert len(problems) == 1


def test_load_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    started = time.process_time()
    root, problems = read("\n".join(lines))
    assert root is None
    assert [p.split(" ", 1)[1] for p in problems] == ['"*a4" makes the document too large']
    assert time.process_time() - started < 1


def test_load_alias_depth_is_bounded() -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 120))]
    root, problems = read("\n".join(lines))
    assert root is None
    assert len(problems) == 1
