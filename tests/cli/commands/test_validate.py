from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.fixtures.cli import run_cli

GOOD = """\
name: Good
tests:
  - name: T
    steps:
      - { name: Say, plugin: log, config: { message: hello } }
"""
BAD = GOOD.replace("message", "mesage")
DOUBTFUL = GOOD.replace("hello", "'{{ .vars.x }}'")

Validate = Callable[..., CompletedProcess[str]]


@pytest.fixture
def validate(tmp_path: Path) -> Validate:
    """Writes a good, a bad and a doubtful suite, and returns what runs `rocketship validate`."""
    for name, text in (("good", GOOD), ("bad", BAD), ("doubtful", DOUBTFUL)):
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")

    def call(*arguments: str, **env: str) -> CompletedProcess[str]:
        return run_cli(["validate", *arguments], cwd=tmp_path, home=tmp_path / "home", env=env)

    return call


def test_validate_valid_file_says_so(validate: Validate):
    ended = validate("good.yaml")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "✓ good.yaml: validation passed\n1 file passed\n"


def test_validate_errors_go_to_stderr_and_the_verdict_to_stdout(validate: Validate):
    ended = validate("good.yaml", "bad.yaml")
    assert ended.returncode == 2
    assert (
        ended.stderr
        == """\
bad.yaml:5:45: error: unknown key "mesage"
    5 |       - { name: Say, plugin: log, config: { mesage: hello } }
      |                                             ^
help: did you mean "message"?

"""
    )
    assert (
        ended.stdout
        == """\
✓ good.yaml: validation passed
✗ bad.yaml: validation failed
1 of 2 files failed
"""
    )


def test_validate_warnings_fail_only_when_strict(validate: Validate):
    lenient, strict = validate("doubtful.yaml"), validate("doubtful.yaml", "--strict")
    assert (lenient.returncode, strict.returncode) == (0, 2)
    assert "warning: there is no variable" in lenient.stderr
    assert lenient.stderr == strict.stderr


def test_validate_with_variables_knows_that_others_do_not_exist(validate: Validate):
    assert validate("doubtful.yaml", "--var", "x=1", "--strict").returncode == 0
    ended = validate("doubtful.yaml", "--var", "y=1")
    assert ended.returncode == 2
    assert "error: there is no variable" in ended.stderr


def test_validate_json_has_every_problem_with_its_place(validate: Validate):
    ended = validate("bad.yaml", "good.yaml", "--format", "json")
    document = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr, document["valid"]) == (2, "", False)
    bad, good = document["files"]
    assert (bad["file"], bad["valid"], good["valid"]) == ("bad.yaml", False, True)
    assert bad["problems"] == [
        {
            "severity": "error",
            "file": "bad.yaml",
            "line": 5,
            "column": 45,
            "message": 'unknown key "mesage"',
            "help": 'did you mean "message"?',
        }
    ]


@pytest.mark.parametrize("columns", ["80", "120"])
def test_validate_excerpts_fit_the_terminal(validate: Validate, tmp_path: Path, columns: str):
    long = BAD.replace("{ name: Say", f"{{ name: {'Say ' * 40}")
    (tmp_path / "long.yaml").write_text(long, "utf-8")
    lines = validate("long.yaml", COLUMNS=columns).stderr.splitlines()
    text, caret = lines[1:3]
    assert len(text) < int(columns)
    assert text[caret.index("^") :].startswith("mesage")


def test_validate_missing_file_or_unknown_format_is_a_usage_error(validate: Validate):
    assert validate("nowhere.yaml").returncode == 2
    ended = validate("good.yaml", "--format", "xml")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == 'error: there is no format "xml"\nhint: use text or json\n'
