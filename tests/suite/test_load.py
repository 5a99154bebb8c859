from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rocketship.errors import NotFound, PluginError
from rocketship.plugins.api import Plugin
from rocketship.suite.load import load_source, load_suite
from rocketship.suite.model import Assertion, Cleanup, Save, Step, Suite, Test
from rocketship.suite.variables import VariableInputs
from rocketship.values import Json, Location
from tests.suite.echo import CATALOG, complaints, load_text, suite_of_step

EVERYTHING = """\
name: s
description: d
version: v1
vars: {a: 1}
tags: [all]
timeout: 1h
cleanup_timeout: 5m
concurrency: 3
defaults:
  echo: {text: hello, headers: {A: "1", B: "2"}}
init:
  - {name: i, plugin: silent}
tests:
  - name: "Buy: a Thing!"
    description: td
    tags: [smoke]
    timeout: 1m
    skip: not yet
    init: [{name: ti, plugin: silent, config: {}}]
    steps:
      - name: say
        plugin: echo
        config: {headers: {B: "3"}, level: 1}
        assertions:
          - {type: value, expected: null}
          - {type: json_path, path: .x, operator: less, expected: 5, soft: true}
          - {type: json_path, path: .x, exists: false, x-note: why}
        save:
          - {json_path: .id, as: id}
          - {text: true, as: words, required: false, redact: true}
        retry: {maximum_attempts: 2}
        timeout: 2s
        if: .vars.a == 1
        continue_on_failure: true
        replay: safe
    cleanup:
      on_failure: [{name: f, plugin: silent}]
      always: [{name: a, plugin: silent}]
  - {name: buy a thing, steps: [{name: x, plugin: silent}]}
  - {name: "漢字", steps: [{name: x, plugin: silent}]}
  - {name: "!!!", steps: [{name: x, plugin: silent}]}
  - {name: "???", steps: [{name: x, plugin: silent}]}
cleanup: {always: [{name: c, plugin: silent}]}
x-anything: [1]
"""


def at(line: int, column: int) -> Location:
    return Location("suite.yaml", line, column)


def silent(name: str, line: int, column: int) -> Step:
    return Step(name=name, plugin="silent", config={}, location=at(line, column))


def test_load_everything_gives_the_whole_model(tmp_path: Path) -> None:
    loaded = load_text(EVERYTHING, tmp_path)
    assert complaints(loaded) == []
    say = Step(
        name="say",
        plugin="echo",
        config={"text": "hello", "headers": {"A": "1", "B": "3"}, "level": 1},
        location=at(21, 9),
        assertions=(
            Assertion("value", "equals", None, {}, False, at(25, 13)),
            Assertion("json_path", "less", 5, {"path": ".x"}, True, at(26, 13)),
            Assertion("json_path", "not_exists", None, {"path": ".x"}, False, at(27, 13)),
        ),
        saves=(
            Save("id", "json_path", ".id", True, False, at(29, 13)),
            Save("words", "text", True, False, True, at(30, 13)),
        ),
        retry={"maximum_attempts": 2},
        timeout="2s",
        condition=".vars.a == 1",
        continue_on_failure=True,
        replay="safe",
    )
    first = Test(
        id="buy-a-thing",
        name="Buy: a Thing!",
        location=at(14, 5),
        steps=(say,),
        init=(silent("ti", 19, 12),),
        cleanup=Cleanup((silent("f", 37, 20),), (silent("a", 38, 16),)),
        description="td",
        tags=("smoke",),
        timeout="1m",
        skip="not yet",
    )
    suite = loaded.suite
    assert suite is not None
    assert suite.tests[0] == first
    assert [test.id for test in suite.tests[1:]] == ["buy-a-thing-2", "漢字", "test", "test-2"]
    assert suite == Suite(
        name="s",
        location=at(1, 1),
        tests=suite.tests,
        init=(silent("i", 12, 5),),
        cleanup=Cleanup(always=(silent("c", 43, 20),)),
        description="d",
        vars={"a": 1},
        tags=("all",),
        timeout="1h",
        cleanup_timeout="5m",
        concurrency=3,
    )


