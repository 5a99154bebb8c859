"""What every test can ask for; the fixtures themselves live in tests/fixtures."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx2
import pytest
from hypothesis import settings

# gRPC's core would start its threads again in every child forked from here, before the child has
# become another program; a server started under another user is forked, and died of them.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

# respx intercepts httpx, which is then the same library.
httpx2.alias_httpx()

# How long an example takes says more about the machine's load than about the code.
settings.register_profile("rocketship", deadline=None)
settings.load_profile("rocketship")

# Whoever starts the tests in the background may have them ignore signals, and what ignores Ctrl-C
# at its start goes on to do so. The commands under test begin like those of a person.
for _number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler)

pytest_plugins = [
    "tests.fixtures.engine_process",
    "tests.fixtures.history",
    "tests.fixtures.image",
    "tests.fixtures.oidc_provider",
    "tests.fixtures.mariadb",
    "tests.fixtures.postgres",
    "tests.fixtures.sample_api",
    "tests.fixtures.secret_service",
    "tests.fixtures.site",
    "tests.fixtures.sqlserver",
    "tests.fixtures.workbench",
    "tests.fixtures.temporal",
    "tests.fixtures.wall_clock",
]


@pytest.fixture(autouse=True)
def _isolated(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep every test away from the person's own files, settings and proxies."""
    home: Path = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(home))
    for name in list(os.environ):
        if name.startswith(("ROCKETSHIP_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
