from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rocketship.plugins.registry import Registry
from rocketship.suite.load import load_suite
from rocketship.suite.problem import Problems
from rocketship.suite.schema import json_schema
from rocketship.suite.source import load
from rocketship.values import Json
from tests.suite.echo import CATALOG, load_text, suite_of_step
from tests.suite.test_load import EVERYTHING, HELLO, SMALLEST


@cache
def validator() -> Any:
    return jsonschema.Draft7Validator(json_schema(CATALOG))


def accepts(text: str) -> bool:
    """Return whether an editor finds nothing wrong with a suite."""
    root = load(text.encode(), "f", Problems())
    return root is not None and bool(validator().is_valid(root.value))


DEFAULTS = "defaults: {echo: {text: hi, nested: {a: x}}}\n"

GOOD = {
    "everything": EVERYTHING,
    "smallest": SMALLEST,
    "nulls": SMALLEST + "vars:\ntags:\ninit:\ncleanup:\ndefaults:\ntimeout:\n",
    "free keys": SMALLEST + "x-a: {b: 1}\n",
    "templates": suite_of_step(
        "config: {text: '{{ a | default 1 }}', timeout: '{{ .vars.t }}', level: '{{ .vars.l }}'}\n"
        "timeout: '{{ .vars.t }}'\nretry: {maximum_attempts: '{{ .vars.n }}', jitter: 0.5}\n"
        "continue_on_failure: '{{ .vars.c }}'"
    ),
    "unquoted choice": suite_of_step("config: {text: x, level: 1}"),
    "text choice": suite_of_step("config: {text: x, level: loud}"),
    "no config needed": "name: s\ntests: [{name: t, steps: [{name: a, plugin: silent}]}]",
    "null config": "name: s\ntests: [{name: t, steps: [{name: a, plugin: silent, config: }]}]",
    "empty entries": SMALLEST.replace("silent", "silent, assertions: [], save: []"),
    "skip": SMALLEST.replace("name: t", "name: t, skip: true"),
    "reason": SMALLEST.replace("name: t", "name: t, skip: because"),
    "exists": suite_of_step(HELLO + "assertions: [{type: value, exists: true, expected: null}]"),
    "operator": suite_of_step(HELLO + "assertions: [{type: value, operator: is_null}]"),
    "null operator": suite_of_step(HELLO + "assertions: [{type: value, operator: , expected: 1}]"),
    "save with null": suite_of_step(HELLO + "save: [{json_path: .a, text: , as: b}]"),
    "from defaults": suite_of_step("config: {nested: {b: y}}", DEFAULTS),
    "default taken away": suite_of_step(
        "config: {nested: {b: y}, headers: {a: }}",
        DEFAULTS.replace("text", "headers: {A: x}, text"),
    ),
    "all from defaults": suite_of_step("retry: {}", DEFAULTS.replace(", nested: {a: x}", "")),
}

