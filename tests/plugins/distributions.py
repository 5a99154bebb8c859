"""Distributions that look installed: a folder on `sys.path` with modules and their metadata."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).with_name("example")


def install(
    site: Path,
    monkeypatch: pytest.MonkeyPatch,
    entry_points: Mapping[str, str],
    *,
    name: str = "acme-plugins",
    version: str = "1.0",
) -> None:
    """Make a distribution with these plugin entry points visible; its modules are the caller's."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (info / "METADATA").write_text(metadata)
    lines = [f"{key} = {value}" for key, value in entry_points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[rocketship.plugins]", *lines, ""]))
    monkeypatch.syspath_prepend(str(site))


def install_example(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the example distribution as its own project file describes it."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    install(
        site,
        monkeypatch,
        project["entry-points"]["rocketship.plugins"],
        name=project["name"],
        version=project["version"],
    )
    shutil.copy(EXAMPLE / "rocketship_file_check.py", site)
    monkeypatch.delitem(sys.modules, "rocketship_file_check", raising=False)
