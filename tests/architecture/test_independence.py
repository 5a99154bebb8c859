"""The repository stands alone: it names no machine, no registry and no folder beside it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Written in two parts, so that this file does not find itself.
FORBIDDEN = ("/wo" + "rk/", "../sha" + "red", "/opt/py" + "pi")


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        return [path for path in ROOT.rglob("*.py") if ".venv" not in path.parts]
    return [ROOT / name for name in listed.stdout.split("\0") if name]


@pytest.mark.parametrize("words", FORBIDDEN)
def test_no_file_names_what_only_exists_elsewhere(words: str) -> None:
    found = [
        path.relative_to(ROOT)
        for path in tracked_files()
        if path.is_file() and words.encode() in path.read_bytes()
    ]

    assert found == []


def test_version_is_the_newest_in_the_changelog() -> None:
    from rocketship import __version__

    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert f"## [{__version__}]" in changelog or "## [Unreleased]" in changelog