SMALLEST = "name: s\ntests:\n  - {name: t, steps: [{name: x, plugin: silent}]}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1 error there is nothing in the file"]),
        ("- a", ["1:1 error expected a mapping, found a list"]),
        ("name:x", ['1:1 error expected a mapping, found the text "name:x"']),
        ("name: s", ['1:1 error "tests" is missing']),
        ("name: s\ntests:", ["2:7 error expected a list, found nothing"]),
        ("name: s\ntests: []", ["2:8 error needs at least 1 entry"]),
        ("name: s\ntests: '{{ x }}'", ["2:8 error templates cannot be used here"]),
        ("name: s\ntests: [{steps: [{name: x, plugin: silent}]}]", ['2:9 error "name" is missing']),
        ("name: s\ntests: [{name: t}]", ['2:9 error "steps" is missing']),
        ("name: s\ntests: [{name: t, steps: []}]", ["2:26 error needs at least 1 entry"]),
        ("name: s\ntests: [{name: t, steps: [x]}]",
         ['2:27 error expected a mapping, found the text "x"']),
        ("name: s\ntests: [{name: t, steps: [{plugin: silent}]}]",
         ['2:27 error "name" is missing']),
        ("name: s\ntests: [{name: t, steps: [{name: x, config: {a: 1}, assertions: [{type: 5}]}]}]",
         ['2:27 error "plugin" is missing']),
        (SMALLEST + "tagz: [a]", ['4:1 error unknown key "tagz"']),
        (SMALLEST + "tags: [1]", ["4:8 error expected text, found the number 1"]),
        (SMALLEST + "vars: '{{ x }}'", ["4:7 error templates cannot be used here"]),
        (SMALLEST + "cleanup: {finally: []}", ['4:11 error unknown key "finally"']),
        (SMALLEST + "openapi: {validate_request: true}", ['4:10 error "spec" is missing']),
        (SMALLEST + "concurrency: 0", ["4:14 error must be at least 1, found 0"]),
        (SMALLEST + "defaults: {ecko: {}}", ['4:12 error unknown plugin "ecko"']),
        (SMALLEST + "defaults: {silent: 1}", ["4:20 error expected a mapping, found the number 1"]),
        (SMALLEST + "defaults: []", ["4:11 error expected a mapping, found a list"]),
        (SMALLEST + "defaults: {echo: {}, x-a: 1}",
         ['4:12 warning no step uses the plugin "echo"']),
        (SMALLEST.replace("silent", "silnt"), ['3:41 error unknown plugin "silnt"']),
        (SMALLEST.replace("silent", "'{{ p }}'"), ["3:41 error templates cannot be used here"]),
    ],
)  # fmt: skip
def test_load_structural_mistake_gives_one_problem(
    text: str, expected: list[str], tmp_path: Path
) -> None:
    assert complaints(load_text(text, tmp_path)) == expected


HELLO = "config: {text: x}\n"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("", ['5:9 error "text" is missing']),
        ("config: 5", ["7:17 error expected a mapping, found the number 5"]),
        ("config: {text: forbidden}", ["7:24 error must not be said"]),
        ("config: {text: x, timeout: 5}", ["7:36 error expected a duration, found the number 5"]),
        (HELLO + "assertions: [{expected: 1}]", ['8:22 error "type" is missing']),
        (HELLO + "assertions: [x]", ['8:22 error expected a mapping, found the text "x"']),
        (HELLO + "assertions: [{type: '{{ x }}'}]", ["8:29 error templates cannot be used here"]),
        (HELLO + "assertions: [{type: status_code, expected: 1}]",
         ['8:29 error the plugin "echo" has no assertion "status_code"']),
        (HELLO + "assertions: [{type: value}]", ['8:22 error "expected" is missing']),
        (HELLO + "assertions: [{type: value, expectd: 1}]", ['8:36 error unknown key "expectd"']),
        (HELLO + "assertions: [{type: json_path, expected: 1}]", ['8:22 error "path" is missing']),
        (HELLO + "assertions: [{type: value, operator: equal, expected: 1}]",
         ["8:46 error expected one of equals"]),
        (HELLO + "assertions: [{type: value, operator: not_null}]", []),
        (HELLO + "assertions: [{type: value, operator: not_null, expected: 1}]",
         ['8:66 warning "not_null" does not look at "expected"']),
        (HELLO + "assertions: [{type: value, exists: true, expected: null}]", []),
        (HELLO + "assertions: [{type: value, exists: true, expected: 5}]",
         ['8:60 warning "exists" does not look at "expected"']),
        (HELLO + "assertions: [{type: value, exists: yes}]",
         ['8:44 error expected true or false, found the text "yes"']),
        (HELLO + "assertions: [{type: value, exists: true, operator: is_null}]",
         ['8:22 error "exists" and "operator" exclude each other; keep one']),
        (HELLO + "assertions: [{type: value, operator: length, expected: -1}]",
         ["8:64 error expected a whole number from 0, found the number -1"]),
        (HELLO + "assertions: [{type: value, operator: matches, expected: '('}]",
         ["8:65 error not a regular expression"]),
        (HELLO + "save: [{as: a}]", ['8:16 error exactly one of "json_path", "text" is needed']),
        (HELLO + "save: [{json_path: .a}]", ['8:16 error "as" is missing']),
        (HELLO + "save: [{json_path: '.a[', as: a}]", ["8:28 error not a jq program"]),
        (HELLO + "save: [{header: x, as: a}]", ['8:17 error unknown key "header"']),
        (HELLO + "save: [{json_path: .a, as: env}]", ['8:36 error "env" cannot be saved']),
        (HELLO + "save: [{json_path: .a, as: vars.x}]", ['8:36 error "vars.x" cannot be saved']),
        (HELLO + "save: [{json_path: .a, as: a b}]", ['8:36 error "a b" is not a name']),
        (HELLO + "save: [{json_path: .a, as: user-id.x}]", []),
        (HELLO + "save: [{json_path: .a, as: '{{ x }}'}]",
         ["8:36 error templates cannot be used here"]),
        (HELLO + "retry: {initial_interval: 5s, maximum_interval: 1s}",
         ["8:57 error maximum_interval is shorter than initial_interval"]),
        (HELLO + "retry: {initial_interval: x, maximum_interval: '{{ .vars.v }}'}",
         ['8:35 error "x" is not a duration', '8:60 warning there is no variable ".vars.v"']),
        (HELLO + "retry: {non_retryable_errors: [TimeoutErorr]}",
         ['8:40 warning no step fails with "TimeoutErorr"']),
        (HELLO + "retry: {attempts: 3}", ['8:17 error unknown key "attempts"']),
        (HELLO + "if: '.a ='", ["8:13 error not a jq program"]),
        (HELLO + "replay: never", ["8:17 error expected one of safe, once"]),
        (HELLO + "asserts: []", ['8:9 error unknown key "asserts"']),
    ],
)  # fmt: skip
def test_load_mistake_in_a_step_is_reported_where_it_stands(
    step: str, expected: list[str], tmp_path: Path
) -> None:
    found = complaints(load_text(suite_of_step(step), tmp_path))
    assert len(found) == len(expected)
    for complaint, start in zip(sorted(found), sorted(expected), strict=True):
        assert complaint.startswith(start)


