from __future__ import annotations

from pathlib import Path

import pytest

from rocketship.suite.language.positions import Positions
from rocketship.suite.variables import VariableInputs
from rocketship.values import Location
from tests.suite.echo import complaints, load_text, suite_of_step

SCOPES = """\
name: s
init:
  - {name: a, plugin: echo, config: {text: x}, save: [{text: true, as: token}]}
tests:
  - name: t
    init:
      - {name: b, plugin: silent}
      - {name: c, plugin: echo, config: {text: "{{ token }}"}, save: [{text: true, as: own.id}]}
    steps:
      - {name: d, plugin: echo, config: {text: "{{ own.id }} {{ echoed }} {{ token }}"}}
    cleanup:
      always: [{name: e, plugin: echo, config: {text: "{{ own.id }}"}}]
  - name: u
    steps:
      - {name: f, plugin: echo, config: {text: "{{ token }}"}}
      - {name: g, plugin: echo, config: {text: "{{ own.id }}"}}
cleanup:
  always:
    - {name: h, plugin: echo, config: {text: "{{ token }}"}}
    - {name: i, plugin: echo, config: {text: "{{ own }}"}}
"""


def test_saved_names_are_seen_where_steps_can_see_them(tmp_path: Path) -> None:
    assert complaints(load_text(SCOPES, tmp_path)) == [
        '16:52 error nothing saves "own" before this',
        '20:50 error nothing saves "own" before this',
    ]


@pytest.mark.parametrize(
    ("template", "message", "hint"),
    [
        ("{{ nam }}", 'nothing saves "nam" before this', 'did you mean "name"?'),
        ("{{ base }}", 'nothing saves "base" before this', 'did you mean ".vars.base"?'),
        ("{{ xyz }}", 'nothing saves "xyz" before this', "saved before this: echoed, name"),
        ("{{ .run.idd }}", 'the run has no "idd"', 'did you mean "id"?'),
        ("{{ .run.zzz }}", 'the run has no "zzz"', "it has: id, suite, test, started_at"),
        ("{{ .vars.bass }}", 'there is no variable ".vars.bass"', 'did you mean "base"?'),
        ("{{ .vars.deep.x }}", 'there is no variable ".vars.deep.x"',
         "add it to the suite's vars, or pass --var deep.x=…"),
        ("{{ .vars.deep.inr }}", 'there is no variable ".vars.deep.inr"',
         'did you mean "deep.inner"?'),
        ("{{ .vars.list[2] }}", 'there is no variable ".vars.list.2"', None),
        ("{{ name | nope }}", 'unknown filter "nope"', None),
        ("{{ name", '"{{" is never closed by "}}"', None),
    ],
)  # fmt: skip
def test_unknown_name_is_an_error_with_a_suggestion(
    template: str, message: str, hint: str | None, tmp_path: Path
) -> None:
    text = f"""\
name: s
vars: {{base: x, deep: {{inner: 1}}, list: [1, 2]}}
tests:
  - name: t
    steps:
      - {{name: a, plugin: echo, config: {{text: a}}, save: [{{text: true, as: name}}]}}
      - {{name: b, plugin: echo, config: {{text: '{template}'}}}}
"""
    loaded = load_text(text, tmp_path, VariableInputs())
    (problem,) = loaded.problems
    assert (problem.message, problem.location.line) == (message, 7)
    assert problem.severity.value == "error"
    if hint is not None:
        assert problem.hint == hint


@pytest.mark.parametrize(
    "template",
    [
        "{{ .vars.base }} {{ .vars.deep.a }} {{ .vars.list[-1] }} {{ .vars.a.b }} {{ .vars }}",
        "{{ nope | default 1 }} {{ .vars.nope | default .vars.base }}",
        "{{ .run.id }} {{ .run.suite }} {{ .run.test }} {{ .run.started_at }} {{ .run }}",
        "{{ .env.ANY }} {{ uuid }} {{ now }}",
        r"\{{ nope }} \\{{ nope }}",
    ],
)
def test_known_names_are_fine(template: str, tmp_path: Path) -> None:
    head = "vars: {base: x, deep: {a: 1}, list: [1, 2], a.b: 1}\n"
    loaded = load_text(suite_of_step(f"config: {{text: '{template}'}}", head), tmp_path)
    assert complaints(loaded) == []


def test_missing_variable_is_a_warning_until_variables_are_complete(tmp_path: Path) -> None:
    text = suite_of_step('config: {text: "{{ .vars.host.name }}"}')
    (warning,) = load_text(text, tmp_path).problems
    (error,) = load_text(text, tmp_path, VariableInputs()).problems
    assert (warning.severity.value, error.severity.value) == ("warning", "error")
    assert warning.hint == "add it to the suite's vars, or pass --var host=…"
    inputs = VariableInputs(over={"host": {"name": "x"}})
    assert load_text(text, tmp_path, inputs).problems == ()


