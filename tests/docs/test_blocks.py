"""Blocks of YAML, JSON and TOML say what the product understands."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from rocketship.plugins.registry import Registry
from rocketship.suite.load import load_suite
from rocketship.suite.variables import VariableInputs
from tests.fixtures.documents import EXAMPLES, ROOT, Block, blocks, pages

ALL = [block for page in pages() for block in blocks(page)]
YAML = [block for block in ALL if block.language in ("yaml", "yml")]
CHART = json.loads((ROOT / "chart" / "values.schema.json").read_text("utf-8"))
SUITE = json.loads((ROOT / "docs" / "suite.schema.json").read_text("utf-8"))
STEP = {"name": "A step", "plugin": "log", "config": {"message": "Hello"}}


def place(block: Block) -> str:
    return block.place


def documents(text: str) -> list[Any]:
    return [item for item in yaml.safe_load_all(text) if item is not None]


def is_suite(value: Any) -> bool:
    return isinstance(value, dict) and "tests" in value


def is_values(value: Any) -> bool:
    return isinstance(value, dict) and set(value) <= set(CHART["properties"]) and bool(value)


def as_suites(value: Any) -> list[dict[str, Any]]:
    """Return the suites of which a block can be a part; none when it is something else."""
    keys = SUITE["definitions"]["suite"]["properties"]
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        if all("steps" in item for item in value):
            return [with_tests(value)]
        if all("plugin" in item for item in value):
            return [with_tests([{"name": "A test", "steps": value}])]
    if not isinstance(value, dict) or not value:
        return []
    found = []
    if set(value) <= set(keys):
        found.append({**with_tests([{"name": "A test", "steps": [STEP]}]), **value})
    if set(value) <= set(keys["tests"]["allOf"][0]["anyOf"][0]["items"]["properties"]):
        found.append(with_tests([{"name": "A test", "steps": [STEP], **value}]))
    if set(value) <= set(SUITE["definitions"]["step"]["properties"]):
        found += [with_step({"plugin": name, **value}) for name in ("http", "sql", "script", "log")]
    return found


def with_tests(tests: list[Any]) -> dict[str, Any]:
    return {"name": "A suite", "tests": tests}


def with_step(step: dict[str, Any]) -> dict[str, Any]:
    # What a part of a step leaves out may come from the suite's defaults.
    suite = with_tests([{"name": "A test", "steps": [{"name": "A step", **step}]}])
    return {**suite, "defaults": {}}


@pytest.mark.parametrize("block", YAML, ids=place)
def test_yaml_is_valid(block: Block, tmp_path: Path) -> None:
    for value in documents(block.text):
        if is_suite(value):
            assert_suite_is_valid(block, tmp_path)
        elif isinstance(value, dict) and {"apiVersion", "kind", "metadata"} <= set(value):
            assert_object_is_valid(value)
        elif is_values(value):
            jsonschema.validate(value, CHART)
        elif candidates := as_suites(value):
            errors = [list(validator().iter_errors(suite)) for suite in candidates]
            assert [] in errors, errors[0][0].message


def assert_suite_is_valid(block: Block, folder: Path) -> None:
    shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
    if any(other.file == "pyproject.toml" for other in blocks(block.page)):
        return  # its plugin is the page's own, with which tests/docs/test_console.py runs it
    for other in blocks(block.page):
        if other.file:
            path = folder / other.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(other.text, encoding="utf-8")
    path = folder / (block.file or "suite.yaml")
    path.write_text(block.text, encoding="utf-8")

    loaded = load_suite(path, Registry(), variables=VariableInputs(), cwd=folder)

    assert loaded.suite is not None, loaded.report(100)
    assert not loaded.problems, loaded.report(100)


def assert_object_is_valid(value: dict[str, Any]) -> None:
    if "." in value["apiVersion"].partition("/")[0].replace(".k8s.io", ""):
        return  # a kind that Kubernetes itself does not know
    kubernetes_validate.validate(value, "1.30", strict=True)


def validator() -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(SUITE)


def test_json_and_toml_can_be_read() -> None:
    readers = {"json": json.loads, "toml": tomllib.loads}
    for block in ALL:
        if block.language in readers:
            readers[block.language](block.text)


def test_suite_of_the_readme_has_twelve_lines_at_most() -> None:
    suite = next(block for block in YAML if block.page.name == "README.md" and block.file)

    assert len(suite.text.splitlines()) <= 12


def test_marks_stand_above_blocks() -> None:
    """A mark that stands anywhere else is a slip, and what it means would not be done."""
    for page in pages():
        marks = re.findall(r"^ *<!-- (?:run|file|output|hidden)\b", page.read_text("utf-8"), re.M)
        assert len(marks) == sum(bool(block.mark) for block in blocks(page)), page


def test_suites_called_like_an_example_of_the_page_are_the_example() -> None:
    for block in YAML:
        text = block.page.read_text("utf-8")
        for example in EXAMPLES.rglob("*.yaml"):
            if f"/{example.name})" in text and is_copy(block.text, example.read_text("utf-8")):
                assert block.text == example.read_text("utf-8"), block.place


def is_copy(text: str, example: str) -> bool:
    """Return whether a block begins like an example, which it then should be in full."""
    lines = text.splitlines()
    return len(lines) > 5 and lines[:3] == example.splitlines()[:3]
