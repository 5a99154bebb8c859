from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketship.template.model import Expression, FunctionCall, Literal
from rocketship.template.parse import Reference, Template, TemplateSyntaxError, parse


def reference(text: str) -> Reference:
    (found,) = parse(text).references
    return found


def test_parse_text_without_braces_is_one_part():
    assert parse("plain } text }}").parts == ("plain } text }}",)


def test_parse_empty_text_has_no_parts():
    assert parse("") == Template(())


def test_parse_long_text_is_taken_apart_like_any_other():
    assert parse("x" * 20_000 + "{{ y }}").parts[0] == "x" * 20_000


def test_parse_text_and_group_keeps_their_order():
    assert parse("a {{ x }} b").parts == (
        "a ",
        Expression(Reference("saved", ("x",), False, "x", 5)),
        " b",
    )


@pytest.mark.parametrize(
    ("text", "namespace", "path"),
    [
        ("{{ name }}", "saved", ("name",)),
        ("{{name}}", "saved", ("name",)),
        ("{{\tname\n}}", "saved", ("name",)),
        ("{{ .name }}", "saved", ("name",)),
        ("{{ $.name }}", "saved", ("name",)),
        ("{{- name -}}", "saved", ("name",)),
        ("{{ user-id }}", "saved", ("user-id",)),
        ("{{ имя }}", "saved", ("имя",)),
        ("{{ user.address.city }}", "saved", ("user", "address", "city")),
        ("{{ items[0].id }}", "saved", ("items", 0, "id")),
        ("{{ items[-1] }}", "saved", ("items", -1)),
        ('{{ a["x-y z"] }}', "saved", ("a", "x-y z")),
        ("{{ a['}}'] }}", "saved", ("a", "}}")),
        ('{{ .["odd name"] }}', "saved", ("odd name",)),
        ("{{ .vars.a.b }}", "vars", ("a", "b")),
        ("{{ vars.a }}", "vars", ("a",)),
        ("{{ .vars }}", "vars", ()),
        ("{{ .env.NAME }}", "env", ("NAME",)),
        ("{{ .run.id }}", "run", ("id",)),
        ("{{ end }}", "saved", ("end",)),
        ("{{ len }}", "saved", ("len",)),
        ("{{ true }}", "saved", ("true",)),
    ],
)
def test_parse_reference_spellings_name_the_value(text, namespace, path):
    found = reference(text)
    assert (found.namespace, found.path, found.has_default) == (namespace, path, False)


def test_parse_reference_knows_its_text_and_offset():
    found = reference("ab {{ .vars.x | upper }}")
    assert (found.text, found.offset) == (".vars.x", 6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{{ x | default "y" }}', [True]),
        ('{{ x | upper | default "y" }}', [True]),
        ("{{ x | upper }}", [False]),
        ("{{ x | default .y }}", [True, False]),
        ("{{ x | default .y | default 1 }}", [True, True]),
        ('{{ x | hmac_sha256 .env.K | default "" }}', [True, True]),
    ],
)
def test_parse_default_marks_references_before_it(text, expected):
    assert [found.has_default for found in parse(text).references] == expected


def test_parse_pipeline_gives_calls_with_arguments():
    (part,) = parse("{{ random_int -1 2.5 | default 'a\\' | default `b` | default null }}").parts
    assert part == Expression(
        FunctionCall("random_int", (Literal(-1), Literal(2.5))),
        (
            FunctionCall("default", (Literal("a\\"),)),
            FunctionCall("default", (Literal("b"),)),
            FunctionCall("default", (Literal(None),)),
        ),
    )


def test_parse_generator_name_without_arguments_is_no_reference():
    assert parse("{{ uuid }}").references == ()
    assert parse("{{ .uuid }}").references != ()


