"""The probes of a worker, over HTTP."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request

import pytest

from rocketship.server.health import Readiness, State
from rocketship.server.rpc.listener import listen
from rocketship.server.web.hypercorn import HttpListener
from rocketship.server.web.probes import probes
from tests.fixtures.engine import HERE


def ask(state: State, path: str) -> tuple[int, str]:
    """Return the answer of a process in some state, whose only dependency is away."""

    def fetch(address: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
                return answer.status, json.load(answer)["status"]
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["status"]

    async def main() -> tuple[int, str]:
        readiness = Readiness()
        readiness.become(state)
        app = probes(readiness, lambda: {"temporal": False})
        http = HttpListener(app, listen(HERE, "HTTP", ""))
        await http.start()
        try:
            return await asyncio.to_thread(fetch, str(http.address))
        finally:
            await http.stop(1)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("state", "path", "expected"),
    [
        # Whoever waits for Temporal is alive: starting it again would not help.
        (State.STARTING, "/healthz", (200, "starting")),
        (State.STARTING, "/readyz", (503, "starting")),
        (State.OK, "/healthz", (200, "ok")),
        (State.OK, "/readyz", (503, "failed")),
        (State.DRAINING, "/healthz", (503, "draining")),
        (State.DRAINING, "/readyz", (503, "draining")),
    ],
)
def test_probes_tell_being_alive_from_being_ready(
    state: State, path: str, expected: tuple[int, str]
) -> None:
    assert ask(state, path) == expected