def test_load_entries_a_plugin_cannot_have_are_one_problem_each(tmp_path: Path) -> None:
    text = SMALLEST.replace("silent", "silent, assertions: [{type: a}], save: [{as: b}]")
    assert complaints(load_text(text, tmp_path)) == [
        '3:61 error steps with the plugin "silent" cannot have "assertions"',
        '3:80 error steps with the plugin "silent" cannot have "save"',
    ]


def test_load_unknown_keys_when_allowed_are_warnings(tmp_path: Path) -> None:
    loaded = load_text(SMALLEST + "other: 1", tmp_path, allow_unknown_keys=True)
    assert complaints(loaded) == ['4:1 warning unknown key "other"']
    assert loaded.suite is not None


def test_load_problems_of_all_kinds_come_together(tmp_path: Path) -> None:
    text = suite_of_step('config: {text: "{{ nope }}", level: 2, body_file: gone}', "tag: x\n")
    assert complaints(load_text(text + "name: s", tmp_path)) == [
        '2:1 error unknown key "tag"',
        '8:28 error nothing saves "nope" before this',
        "8:45 error expected one of 1, loud, found the number 2",
        "8:59 error gone: there is no such file",
        '9:1 error the key "name" stands in lines 1 and 9',
    ]


def test_load_report_shows_every_problem_in_full(tmp_path: Path) -> None:
    report = load_text(SMALLEST + "tagz: [a]", tmp_path).report()
    assert (
        report
        == """\
suite.yaml:4:1: error: unknown key "tagz"
    4 | tagz: [a]
      | ^
help: did you mean "tags"?"""
    )


def test_load_defaults_complete_a_step_and_null_takes_one_away(tmp_path: Path) -> None:
    head = "defaults: {echo: {text: hi, level: loud, nested: {a: x}}}\n"
    step = "config: {level: null, nested: {b: y}}"
    suite = load_text(suite_of_step(step, head), tmp_path).suite
    assert suite is not None
    assert suite.tests[0].steps[0].config == {
        "text": "hi",
        "level": None,
        "nested": {"a": "x", "b": "y"},
    }


