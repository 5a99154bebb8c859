"""What pages show of a terminal is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketship.demo.server import SampleApi
from tests.fixtures.documents import ROOT, Block, blocks, pages
from tests.fixtures.page_servers import servers_for
from tests.fixtures.terminal_session import Done, TerminalSession, fits, shown

PAGES = [page for page in pages() if any(block.mark in ("run", "hidden") for block in blocks(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_of_a_page_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    marked = [block for block in blocks(page) if block.mark]
    text = "".join(block.text for block in marked)
    with SampleApi() as api, servers_for(text, tmp_path / "servers") as servers:
        session = TerminalSession(
            tmp_path / "folder", api, servers.places, servers.variables, servers.onlooker
        )
        done = Done("", 0)
        try:
            for block in marked:
                done = do(session, block, done)
        finally:
            session.close()


def do(session: TerminalSession, block: Block, before: Done) -> Done:
    """Do what a mark says; return what the last command did."""
    if block.file:
        session.write(block)
    elif block.mark == "output":
        assert fits(before.output, session.here(f"…\n{block.text}…\n")), told(block, before)
    elif block.background:
        fit, output = session.start(block)
        assert fit, f"{block.place}\n{output}"
    else:
        commands = list(shown(block))
        codes = [0] * (len(commands) - len(block.exit_codes)) + block.exit_codes
        for command, code in zip(commands, codes, strict=True):
            before = session.run(command)
            assert before.exit_code == code, f"{command.command}\n{told(block, before)}"
            assert fits(before.output, session.here(command.output)), told(block, before)
    return before


def told(block: Block, done: Done) -> str:
    return f"{block.place}: exit {done.exit_code}\n{done.output}"


def test_readme_runs_something() -> None:
    assert ROOT / "README.md" in PAGES
