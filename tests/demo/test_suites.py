"""The bundled example suites, as `rocketship demo` runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketship.demo import SUITES
from tests.fixtures.cli import run_cli

FILES = sorted(SUITES.glob("*.yaml"))


def test_suites_are_valid_without_any_option(tmp_path: Path) -> None:
    arguments = ["validate", "--strict", *map(str, FILES)]
    done = run_cli(arguments, cwd=tmp_path, home=tmp_path / "home")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert f"All {len(FILES)} files passed" in done.stdout


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_suite_is_green(file: Path, sample_api: str, tmp_path: Path) -> None:
    arguments = ["run", "-f", str(file), "--output", "plain", "--var", f"base_url={sample_api}"]
    done = run_cli(arguments, cwd=tmp_path, home=tmp_path / "home")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗ Failed Tests: 0" in done.stdout