@pytest.mark.parametrize(
    ("defaults", "own", "merged"),
    [
        ("headers: {X-D: a, X-E: b}", "headers: {x-d: c}", {"headers": {"x-d": "c", "X-E": "b"}}),
        ("headers: {X-D: a}", "headers: {x-d: c, x-D: d}", {"headers": {"x-d": "c", "x-D": "d"}}),
        ("headers: {X-D: a, X-E: b}", "headers: {x-d: }", {"headers": {"X-E": "b"}}),
        ("headers: {X-D: a}", "headers: ", {"headers": None}),
        ("body: a", "body_file: suite.yaml", {"body_file": "suite.yaml"}),
        ("body: a", "body_file: ", {"body": "a", "body_file": None}),
        ("nested: {a: x, choice: {one: {a: x, b: y}}}", "nested: {b: y, choice: {two: z}}",
         {"nested": {"a": "x", "b": "y", "choice": {"two": "z"}}}),
        ("nested: {a: x, b: y, choice: {one: {a: x}}}", "nested: {choice: {one: {b: z}}}",
         {"nested": {"a": "x", "b": "y", "choice": {"one": {"a": "x", "b": "z"}}}}),
        ("values: {a: 1, b: {c: 2}}", "values: {a: , b: {d: 3}}",
         {"values": {"a": None, "b": {"c": 2, "d": 3}}}),
        ("x-a: {b: 1}", "x-a: {c: 2}", {"x-a": {"b": 1, "c": 2}}),
    ],
)  # fmt: skip
def test_load_what_a_step_says_takes_the_place_of_defaults(
    defaults: str, own: str, merged: dict[str, Json], tmp_path: Path
) -> None:
    head = f"defaults: {{echo: {{{defaults}}}}}\n"
    loaded = load_text(suite_of_step(f"config: {{text: x, {own}}}", head), tmp_path)
    assert complaints(loaded) == []
    assert loaded.suite is not None
    assert loaded.suite.tests[0].steps[0].config == {"text": "x", **merged}


def test_load_null_without_a_default_to_take_away_is_a_mistake(tmp_path: Path) -> None:
    head = "defaults: {echo: {headers: {A: a}}}\n"
    assert complaints(
        load_text(suite_of_step("config: {text: x, headers: {B: }}", head), tmp_path)
    ) == ["8:40 error expected text, a number or a boolean, found nothing"]


def test_load_mistake_in_defaults_is_reported_once_where_it_stands(tmp_path: Path) -> None:
    head = "defaults: {echo: {text: hi, level: quiet}}\n"
    text = suite_of_step("config: {}", head) + "      - {name: b, plugin: echo, config: {}}\n"
    assert complaints(load_text(text, tmp_path)) == [
        '2:36 error expected one of 1, loud, found the text "quiet"'
    ]


def test_load_plugin_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    class Broken:
        def get(self, name: str) -> Plugin | None:
            raise PluginError(f'the plugin "{name}" is broken', hint="reinstall it")

        def names(self, *, third_party: bool = False) -> tuple[str, ...]:
            return ()

    (tmp_path / "s.yaml").write_text(SMALLEST)
    loaded = load_suite(Path("s.yaml"), Broken(), cwd=tmp_path)
    assert complaints(loaded) == ['3:41 error the plugin "silent" is broken']


@pytest.mark.parametrize("text", ["a: 1", "- a", "", "openapi: 3.1.0\npaths: {}"])
def test_load_other_yaml_in_suite_folder_is_skipped(text: str, tmp_path: Path) -> None:
    folder = tmp_path / ".rocketship" / "deep"
    folder.mkdir(parents=True)
    loaded = load_text(text, folder)
    assert loaded.suite is None
    assert loaded.problems == ()
    assert loaded.skipped is not None
    assert "suite.yaml" in loaded.skipped


def test_load_broken_yaml_in_suite_folder_is_a_problem(tmp_path: Path) -> None:
    folder = tmp_path / ".rocketship"
    folder.mkdir()
    loaded = load_text("a: [", folder)
    assert loaded.skipped is None
    assert len(loaded.problems) == 1


def test_load_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"gone\.yaml"):
        load_suite(Path("gone.yaml"), CATALOG, cwd=tmp_path)


def test_load_source_uses_shipped_files_and_variables(tmp_path: Path) -> None:
    text = suite_of_step('config: {text: "{{ .vars.a }}", body_file: "{{ .vars.b }}.txt"}')
    (tmp_path / "x.txt").write_bytes(b"content")
    inputs = VariableInputs(over={"a": "1", "b": "x"})
    first = load_text(text, tmp_path, inputs)
    assert complaints(first) == []
    assert first.bundle.files == {"x.txt": b"content"}
    again = load_source(
        first.source, "suite.yaml", CATALOG, variables=first.vars, files=first.bundle.files
    )
    assert again == first


def test_load_source_without_a_file_it_needs_is_a_problem() -> None:
    text = suite_of_step("config: {text: x, body_file: a.txt}")
    loaded = load_source(text.encode(), "s.yaml", CATALOG, variables={}, files={})
    assert complaints(loaded) == ["7:38 error a.txt: the file was not sent along with the suite"]


def test_load_source_leaves_unknown_keys_to_whoever_sent_them() -> None:
    loaded = load_source((SMALLEST + "new: 1").encode(), "s", CATALOG, variables={}, files={})
    assert loaded.suite is not None


def test_import_of_load_is_light() -> None:
    heavy = "jq dotenv regex quickjs pycurl jsonschema_rs rich csv subprocess rocketship.plugins"
    code = f"import sys, rocketship.suite.load; print(*set('{heavy}'.split()) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
