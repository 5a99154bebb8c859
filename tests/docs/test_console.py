"""What pages show of a terminal is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketship.demo.server import SampleApi
from tests.fixtures.documents import ROOT, Block, blocks, pages
from tests.fixtures.terminal_session import Shown, TerminalSession, fits, shown

PAGES = [page for page in pages() if any(block.mark in ("run", "hidden") for block in blocks(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    steps: list[Block | str] = []
    expected: list[tuple[Block, Shown, int]] = []
    excerpts: list[tuple[Block, int]] = []
    for block in blocks(page):
        if block.file:
            steps.append(block)
        elif block.mark == "output":
            excerpts.append((block, len(expected) - 1))
        elif block.mark:
            commands = list(shown(block))
            steps += [item.command for item in commands]
            codes = [0] * (len(commands) - len(block.exit_codes)) + block.exit_codes
            expected += [(block, *pair) for pair in zip(commands, codes, strict=True)]

    with SampleApi() as api:
        session = TerminalSession(tmp_path / "folder", api)
        done = session.run(steps)

    for (block, command, code), result in zip(expected, done, strict=True):
        what = f"{block.place}: {command.command}\n{result.output}"
        assert result.exit_code == code, what
        assert fits(result.output, session.here(command.output)), what
    for block, number in excerpts:
        output = done[number].output
        assert fits(output, session.here(f"…\n{block.text}…\n")), f"{block.place}\n{output}"


def test_readme_runs_something() -> None:
    assert ROOT / "README.md" in PAGES
