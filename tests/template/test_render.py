from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketship.errors import TemplateError
from rocketship.template.parse import TemplateSyntaxError
from rocketship.template.render import render, render_text
from rocketship.template.scope import Scope
from rocketship.values import Json, to_text

SCOPE = Scope(
    vars={
        "k": "K",
        "a": {"b": {"c": 3}},
        "dotted.key": "D",
        "count": 3,
        "ratio": 1.5,
        "whole": 30.0,
        "big": 1234567.0,
        "yes": True,
        "nothing": None,
        "list": ["x", 1],
        "map": {"k": "v"},
        "nested": "{{ x }}",
    },
    env={"TOKEN": "s3cret", "EMPTY": ""},
    run={"id": "01jd", "suite": "S"},
    saved={
        "x": "VAL",
        "id": 9007199254740993,
        "order.id": 7,
        "order": {"id": 8, "total": 1},
        "user": {"items": [{"id": 9}], "x-y": 1, "none": None},
        "evil": "{{ .env.TOKEN }}",
        "end": "E",
        "env": "shadow",
    },
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Variables: every spelling works at any depth.
        ("{{ .vars.k }}", "K"),
        ("{{ .vars.a.b.c }}!", "3!"),
        ("{{.vars.k}}", "K"),
        ("{{.vars.a.b.c}}!", "3!"),
        ("{{ .vars.k}}", "K"),
        ("{{  .vars.k  }}", "K"),
        ("{{- .vars.k -}}", "K"),
        ("{{ .vars.k | lower }}", "k"),
        ("{{ vars.k }}", "K"),
        ("{{ .vars.dotted.key }}", "D"),
        # Text of values.
        ("{{ .vars.count }}s", "3s"),
        ("{{ .vars.ratio }}s", "1.5s"),
        ("{{ .vars.whole }}s", "30s"),
        ("{{ .vars.big }}!", "1234567!"),
        ("{{ .vars.yes }}!", "true!"),
        ("{{ .vars.nothing }}!", "!"),
        ("{{ .vars.list }}!", '["x",1]!'),
        ("{{ .vars.map }}!", '{"k":"v"}!'),
        # Saved values.
        ("{{ x }}", "VAL"),
        ("{{x}}", "VAL"),
        ("{{\tx\n}}", "VAL"),
        ("{{ .x }}", "VAL"),
        ("{{.x}}", "VAL"),
        ("{{ $.x }}", "VAL"),
        ("{{- x -}}", "VAL"),
        ("{{ end }}", "E"),
        ("{{ order.id }}!", "7!"),
        ("{{ order.total }}!", "1!"),
        ("{{ user.items[0].id }}!", "9!"),
        ('{{ user["x-y"] }}!', "1!"),
        ("{{ user.x-y }}!", "1!"),
        ("id={{ id }}", "id=9007199254740993"),
        # Environment and run.
        ("{{ .env.TOKEN }}", "s3cret"),
        ("{{ .env.EMPTY }}", ""),
        ("{{ .run.id }}/{{ run.suite }}", "01jd/S"),
        # Braces that are no templates.
        ("}} x }}", "}} x }}"),
        ('{"a":{"b":{}}}', '{"a":{"b":{}}}'),
        ('{"a":{{ x }}}', '{"a":VAL}'),
        ("{{ '{{' }} x }}", "{{ x }}"),
        # White space around trimming groups goes away.
        ("a \n {{- x -}} \n b", "aVALb"),
        ("a {{- x }} b", "aVAL b"),
        ("a {{ x -}} b", "a VALb"),
        # Substituted text is final.
        ("{{ evil }}", "{{ .env.TOKEN }}"),
        ("{{ .vars.nested }}{{ x }}", "{{ x }}VAL"),
        # HTML is left alone.
        ("{{ '<&>' }}!", "<&>!"),
    ],
)
def test_render_text_forms_give_the_expected_text(text, expected):
    assert render(text, SCOPE) == expected


