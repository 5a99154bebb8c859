"""What the README shows is what the product does."""

from __future__ import annotations

import re
from pathlib import Path

from tests.fixtures.cli import run_cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
SUITE = next(text for language, text in BLOCKS if language == "yaml")
CONSOLE = [text for language, text in BLOCKS if language == "console"]


def normal(text: str) -> str:
    """Return the text with durations replaced."""
    return re.sub(r"\b\d+(\.\d+)?(ms|s)\b", "<time>", text).strip()


def run_suite(folder: Path, suite: str, api: str) -> str:
    (folder / "rockets.yaml").write_text(suite, encoding="utf-8")
    arguments = ["run", "rockets.yaml", "--output", "plain", "--var", f"api={api}"]
    return run_cli(arguments, cwd=folder, home=folder / "home").stdout


def test_suite_has_twelve_lines_at_most() -> None:
    assert len(SUITE.splitlines()) <= 12


def test_output_of_the_suite_is_the_one_shown(tmp_path: Path, sample_api: str) -> None:
    shown = CONSOLE[0].split("\n", 1)[1]

    assert normal(run_suite(tmp_path, SUITE, sample_api)) == normal(shown)


def test_failure_looks_as_shown(tmp_path: Path, sample_api: str) -> None:
    broken = SUITE.replace("expected: Sparrow", "expected: Swift")

    output = normal(run_suite(tmp_path, broken, sample_api))

    for line in CONSOLE[1].splitlines():
        assert line.replace("http://127.0.0.1:8000", sample_api) in output


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", README)

    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
