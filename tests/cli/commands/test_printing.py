"""Commands that print something about Rocketship itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rocketship import __version__
from tests.fixtures.cli import run_cli


def call(tmp_path: Path, *arguments: str) -> tuple[int, str, str]:
    ended = run_cli(arguments, cwd=tmp_path, home=tmp_path / "home")
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("arguments", [["version"], ["--version"]])
def test_version_is_one_line(tmp_path: Path, arguments: list[str]):
    assert call(tmp_path, *arguments) == (0, f"rocketship {__version__}\n", "")


def test_schema_is_json_that_knows_the_plugins(tmp_path: Path):
    code, out, err = call(tmp_path, "schema")
    schema = json.loads(out)
    assert (code, err) == (0, "")
    assert schema["$schema"].startswith("http")
    assert {"name", "tests", "vars"} <= schema["definitions"]["suite"]["properties"].keys()
    assert "http" in out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(tmp_path: Path, shell: str):
    code, out, err = call(tmp_path, "completion", shell)
    assert (code, err) == (0, "")
    assert "_ROCKETSHIP_COMPLETE" in out
    assert f"complete_{shell}" in out


def test_completion_for_an_unknown_shell_is_a_usage_error(tmp_path: Path):
    said = 'error: there is no completion for "csh"\nhint: use bash, zsh, fish\n'
    assert call(tmp_path, "completion", "csh") == (2, "", said)