@pytest.mark.parametrize(
    ("backslashes", "expected"),
    [
        (0, "VAL"),
        (1, "{{ x }}"),
        (2, "{{ x }}"),
        (3, "\\{{ x }}"),
        (4, "\\\\VAL"),
        (5, "\\\\{{ x }}"),
        (6, "\\\\\\VAL"),
    ],
)
@pytest.mark.parametrize("scope", [SCOPE, Scope(saved={"x": "VAL"})], ids=["vars", "no vars"])
def test_render_backslashes_make_braces_literal(backslashes, expected, scope):
    text = "<" + "\\" * backslashes + "{{ x }}>"
    assert render(text, scope) == f"<{expected}>"


def test_render_escaped_group_content_may_be_anything_without_a_closing_brace():
    assert render(r"\{{ if not a template! }} {{ x }}", SCOPE) == "{{ if not a template! }} VAL"
    assert render(r"\{{{ x }}}", SCOPE) == "{{{ x }}}"


def test_render_backslashes_before_a_group_with_a_closing_brace_stay():
    assert render(r"\{{ '}' }}", SCOPE) == r"\}"


def test_render_backslashes_elsewhere_stay():
    assert render(r"C:\dir\{{ x }}\\ \n", SCOPE) == r"C:\dir{{ x }}\\ \n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ .vars.count }}", 3),
        ("{{ .vars.ratio }}", 1.5),
        ("{{ .vars.yes }}", True),
        ("{{ .vars.nothing }}", None),
        ("{{ .vars.list }}", ["x", 1]),
        ("{{ .vars.map }}", {"k": "v"}),
        ("{{- id -}}", 9007199254740993),
        ("\n{{- id -}}\n", 9007199254740993),
        ("{{ .vars.list | length }}", 2),
        ("{{ nope | default 5 }}", 5),
        ("{{ .run }}", {"id": "01jd", "suite": "S"}),
    ],
)
def test_render_single_group_keeps_the_type(text, expected):
    found = render(text, SCOPE)
    assert found == expected
    assert type(found) is type(expected)


def test_render_text_of_single_group_is_text():
    assert render_text("{{ id }}", SCOPE) == "9007199254740993"


def test_render_deep_fills_in_values_and_keys():
    value: Json = {
        "a-{{ .vars.count }}": ["{{ id }}", {"b": "<{{ x }}>"}],
        "{{ id }}": None,
        "n": 1,
    }
    assert render(value, SCOPE) == {
        "a-3": [9007199254740993, {"b": "<VAL>"}],
        "9007199254740993": None,
        "n": 1,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{{ nope | default "d" }}', "d"),
        ("{{ .vars.nope | default .vars.k }}", "K"),
        ('{{ .env.NOPE | default "" }}', ""),
        ('{{ user.address.city | default "d" }}', "d"),
        ('{{ user.items[4].id | default "d" }}', "d"),
        ('{{ x.y | default "d" }}', "d"),
        ('{{ .vars.nothing | default "d" }}', "d"),
        ('{{ user.none | default "d" }}', "d"),
        ('{{ .env.EMPTY | default "d" }}', ""),
        ('{{ x | default "d" }}', "VAL"),
        ('{{ nope | upper | default "d" }}', "d"),
        ('{{ nope | default "d" | upper }}', "D"),
        ("{{ x | default .nope }}", "VAL"),
        ('{{ nope | default .nope2 | default "d" }}', "d"),
        ('{{ x | hmac_sha256 .env.NOPE | default "d" }}', "d"),
    ],
)
def test_render_default_replaces_missing_and_null(text, expected):
    assert render(text, SCOPE) == expected


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("{{ X1 }}", 'there is no saved value "X1"', "saved so far: end, env, evil, id, order"),
        ("{{ usr }}", 'there is no saved value "usr"', "did you mean user?"),
        ("{{ .nope.deep }}", 'there is no saved value ".nope.deep"', "saved so far:"),
        ("{{ k }}", 'there is no saved value "k"', "did you mean .vars.k?"),
        ("{{ .vars.x }}", 'there is no variable ".vars.x"', "did you mean .x?"),
        ("{{ .vars.cuont }}", 'there is no variable ".vars.cuont"', "did you mean .vars.count?"),
        ("{{ .env.NOPE }}", 'no environment variable ".env.NOPE"', "set NOPE in the environment"),
        ("{{ .run.nr }}", 'there is no run field ".run.nr"', "defined: .run.id, .run.suite"),
        ("{{ .vars.a.c }}", 'there is no key "c" in the mapping', "keys: b"),
        ("{{ user.items[3] }}", "there is no index 3 in the list of 1", "default"),
        ("{{ x.y }}", 'there is no key "y" in a text', "default"),
        ("{{ user.none.y }}", 'there is no key "y" in null', "default"),
        ("{{ x | default .nope | json }}{{ nope }}", '"nope"', "saved so far"),
        ("{{ nope | upper }}", 'there is no saved value "nope"', "saved so far"),
    ],
)
def test_render_missing_name_is_an_error_with_near_matches(text, message, hint):
    with pytest.raises(TemplateError) as caught:
        render(text, SCOPE, "url")
    assert caught.value.message.startswith("url: ")
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_render_missing_name_lists_only_so_many_names():
    scope = Scope(saved={f"name{i:03}": i for i in range(30)})
    with pytest.raises(TemplateError) as caught:
        render("{{ zzz }}", scope)
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("name019 and 10 more")


