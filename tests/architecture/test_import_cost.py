"""Start-up time is a feature: nothing is loaded that a command does not use.

A module in a list here was once measured to cost milliseconds of every command.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.fixtures.cli import isolated_environment

PACKAGE = Path(__file__).parents[2] / "rocketship"

HEAVY = {
    "cryptography",
    "decimal",
    "dotenv",
    "email",
    "grpc",
    "google.protobuf",
    "hashlib",
    "http.client",
    "httpx2",
    "hypercorn",
    "importlib.metadata",
    "jq",
    "jsonschema_rs",
    "keyring",
    "psycopg",
    "pycurl",
    "pymysql",
    "pytds",
    "quickjs",
    "random",
    "regex",
    "rich",
    "secrets",
    "segno",
    "starlette",
    "tempfile",
    "urllib.request",
    "xml",
    "zipfile",
}
#: Parts of our own that a run of a log step has no use for.
UNUSED = {
    "rocketship.demo",
    "rocketship.plugins.http",
    "rocketship.plugins.script",
    "rocketship.plugins.sql",
    "rocketship.reports",
    "rocketship.server",
    "rocketship.tokens",
    "rocketship.template.group",
    "rocketship.wire",
}

_TELL = "import sys; print(*sorted(sys.modules), file=sys.stderr)"
_SUITE = "name: s\ntests: [{name: t, steps: [{name: l, plugin: log, config: {message: m}}]}]\n"


def loaded_by(home: Path, code: str) -> set[str]:
    """Return the modules a process has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{_TELL}"],
        cwd=home,
        env=isolated_environment(home),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(done.stderr.splitlines()[-1].split())


def command(line: str) -> str:
    """Return code that carries out a command line and goes on when it passed."""
    return (
        f"import sys; sys.argv = {['rocketship', *line.split()]}\n"
        "from rocketship.__main__ import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code"
    )


def test_version_loads_nothing_but_the_version(tmp_path: Path) -> None:
    loaded = loaded_by(tmp_path, command("version"))

    ours = {name for name in loaded if name.partition(".")[0] == "rocketship"}
    assert ours == {"rocketship", "rocketship.__main__", "rocketship._version"}
    assert loaded & {"asyncio", "dataclasses", "inspect", "re", "typer", "typing"} == set()


def test_command_table_loads_no_heavy_library(tmp_path: Path) -> None:
    loaded = loaded_by(tmp_path, "import rocketship.cli.app")

    assert loaded & (HEAVY | UNUSED | {"asyncio", "sqlite3", "yaml"}) == set()


def test_run_of_a_log_step_loads_no_heavy_library(tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(_SUITE, encoding="utf-8")

    loaded = loaded_by(tmp_path, command("run suite.yaml --output plain"))

    assert loaded & (HEAVY | UNUSED) == set()


def test_dataclasses_are_made_by_the_quick_decorator() -> None:
    standard = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^from dataclasses import .*\bdataclass\b", path.read_text("utf-8"), re.M)
    ]

    assert standard == [], "import dataclass from rocketship.dataclass"


def test_only_the_serving_part_of_sonora_is_ever_loaded(tmp_path: Path) -> None:
    loaded = loaded_by(tmp_path, "import rocketship.server.web.grpc_web.bridge")

    assert {name for name in loaded if name.split(".")[0] == "sonora"} == {
        "sonora",
        "sonora.asgi",
        "sonora.protocol",
    }
    assert not loaded & {"aiohttp", "urllib3"}