def test_parse_double_quoted_text_has_json_escapes():
    (part,) = parse(r'{{ "a\"\u00e9\n" }}').parts
    assert part == Expression(Literal('a"é\n'))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{", "never closed"),
        ("{{ x", "never closed"),
        ("{{ x }", "never closed"),
        ("{{ '}}'", "never closed"),
        ("{{ x } }}", 'unexpected "}"'),
        (r"\{{ x", "never closed"),
        ("{{ }}", "no value"),
        ("{{}}", "no value"),
        ("{{ | upper }}", "no value"),
        ("{{ x | }}", "no filter behind |"),
        ("{{ x | 5 }}", '"5" is not a filter'),
        ("{{ x | uper }}", 'unknown filter "uper"'),
        ("{{{ x }}}", 'unexpected "{"'),
        ("{{ 1abc }}", 'unexpected "1"'),
        ("{{ x. }}", 'unexpected "."'),
        ("{{ x.0 }}", 'unexpected "."'),
        ("{{ a[x] }}", 'unexpected "["'),
        ("{{ x-}}", 'unexpected "-"'),
        ('{{ "x }}', "never closed"),
        (r'{{ "\q" }}', "unknown escape"),
        ("{{ .x .y }}", 'unexpected ".y"'),
        ("{{ if .x }}y{{ end }}", 'blocks such as "if"'),
        ("{{ range .x }}", 'blocks such as "range"'),
        ("{{ len .x }}", '"len" is written behind the value'),
        ("{{ upper .x }}", '"upper" is written behind the value'),
        ('{{ printf "%s" .x }}', 'unknown function "printf"'),
        ("{{ uuid 1 }}", '"uuid" has 1 argument'),
        ("{{ random_int 1 }}", '"random_int" has 1 argument'),
        ("{{ random_string }}", '"random_string" has no arguments'),
        ("{{ x | default y }}", 'unexpected "y"'),
        ("{{ .env }}", "which environment variable"),
        ("{{ " + "9" * 5000 + " }}", "too long"),
        ("{{ x[" + "9" * 5000 + "] }}", "too long"),
    ],
)
def test_parse_malformed_group_says_what_is_wrong(text, message):
    with pytest.raises(TemplateSyntaxError) as caught:
        parse(text)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{ x | uper }}", 'did you mean "upper"?'),
        ("{{ x | len }}", 'did you mean "length"?'),
        ("{{ x | urlquery }}", 'did you mean "urlencode"?'),
        ("{{ x | frobnicate }}", "filters: default, json"),
        ("{{ len .x }}", "write {{ name | length }}"),
        ("{{ rundom_int 1 2 }}", 'did you mean "random_int"?'),
        ("{{ random_int 1 }}", "write random_int 1 10"),
        ("{{ x | default y }}", 'put text in quotes, "y"'),
        ("{{ .env }}", "write .env.NAME"),
        ("{{ }}", r"for literal braces write \{{ … }}"),
    ],
)
def test_parse_malformed_group_says_what_to_do(text, hint):
    with pytest.raises(TemplateSyntaxError) as caught:
        parse(text)
    assert caught.value.hint is not None
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "offset"), [("ab {{ x", 3), ("ab {{ x | nope }}", 10), ("a {{ x ? }}", 7)]
)
def test_parse_error_points_at_the_problem(text, offset):
    with pytest.raises(TemplateSyntaxError) as caught:
        parse(text)
    assert caught.value.offset == offset


@given(st.text())
def test_parse_text_without_opening_braces_is_itself(text):
    plain = text.replace("{", "")
    assert "".join(map(str, parse(plain).parts)) == plain


pieces = st.sampled_from(
    ["{{", "}}", "{", "}", "\\", "-", " ", "|", ".", "[", "]", '"', "'", "`", "$", "\n", "0", "1e9"]
    + [
        "x",
        "vars",
        "env",
        "default",
        "now",
        "uuid",
        "random_int",
        "upper",
        "if",
        "true",
        "é",
        "\\u",
    ]
)


@given(st.lists(pieces, max_size=25).map("".join))
def test_parse_any_text_raises_only_syntax_errors(text):
    offset = 0
    try:
        parse(text)
    except TemplateSyntaxError as error:
        offset = error.offset
    assert 0 <= offset <= len(text)
