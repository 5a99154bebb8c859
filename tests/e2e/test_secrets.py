"""A secret is used everywhere and must be seen nowhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.fixtures.workbench import Workbench, case, suite

CANARY = "c4n/ry+Secr3t?"
SAVED = "s4ved-C4nary"
FORMS = (
    CANARY,
    SAVED,
    quote(CANARY, safe=""),
    base64.b64encode(CANARY.encode()).decode(),
    base64.b64encode(f"ada:{CANARY}".encode()).decode(),
)


def step(name: str, plugin: str, config: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"name": name, "plugin": plugin, "config": config, **keys}


def shell(name: str, script: str, **keys: Any) -> dict[str, Any]:
    config = {"language": "shell", "script": script, "env": {"PASSWORD": "{{ .env.KEY }}"}}
    return step(name, "script", config, **keys)


def write_suite(bench: Workbench, url: str) -> None:
    """Write a suite that puts secrets in every place, some of which fail with them."""
    key = "{{ .env.KEY }}"
    echo = f"{url}/echo?key={{{{ .env.KEY | urlencode }}}}"
    wrong = [{"type": "json_path", "path": ".json.key", "expected": "other"}]
    login = {"username": "ada", "password": key}
    save = [{"json_path": ".token", "as": "token", "redact": True}]
    issue = f"""save("token", "{SAVED[:6]}" + "{SAVED[6:]}")"""
    tests = [
        case(
            "http",
            step("basic", "http", {"method": "GET", "url": echo, "auth": {"basic": login}}),
            step("bearer", "http", {"method": "GET", "url": echo, "auth": {"bearer": key}}),
            step(
                "wrong",
                "http",
                {"method": "POST", "url": f"{url}/echo", "json": {"key": key}},
                assertions=wrong,
                retry={"maximum_attempts": 2, "initial_interval": "1ms"},
            ),
        ),
        case("log", step("say", "log", {"message": f"the key is {key}"})),
        case("shell", shell("print", 'echo "$PASSWORD"; echo "$PASSWORD" >&2; exit 3')),
        case(
            "saved",
            step(
                "issue",
                "script",
                {"language": "javascript", "script": issue},
                save=save,
            ),
            step("say saved", "log", {"message": "token {{ token }}"}),
            shell("print saved", 'echo "$ROCKETSHIP_TOKEN"; exit 1'),
        ),
        case("hold", bench.hold("hold", "echo ${PASSWORD}", config={"env": {"PASSWORD": key}})),
    ]
    bench.write("shop.yaml", suite(*tests))
    bench.write("shop.env", f"KEY={CANARY!r}\n")


@pytest.mark.slow
@pytest.mark.parametrize("output", ["plain", "json"])
def test_secrets_are_seen_nowhere(bench: Workbench, sample_api: str, output: str):
    write_suite(bench, sample_api)
    reports = ("--report", "junit=r.xml", "--report", "json=r.json")
    running = bench.start(
        *("run", "shop.yaml", "--env-file", "shop.env", "--output", output, *reports)
    )
    bench.wait_for("hold")
    command_lines = list(arguments())
    kept_while_running = dict(files(bench.data))
    bench.release("hold")
    ended = running.end()
    run_id = bench.run_ids()[0]

    assert ended.code == 1
    statuses = [test["status"] for test in bench.result(run_id)["tests"]]
    assert statuses == ["FAILED", "PASSED", "FAILED", "FAILED", "PASSED"]
    places = {
        "stdout": ended.out,
        "stderr": ended.err,
        "junit": (bench.folder / "r.xml").read_text("utf-8"),
        "report": (bench.folder / "r.json").read_text("utf-8"),
        "get": bench.run("get", run_id).out,
        "logs": bench.run("logs", run_id).out,
        "list": bench.run("list", "--format", "json").out,
        "arguments": "\n".join(command_lines),
        **{f"{path} while running": text for path, text in kept_while_running.items()},
        **dict(files(bench.data)),
    }
    assert [
        (place, form)
        for place, text in places.items()
        for form in (*FORMS, json.dumps(CANARY)[1:-1])
        if form in text
    ] == []
    assert "***" in places["stdout"]


def files(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes().decode("latin-1")


def arguments() -> Iterator[str]:
    """Yield the arguments of every process of the machine."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue


def test_files_with_results_are_for_their_owner_only(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", step("a", "log", {"message": "{{ .env.KEY }}"}))))

    bench.run("run", "shop.yaml", env={"KEY": "x"})

    modes = {path.name: path.stat().st_mode & 0o077 for path in bench.data.rglob("*")}
    assert "history.db" in modes
    assert "encryption.key" in modes
    assert set(modes.values()) == {0}
    assert bench.data.stat().st_mode & 0o077 == 0
