"""The example of a third-party plugin works with what a plugin author gets, and no more."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rocketship.plugins import Absent, Found
from rocketship.plugins.registry import Registry
from tests.plugins.calls import Line, Lines, run_step
from tests.plugins.distributions import EXAMPLE, install_example


def test_example_installed_is_found_and_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_example(tmp_path / "site", monkeypatch)
    (tmp_path / "report.txt").write_text("done")
    plugin = Registry().get("file_check")
    assert plugin is not None
    log = Lines()

    outcome = run_step(plugin, {"path": "report.txt"}, workdir=str(tmp_path), log=log)

    observed = {name: item.observe(outcome, {}) for name, item in plugin.assertions.items()}
    assert observed == {"exists": Found(True), "size": Found(4)}
    assert plugin.saves["text"].observe(outcome, {"text": True}) == Found("done")
    assert log.all == [Line("Looking at report.txt")]


def test_example_missing_file_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_example(tmp_path, monkeypatch)
    plugin = Registry().get("file_check")
    assert plugin is not None

    outcome = run_step(plugin, {"path": "nowhere"}, workdir=str(tmp_path))

    assert plugin.assertions["exists"].observe(outcome, {}) == Found(False)
    assert plugin.assertions["size"].observe(outcome, {}) == Absent("there is no such file")


def test_example_imports_of_rocketship_are_public() -> None:
    tree = ast.parse((EXAMPLE / "rocketship_file_check.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    ours = {module for module in imported if module and module.startswith("rocketship")}
    assert ours == {"rocketship.plugins"}
