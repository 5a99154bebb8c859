"""The example suites pass against the sample API."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rocketship.demo.server import SampleApi
from tests.fixtures.cli import run_cli
from tests.fixtures.documents import EXAMPLES, ROOT

SUITES = [
    path for path in sorted(EXAMPLES.rglob("*.yaml")) if "\ntests:" in path.read_text("utf-8")
]


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_example_passes(suite: Path, tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder)
    with SampleApi() as api:
        for path in folder.rglob("*.yaml"):
            text = path.read_text("utf-8").replace("http://127.0.0.1:8000", api.url)
            path.write_text(text, encoding="utf-8")
        target = folder / suite.relative_to(EXAMPLES)
        arguments = ["run", str(target), "--output", "plain"]
        if (environment := target.with_suffix(".env")).exists():
            arguments += ["--env-file", str(environment)]

        done = run_cli(arguments, cwd=folder, home=tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_example_is_shown_on_a_page(suite: Path) -> None:
    pages = (ROOT / "docs").rglob("*.md")

    assert any(suite.name in page.read_text("utf-8") for page in pages)