def test_step_that_saves_any_name_ends_complaints_behind_it(tmp_path: Path) -> None:
    text = """\
name: s
tests:
  - name: t
    steps:
      - {name: a, plugin: echo, config: {text: "{{ x }}"}}
      - {name: b, plugin: echo, config: {text: anything}}
      - {name: c, plugin: echo, config: {text: "{{ x }}"}}
  - name: u
    steps: [{name: d, plugin: echo, config: {text: "{{ x }}"}}]
"""
    assert [c[:5] for c in complaints(load_text(text, tmp_path))] == ["5:52 ", "9:56 "]


def test_templates_are_checked_in_keys_names_assertions_saves_and_limits(tmp_path: Path) -> None:
    text = """\
name: "{{ a }}"
timeout: "{{ b }}"
openapi: {spec: "http://x/{{ any }}"}
tests:
  - name: "{{ c }}"
    skip: "{{ d }}"
    steps:
      - name: "{{ e }}"
        plugin: echo
        config: {text: x, headers: {"{{ f }}": x}}
        assertions: [{type: value, expected: {x: ["{{ g }}"]}}]
        save: [{json_path: ".{{ h }}", as: i}]
        retry: {maximum_attempts: "{{ j }}"}
        timeout: "{{ k }}s"
        if: '"{{ l }}" == ""'
        x-free: "{{ m }}"
"""
    names = [c.split('"')[1] for c in complaints(load_text(text, tmp_path))]
    assert names == ["a", "b", "c", "d", "e", "f", "g", "h", "j", "k", "l"]


def test_templates_in_variables_are_warned_of(tmp_path: Path) -> None:
    head = 'vars: {a: ["{{ .env.X }}"]}\n'
    loaded = load_text(suite_of_step("config: {text: x}", head), tmp_path)
    assert complaints(loaded) == ["2:12 warning templates in vars are not filled in"]
    assert loaded.env_names == ()


def test_env_names_are_exactly_the_mentioned_ones(tmp_path: Path) -> None:
    (tmp_path / "body").write_text("{{ .env.IN_BODY }}")
    (tmp_path / "other").write_text("{{ .env.NOT_A_TEMPLATE }}")
    (tmp_path / "program").write_text("echo {{ .env.IN_PROGRAM }}")
    (tmp_path / "binary").write_bytes(b"\xff{{ .env.BINARY }}")
    head = 'defaults: {echo: {headers: {A: "{{ .env.IN_DEFAULTS }}"}}}\n'
    step = """\
config:
  text: '{{ .env.IN_TEXT | default "x" }}'
  body_file: body
  template: true
  program: program
if: .env.IN_IF == "1" and .env["IN_BRACKETS"] != ""\
"""
    text = suite_of_step(step, head)
    text += "      - {name: b, plugin: echo, config: {text: x, body_file: other}}\n"
    text += "      - {name: c, plugin: echo, config: {text: x, program: binary}}\n"
    loaded = load_text(text, tmp_path)
    assert complaints(loaded) == []
    assert loaded.env_names == (
        "IN_BODY", "IN_BRACKETS", "IN_DEFAULTS", "IN_IF", "IN_PROGRAM", "IN_TEXT",
    )  # fmt: skip


def test_mistake_in_a_template_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "p.sh").write_text("echo {{ nope }} {{ .vars.gone }}")
    (tmp_path / "q.sh").write_text("echo {{ x | y }}")
    step = "config: {text: x, program: p.sh}"
    assert complaints(load_text(suite_of_step(step), tmp_path)) == [
        '7:36 error p.sh: nothing saves "nope" before this',
        '7:36 warning p.sh: there is no variable ".vars.gone"',
    ]
    step = "config: {text: x, program: q.sh}"
    assert complaints(load_text(suite_of_step(step), tmp_path)) == [
        '7:36 error q.sh: unknown filter "y"'
    ]


@pytest.mark.parametrize(
    ("source", "start", "text", "name", "expected"),
    [
        ("a: {{ x }}", (1, 4), "{{ x }}", "x", (1, 7)),
        ('a: "é {{ x }}{{ y }}"', (1, 4), "é {{ x }}{{ y }}", "y", (1, 17)),
        ("a: |\n  one\n  {{ x }} {{ y }}\n", (1, 4), "one\n{{ x }} {{ y }}\n", "y", (3, 14)),
        ("a: >\n  {{ x\n  }}\n", (1, 4), "{{ x }}\n", "x", (2, 6)),
        (r'a: "\u007b\u007b x }}"', (1, 4), "{{ x }}", "x", (1, 4)),
        ("a: 1", (9, 1), "{{ x }}", "x", (9, 1)),
    ],
)
def test_positions_are_those_of_the_reference_in_the_file(
    source: str, start: tuple[int, int], text: str, name: str, expected: tuple[int, int]
) -> None:
    place = Positions(source).place(Location("f", *start), text, text.index(name))
    assert (place.line, place.column) == expected