def test_render_error_never_shows_a_value():
    with pytest.raises(TemplateError) as caught:
        render("{{ .env.TOKEN.x }}", SCOPE)
    assert "s3cret" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"headers": {"X": ["{{ nope }}"]}}, "config.headers.X[0]: "),
        ({"{{ nope }}": 1}, "config: "),
        ({"a": "{{ }}"}, "config.a: "),
    ],
)
def test_render_error_names_the_field(value, where):
    with pytest.raises(TemplateError) as caught:
        render(value, SCOPE, "config")
    assert caught.value.message.startswith(where)


def test_render_malformed_template_keeps_its_offset():
    with pytest.raises(TemplateSyntaxError) as caught:
        render("ab {{", SCOPE, "url")
    assert caught.value.offset == 3


def test_render_failing_function_is_an_error_that_names_it():
    with pytest.raises(TemplateError, match=r'^body: "length" failed: a number has no length$'):
        render("{{ id | length }}", SCOPE, "body")


def test_render_saved_value_wins_over_generator_of_its_name():
    assert render("{{ uuid }}", Scope(saved={"uuid": "mine"})) == "mine"
    assert render("{{ uuid }}", Scope()) != render("{{ uuid }}", Scope())


def test_render_saved_name_cannot_shadow_a_namespace():
    assert render("{{ .env.TOKEN }}", SCOPE) == "s3cret"


def test_render_leaves_its_input_alone():
    value: dict[str, Any] = {"a": ["{{ x }}"]}
    render(value, SCOPE)
    assert value == {"a": ["{{ x }}"]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3)
    ),
    max_leaves=8,
)
template_pieces = st.sampled_from(
    [
        "{{ x }}",
        "{{ y | json }}",
        "{{",
        "}}",
        "\\",
        "{{ .env.E }}",
        "{{ .vars.a[0] }}",
        " text ",
        "{",
    ]
    + [
        "{{ y | base64 }}",
        "{{ y | urlencode }}",
        "{{ x | upper | default 1 }}",
        "{{- y | sha256 -}}",
    ]
    + [
        "{{ y | base64decode }}",
        "{{ y | hmac_sha256 .x }}",
        "{{ random_int .x .y }}",
        "{{ now .x }}",
    ]
)


@given(st.lists(template_pieces, max_size=8).map("".join), json_values, json_values)
def test_render_is_total(text, x, y):
    scope = Scope(saved={"x": x, "y": y}, env={"E": "e"}, vars={"a": [y]})
    message = "field"
    try:
        render({"key": [text], text: 1}, scope, "field")
    except TemplateError as error:
        message = error.message
    assert message.startswith("field")


@given(st.text())
def test_render_never_evaluates_substituted_text(text):
    scope = Scope(saved={"x": text, "y": "Y"})
    assert render("{{ x }}", scope) == text
    assert render("<{{ x }}>{{ y }}", scope) == f"<{text}>Y"


@given(json_values)
def test_render_single_reference_is_the_value_itself(value):
    scope = Scope(saved={"x": value})
    assert json.dumps(render("{{ x }}", scope)) == json.dumps(value)
    assert render_text("{{ x }}", scope) == to_text(value)