BAD = {
    "nothing": "",
    "list": "[]",
    "no tests": "name: s",
    "no name": "tests: [{name: t, steps: [{name: a, plugin: silent}]}]",
    "no test": "name: s\ntests: []",
    "null tests": "name: s\ntests:",
    "no steps": "name: s\ntests: [{name: t, steps: []}]",
    "unnamed step": SMALLEST.replace("name: x, ", ""),
    "empty test name": SMALLEST.replace("name: t", "name: ''"),
    "no plugin": SMALLEST.replace(", plugin: silent", ""),
    "unknown plugin": SMALLEST.replace("silent", "loud"),
    "template plugin": SMALLEST.replace("silent", "'{{ p }}'"),
    "unknown root key": SMALLEST + "tagz: []",
    "unknown step key": SMALLEST.replace("silent", "silent, asserts: []"),
    "tags text": SMALLEST + "tags: smoke",
    "tag template": SMALLEST + "tags: ['{{ x }}']",
    "vars list": SMALLEST + "vars: []",
    "vars template": SMALLEST + "vars: '{{ x }}'",
    "concurrency": SMALLEST + "concurrency: 0",
    "openapi": SMALLEST + "openapi: {version: a}",
    "cleanup": SMALLEST + "cleanup: {finally: []}",
    "defaults": SMALLEST + "defaults: {nope: {}}",
    "defaults list": SMALLEST + "defaults: []",
    "missing config": suite_of_step("retry: {}"),
    "null config": suite_of_step("config: "),
    "missing key": suite_of_step("config: {}"),
    "unknown config key": suite_of_step("config: {text: x, txt: y}"),
    "number for text": suite_of_step("config: {text: 5}"),
    "choice": suite_of_step("config: {text: x, level: 2}"),
    "exclusive": suite_of_step("config: {text: x, body: a, body_file: b}"),
    "nested": suite_of_step("config: {text: x, nested: {a: x}}"),
    "entries": SMALLEST.replace("silent", "silent, save: [{as: a}]"),
    "assertion type": suite_of_step(HELLO + "assertions: [{type: nope, expected: 1}]"),
    "no type": suite_of_step(HELLO + "assertions: [{expected: 1}]"),
    "no expected": suite_of_step(HELLO + "assertions: [{type: value}]"),
    "no path": suite_of_step(HELLO + "assertions: [{type: json_path, expected: 1}]"),
    "bad operator": suite_of_step(HELLO + "assertions: [{type: value, operator: x, expected: 1}]"),
    "two operators": suite_of_step(
        HELLO + "assertions: [{type: value, operator: exists, exists: true}]"
    ),
    "text exists": suite_of_step(HELLO + "assertions: [{type: value, exists: yes, expected: 1}]"),
    "no source": suite_of_step(HELLO + "save: [{as: a}]"),
    "two sources": suite_of_step(HELLO + "save: [{json_path: .a, text: true, as: a}]"),
    "no as": suite_of_step(HELLO + "save: [{json_path: .a}]"),
    "reserved": suite_of_step(HELLO + "save: [{json_path: .a, as: env}]"),
    "reserved part": suite_of_step(HELLO + "save: [{json_path: .a, as: run.x}]"),
    "attempts": suite_of_step(HELLO + "retry: {maximum_attempts: 0}"),
    "retry key": suite_of_step(HELLO + "retry: {attempts: 1}"),
    "replay": suite_of_step(HELLO + "replay: maybe"),
    "in defaults": suite_of_step("config: {level: 2}", DEFAULTS),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_schema_and_validator_accept_good_suites(text: str, tmp_path: Path) -> None:
    assert load_text(text, tmp_path).suite is not None
    assert accepts(text)


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_schema_and_validator_refuse_bad_suites(text: str, tmp_path: Path) -> None:
    assert load_text(text, tmp_path).suite is None
    assert not accepts(text)


def test_schema_of_all_installed_plugins_is_valid_and_describes_everything() -> None:
    schema = json_schema(Registry())
    jsonschema.Draft7Validator.check_schema(schema)
    assert _undescribed(schema["definitions"]) == []


def _undescribed(schema: Json, path: str = "") -> list[str]:
    """Return the keys of the language that an editor could not explain."""
    missing: list[str] = []
    if isinstance(schema, list):
        for item in schema:
            missing += _undescribed(item, path)
    elif isinstance(schema, dict):
        closed = schema.get("additionalProperties") is False
        properties = schema.get("properties")
        for name, item in properties.items() if closed and isinstance(properties, dict) else ():
            assert isinstance(item, dict)
            if not (item.get("description") or "$ref" in item):
                missing.append(f"{path}/{name}")
        for key, item in schema.items():
            missing += _undescribed(item, f"{path}/{key}")
    return missing


def test_schema_accepts_what_the_validator_accepts_of_real_plugins(tmp_path: Path) -> None:
    text = """\
name: s
tests:
  - name: t
    steps:
      - name: a
        plugin: http
        config: {method: POST, url: "http://x", json: {a: [1]}, headers: {A: 1}}
        assertions: [{type: status_code, expected: 200}, {type: header, name: A, expected: x}]
        save: [{header: A, as: a}]
      - {name: b, plugin: delay, config: {duration: 1s}}
      - {name: c, plugin: log, config: {message: "{{ a }}"}}
      - {name: d, plugin: script, config: {language: javascript, script: "1"}}
"""
    (tmp_path / "s.yaml").write_text(text)
    loaded = load_suite(Path("s.yaml"), Registry(), cwd=tmp_path)
    assert loaded.report() == ""
    root = load(loaded.source, "f", Problems())
    assert root is not None
    jsonschema.Draft7Validator(json_schema(Registry())).validate(root.value)
