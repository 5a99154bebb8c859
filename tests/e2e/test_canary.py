"""Canaries: a distinct secret goes into every input, and must come out of no output."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import os
import pty
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import grpc
import pytest

from rocketship.store.sealing import KEY_FILE
from rocketship.wire._generated import engine_pb2
from rocketship.wire._generated.engine_pb2_grpc import EngineStub
from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.workbench import Workbench, case, suite

PLACES = (
    *("process_env", "env_file", "dsn", "dsn_var"),
    *("basic", "bearer", "digest", "oauth2", "sigv4_key", "sigv4_session"),
    *("authorization", "x_api_key", "x_vault_token", "proxy_authorization", "cookie"),
    *("saved_json", "saved_header", "saved_cookie", "saved_failed"),
    *("saved_script", "saved_killed", "set_cookie"),
)
#: Odd enough that every encoding looks different.
CANARIES = {place: f"cnry.{place}/'é\"+&<?{place[::-1]}" for place in PLACES}
#: Values of headers, and of what the sample API keeps, are plainer.
PLAIN = {place: f"cnry-{place}-{place[::-1]}" for place in PLACES}


def step(name: str, plugin: str, config: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"name": name, "plugin": plugin, "config": config, **keys}


def get(name: str, url: str, **config: Any) -> dict[str, Any]:
    wrong = [{"type": "status_code", "expected": 299}]
    return step(name, "http", {"method": "POST", "url": url, **config}, assertions=wrong)


def canary_suite(url: str) -> dict[str, Any]:
    """Return a suite whose every test fails with a secret in its request and its response."""
    echo = f"{url}/echo"
    env = {name: f"{{{{ .env.{name.upper()} }}}}" for name in ("process_env", "env_file")}
    aws = {"access_key": "AKIA", "region": "r", "service": "s"}
    aws |= {"secret_key": CANARIES["sigv4_key"], "session_token": PLAIN["sigv4_session"]}
    oauth2 = {"token_url": echo, "client_id": "me", "client_secret": CANARIES["oauth2"]}
    ada = {"username": "ada"}
    headers = {
        "Authorization": f"Custom {PLAIN['authorization']}",
        "X-Api-Key": PLAIN["x_api_key"],
        "X-Vault-Token": PLAIN["x_vault_token"],
        "Proxy-Authorization": f"Basic {PLAIN['proxy_authorization']}",
        "Cookie": f"id={PLAIN['cookie']}",
    }
    dsn = f"postgres://ada:{quote(CANARIES['dsn'], safe='')}@127.0.0.1:1/shop"
    keep = {"as": "kept", "redact": True}
    issue = f"save('kept', '{PLAIN['saved_script'][:9]}' + '{PLAIN['saved_script'][9:]}')"
    shell = {
        "language": "shell",
        "script": 'echo "$A"; echo "$A" >&2; exit 3',
        "env": {"A": env["env_file"]},
    }
    saved = {"json": {"t": PLAIN["saved_json"]}, "method": "POST", "url": echo}
    failing = {"json": {"t": PLAIN["saved_failed"]}}
    literals = [
        case("basic", get("a", echo, auth={"basic": {**ada, "password": CANARIES["basic"]}})),
        case("bearer", get("a", echo, auth={"bearer": PLAIN["bearer"]})),
        case("digest", get("a", echo, auth={"digest": {**ada, "password": CANARIES["digest"]}})),
        case("oauth2", get("a", echo, auth={"oauth2": oauth2})),
        case(
            "oauth2 body", get("a", echo, auth={"oauth2": {**oauth2, "send_credentials": "body"}})
        ),
        case("sigv4", get("a", echo, auth={"aws_sigv4": aws})),
        case("headers", get("a", echo, headers=headers)),
        case("dsn", get("a", echo, json={"dsn": dsn})),
        case("dsn var", get("a", echo, json={"dsn": "{{ .vars.dsn }}"})),
        case(
            "saved",
            step("a", "http", saved, save=[{"json_path": ".json.t", **keep}]),
            get("b", echo, json={"again": "{{ kept }}", "padding": "{{ kept | base64 }}"}),
        ),
        case(
            "saved header",
            step(
                "a",
                "http",
                {
                    "method": "GET",
                    "url": f"{url}/response-headers",
                    "query": {"X-Ticket": PLAIN["saved_header"]},
                },
                save=[{"header": "X-Ticket", **keep}],
            ),
            get("b", echo, body="{{ kept }}"),
        ),
        case(
            "saved cookie",
            step(
                "a",
                "http",
                {
                    "method": "GET",
                    "url": f"{url}/cookies/set",
                    "query": {"id": PLAIN["saved_cookie"]},
                },
                save=[{"cookie": "id", **keep}],
            ),
            get("b", f"{url}/anything", json={"again": "{{ kept }}"}),
        ),
        case(
            "cookie of a response",
            step(
                "a",
                "http",
                {
                    "method": "GET",
                    "url": f"{url}/cookies/set",
                    "query": {"id": PLAIN["set_cookie"]},
                },
                save=[{"cookie": "id", "as": "kept"}],
                assertions=[{"type": "cookie", "name": "id", "expected": "other", "soft": True}],
            ),
            step("b", "log", {"message": "with {{ kept }}"}),
            get("c", f"{url}/anything"),
        ),
        case(
            "saved in vain",
            {**get("a", echo, **failing), "save": [{"json_path": ".json.t", **keep}]},
        ),
        case(
            "saved by a script",
            step(
                "a",
                "script",
                {"language": "javascript", "script": issue},
                save=[{"json_path": ".kept", "as": "k", "redact": True}],
            ),
            step("b", "log", {"message": "it is {{ k }}"}),
            get("c", echo, body="{{ k }}"),
        ),
    ]
    tests = [
        case("env", get("a", echo, json=env, query=env)),
        case("shell", step("a", "script", shell)),
        case("log", step("a", "log", {"message": " ".join(env.values())})),
        # The secret stands across the place where reports cut a body off.
        case("cut", get("a", echo, body="x" * (64 * 1024 - 7) + env["env_file"])),
        case("refused", get("a", "http://127.0.0.1:1/{{ .env.ENV_FILE | urlencode }}")),
    ]
    dsn_var = f"mysql://ada:{PLAIN['dsn_var']}@127.0.0.1:1/shop"
    return suite(*tests, *literals, vars={"dsn": dsn_var})


def forms(secret: str) -> Iterator[bytes]:
    """Yield what a secret may look like; its first and last halves count as well."""
    raw = secret.encode()
    dumped = json.dumps(secret)[1:-1]
    yield from (text.encode() for text in (secret, dumped, html.escape(secret)))
    yield from (
        text.encode() for text in (quote(secret), quote(secret, safe=""), quote_plus(secret))
    )
    for skip in range(3):
        yield base64.b64encode(b"\0" * skip + raw)[4:-4]
    yield raw[: len(raw) // 2]


def leaks(places: dict[str, bytes]) -> list[tuple[str, str]]:
    """Return where something of which canary was found."""
    return [
        (place, canary)
        for place, content in places.items()
        for canary, secret in (*CANARIES.items(), *PLAIN.items())
        if any(form in content for form in forms(secret))
    ]


def kept_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def command_lines() -> bytes:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found.append((process / "cmdline").read_bytes())
        except OSError:
            continue
    return b"\n".join(found)


def prepare(bench: Workbench, url: str, **changes: Any) -> dict[str, str]:
    """Write suite and environment file; return the process environment."""
    content = canary_suite(url)
    content["tests"] += changes.get("more", [])
    bench.write("shop.yaml", content)
    bench.write("shop.env", f"ENV_FILE={json.dumps(CANARIES['env_file'], ensure_ascii=False)}\n")
    return {"PROCESS_ENV": CANARIES["process_env"]}


RUN = ("run", "shop.yaml", "--env-file", "shop.env")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "variables"),
    [
        (("--output", "plain"), {}),
        (("--output", "json"), {}),
        ((), {"GITHUB_ACTIONS": "true"}),
    ],
)
def test_canaries_leave_no_trace_in_output_reports_history_or_files(
    bench: Workbench, sample_api: str, options: tuple[str, ...], variables: dict[str, str]
) -> None:
    env = prepare(bench, sample_api) | variables
    reports = ("--report", "junit=r.xml", "--report", "json=r.json")

    ended = bench.run("--debug", *RUN, *options, *reports, env=env)
    run_id = bench.run_ids()[0]

    assert ended.code == 1, ended.err
    places = {
        "stdout": ended.out.encode(),
        "stderr": ended.err.encode(),
        "junit": (bench.folder / "r.xml").read_bytes(),
        "json": (bench.folder / "r.json").read_bytes(),
        "get": bench.run("get", run_id).out.encode(),
        "get json": bench.run("get", run_id, "--format", "json").out.encode(),
        "logs": bench.run("logs", run_id).out.encode(),
        "list": bench.run("list", "--format", "json").out.encode(),
        **kept_in(bench.data),
    }
    assert leaks(places) == []
    assert "***" in ended.out


@pytest.mark.slow
def test_canaries_are_not_shown_on_a_terminal(bench: Workbench, sample_api: str) -> None:
    env = prepare(bench, sample_api)
    master, terminal = pty.openpty()
    written = bytearray()

    def read() -> None:
        while True:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # how Linux says that the other side hung up
                return
            if not chunk:
                return
            written.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    with os.fdopen(terminal, "wb") as out:
        running = bench.start(*RUN, "--output", "live", env=env, stdout=out)
    ended = running.end()
    reader.join()
    os.close(master)

    assert ended.code == 1, ended.err
    assert b"***" in written
    assert leaks({"terminal": bytes(written), "stderr": ended.err.encode()}) == []


@pytest.mark.slow
def test_canaries_are_not_in_files_or_arguments_after_a_kill(
    bench: Workbench, sample_api: str
) -> None:
    keep = [{"json_path": ".json.t", "as": "kept", "redact": True}]
    config = {
        "method": "POST",
        "url": f"{sample_api}/echo",
        "json": {"t": PLAIN["saved_killed"], "e": "{{ .env.ENV_FILE }}"},
    }
    held = bench.hold("hold", config={"env": {"A": "{{ .env.ENV_FILE }}", "B": "{{ kept }}"}})
    holding = case("held", step("a", "http", config, save=keep), held)
    env = prepare(bench, sample_api, more=[holding])

    running = bench.start(*RUN, "--output", "json", env=env)
    bench.wait_for("hold")
    arguments = command_lines()
    while_running = kept_in(bench.data)
    running.kill()

    assert leaks({"arguments": arguments, **while_running, **kept_in(bench.data)}) == []
    bench.release("hold")


@pytest.mark.slow
def test_suite_with_literal_secrets_runs_again_from_history(
    bench: Workbench, sample_api: str
) -> None:
    env = prepare(bench, sample_api)
    bench.run(*RUN, env=env)
    run_id = bench.run_ids()[0]
    before = {test["name"]: test["status"] for test in bench.result(run_id)["tests"]}

    again = bench.run("rerun", run_id, "--env-file", "shop.env", env=env)

    assert again.code == 1, again.err
    after = {test["name"]: test["status"] for test in bench.result(bench.run_ids()[1])["tests"]}
    assert after == before


@pytest.mark.slow
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_engine_tells_no_canary_over_the_wire_or_in_its_log(
    bench: Workbench, sample_api: str, tmp_path: Path, log_format: str
) -> None:
    key = "cnry-engine-encryption-key"
    settings = {
        "ROCKETSHIP_ENCRYPTION_KEY": key,
        "ROCKETSHIP_LOG": "debug",
        "ROCKETSHIP_LOG_FORMAT": log_format,
    }
    engine = EngineProcess(tmp_path / "engine", settings)
    engine.start()
    try:
        env = prepare(bench, sample_api)
        address = f"127.0.0.1:{engine.grpc_port}"
        ended = bench.run(*RUN, "--engine", address, "--output", "json", env=env)
        replies = asyncio.run(ask(address))
        arguments = command_lines()
        log = engine.log
    finally:
        engine.close()

    assert ended.code == 1, ended.err
    places = {
        "stdout": ended.out.encode(),
        "stderr": ended.err.encode(),
        "replies": replies,
        "arguments": arguments,
        "log": log.encode(),
        **kept_in(engine.folder),
    }
    assert leaks(places) == []
    assert [place for place, content in places.items() if key.encode() in content] == []
    assert not list(engine.folder.rglob(KEY_FILE))


async def ask(address: str) -> bytes:
    """Return everything the engine tells about its run, as it goes over the wire.

    The suite itself is given back as it was written; of it only what is not in the file must be
    absent.
    """
    async with grpc.aio.insecure_channel(address) as channel:
        stub: Any = EngineStub(channel)
        runs = await stub.ListRuns(engine_pb2.ListRunsRequest())
        run_id = runs.runs[0].run_id
        replies = [
            runs,
            await stub.GetRun(engine_pb2.GetRunRequest(run_id=run_id, with_events=True)),
        ]
        request = engine_pb2.LogStreamRequest(run_id=run_id)
        replies += [line async for line in stub.StreamLogs(request)]
        watching = engine_pb2.WatchRunRequest(run_id=run_id)
        replies += [item async for item in stub.WatchRun(watching)]
        spec = await stub.GetRunSpec(engine_pb2.GetRunSpecRequest(run_id=run_id))
    written = spec.SerializeToString()
    given = ("process_env", "env_file")
    assert not [place for place in given for form in forms(CANARIES[place]) if form in written]
    return b"\n".join(reply.SerializeToString() for reply in replies)
