"""Searching the site for the name of something leads to the page about it."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.fixtures.browser import chromium, new_page

#: What people type, and the page that has to be among the first.
NAMES = {
    "ROCKETSHIP_RETENTION_DAYS": "Settings",
    "--fail-fast": "Continuous integration",
    "--detach": "Your first remote run",
    "column_value": "SQL",
    "auth.oidc.issuer": "Chart values",
    "next_cursor": "API",
    "exit codes": "Exit codes",
}
FIRST = 4
_ASKED = (
    "() => /matching document/.test(document.querySelector('.md-search-result__meta').innerText)"
)
_TITLES = "() => [...document.querySelectorAll('.md-search-result__item h1')].map(e => e.innerText)"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
def test_names_are_found(site: Path) -> None:
    with served(site) as address:
        found = asyncio.run(search(address))

    missing = {name: found[name] for name, page in NAMES.items() if page not in found[name][:FIRST]}
    assert missing == {}


async def search(address: str) -> dict[str, list[str]]:
    """Return the titles that the search shows for each of the names."""
    found = {}
    async with chromium() as browser:
        for name in NAMES:
            async with new_page(browser) as page:
                await page.goto(f"{address}/index.html?q={name}")
                await page.wait_for_function(_ASKED)
                found[name] = await page.evaluate(_TITLES)
    return found
