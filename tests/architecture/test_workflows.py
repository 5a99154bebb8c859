"""Workflows use exact releases, no more rights than they need, and only what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    text = request.param.read_text("utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        yield from job["steps"]


def test_workflow_may_only_read(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}


def test_actions_are_exact_releases(workflow: dict[str, Any]) -> None:
    for step in steps(workflow):
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+\.\d+\.\d+|[0-9a-f]{40})", step["uses"])


def test_commands_are_there(workflow: dict[str, Any]) -> None:
    for step in steps(workflow):
        words = step.get("run", "").split()
        if words[:1] == ["make"]:
            assert words[1] in TARGETS
        for word in words:
            if word.startswith(".github/"):
                assert (ROOT / word).stat().st_mode & 0o111
