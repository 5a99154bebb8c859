"""What keeps `rocketship engine` from starting is told, and nothing listens by then."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from rocketship.client.remote import open_remote
from rocketship.run.status import Status
from rocketship.store.base import RunRecord
from rocketship.store.sealing import CHECK_FILE, check_key, derived_key
from tests.contracts.engine_client import log, spec, until, wait
from tests.fixtures.cli import isolated_environment, run_cli
from tests.fixtures.engine_process import EngineProcess

ANY_PORT = {
    "ROCKETSHIP_ENGINE_GRPC_ADDRESS": "127.0.0.1:0",
    "ROCKETSHIP_ENGINE_HTTP_ADDRESS": "127.0.0.1:0",
}
TOKEN = "rst_self_" + "e" * 43


def test_data_folder_that_cannot_be_written_exits_three(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, not a folder", encoding="utf-8")
    env = {**ANY_PORT, "ROCKETSHIP_DATA_DIR": str(tmp_path / "data")}

    ended = run_cli(["engine"], cwd=tmp_path, home=tmp_path / "home", env=env)

    assert ended.returncode == 3
    assert "error: " in ended.stderr
    assert "ROCKETSHIP_DATA_DIR" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_damaged_database_exits_three_with_a_remedy(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "history.db").write_bytes(b"this is not a database, it is a letter" * 40)
    env = {**ANY_PORT, "ROCKETSHIP_DATA_DIR": str(folder)}

    ended = run_cli(["engine"], cwd=tmp_path, home=tmp_path / "home", env=env)

    assert ended.returncode == 3
    assert "damaged" in ended.stderr
    assert "hint: " in ended.stderr


def test_engine_with_another_encryption_key_than_before_exits_three(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    check_key(folder, derived_key("former key"))
    env = {**ANY_PORT, "ROCKETSHIP_DATA_DIR": str(folder), "ROCKETSHIP_ENCRYPTION_KEY": "new key"}

    ended = run_cli(["engine"], cwd=tmp_path, home=tmp_path / "home", env=env)

    assert ended.returncode == 3
    assert "the encryption key is not the one" in ended.stderr
    assert "hint: restore the former key" in ended.stderr
    assert "new key" not in ended.stderr


def test_run_that_an_engine_cannot_go_on_with_is_logged_and_can_be_cancelled(
    tmp_path: Path,
) -> None:
    engine = EngineProcess(tmp_path / "engine", {"ROCKETSHIP_ENCRYPTION_KEY": "former key"})
    engine.start()

    async def begin() -> str:
        async with open_remote(engine.endpoint, note=print, warn=print) as client:
            run_id = await client.create_run(spec(log("ready"), wait()), {"TOKEN": "s3cret"})
            await until(client, run_id, "ready")
            return run_id

    async def cancel(run_id: str) -> RunRecord:
        async with open_remote(engine.endpoint, note=print, warn=print) as client:
            assert (await client.cancel_run(run_id, reason="enough")).stopped
            return (await client.get_run(run_id)).record

    try:
        run_id = asyncio.run(begin())
        engine.kill()
        (tmp_path / "engine" / "data" / CHECK_FILE).unlink()
        engine.change(ROCKETSHIP_ENCRYPTION_KEY="new key")
        engine.start()

        told = [line for line in engine.log.splitlines() if "run_not_recovered" in line]
        ended = asyncio.run(cancel(run_id))
    finally:
        engine.close()
    assert len(told) == 1
    assert run_id in told[0]
    reason = "a stored secret cannot be opened with the current encryption key"
    assert reason in told[0]
    assert (ended.status, ended.message) == (Status.FAILED, reason)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("ROCKETSHIP_ENGINE_GRCP_ADDRESS", "x", "ROCKETSHIP_ENGINE_GRPC_ADDRESS"),
        ("ROCKETSHIP_ENGINE_TLS_CERT", "nowhere.pem", "ROCKETSHIP_ENGINE_TLS_KEY"),
        ("ROCKETSHIP_DISABLE_PLUGINS", "script.shel", 'did you mean "script.shell"?'),
        ("ROCKETSHIP_MAX_PARALLEL_TESTS", "many", "ROCKETSHIP_MAX_PARALLEL_TESTS"),
        ("ROCKETSHIP_DATABASE_URL", "postgresql://h/d", "ROCKETSHIP_ENCRYPTION_KEY is missing"),
    ],
)
def test_setting_that_cannot_be_used_exits_two(
    tmp_path: Path, name: str, value: str, complaint: str
) -> None:
    ended = run_cli(["engine"], cwd=tmp_path, home=tmp_path / "home", env={**ANY_PORT, name: value})

    assert ended.returncode == 2
    assert complaint in ended.stderr


@pytest.mark.parametrize(
    ("env", "complaint"),
    [
        ({"ROCKETSHIP_AUTH_MODE": "tokens"}, "expected none, token, oidc or token,oidc"),
        ({"ROCKETSHIP_AUTH_MODE": "token"}, "there is no token"),
        ({"ROCKETSHIP_ENGINE_TOKEN": TOKEN}, "set ROCKETSHIP_AUTH_MODE to token"),
        ({"ROCKETSHIP_ENGINE_TOKEN_FIEL": "x"}, 'did you mean "ROCKETSHIP_ENGINE_TOKEN_FILE"?'),
        ({"ROCKETSHIP_AUTH_MODE": "oidc"}, "ROCKETSHIP_OIDC_ISSUER is missing"),
        ({"ROCKETSHIP_ENGINE_GRPC_ADDRESS": "0.0.0.0:0"}, "ROCKETSHIP_ALLOW_ANONYMOUS=true"),
        (
            {"ROCKETSHIP_AUTH_MODE": "token", "ROCKETSHIP_ENGINE_TOKEN_FILE": "/nowhere/tokens"},
            "ROCKETSHIP_ENGINE_TOKEN_FILE=/nowhere/tokens: cannot be read",
        ),
    ],
)
def test_engine_does_not_start_half_locked(
    tmp_path: Path, env: dict[str, str], complaint: str
) -> None:
    ended = run_cli(["engine"], cwd=tmp_path, home=tmp_path / "home", env={**ANY_PORT, **env})

    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert "Ready" not in ended.stdout
    assert "Traceback" not in ended.stderr
    assert TOKEN not in ended.stderr


def test_two_names_of_one_address_exit_three_and_say_which(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    env = {
        "ROCKETSHIP_ENGINE_GRPC_ADDRESS": f"127.0.0.1:{port}",
        "ROCKETSHIP_ENGINE_HTTP_ADDRESS": f"localhost:{port}",
    }

    ended = run_cli(["engine"], cwd=tmp_path, home=tmp_path / "home", env=env)

    assert ended.returncode == 3
    assert f"cannot listen on localhost:{port} for HTTP: address already in use" in ended.stderr
    assert "hint: stop the program" in ended.stderr
    assert "fault of rocketship" not in ended.stderr


@pytest.mark.slow
def test_open_engine_that_is_meant_starts_with_a_warning(tmp_path: Path) -> None:
    env = {"ROCKETSHIP_ENGINE_GRPC_ADDRESS": "0.0.0.0:0", "ROCKETSHIP_ALLOW_ANONYMOUS": "true"}
    engine = EngineProcess(tmp_path, env)
    try:
        engine.start()
        assert "WARNING anybody_may_do_everything address=0.0.0.0:0" in engine.log
    finally:
        engine.close()


@pytest.mark.slow
def test_log_of_an_engine_never_has_a_token(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"ci:{TOKEN}\n", encoding="utf-8")
    worker = "worker-token-by-hand"
    env = {
        "ROCKETSHIP_AUTH_MODE": "token",
        "ROCKETSHIP_ENGINE_TOKEN_FILE": str(file),
        "ROCKETSHIP_WORKER_TOKEN": worker,
        "ROCKETSHIP_LOG": "debug",
    }
    engine = EngineProcess(tmp_path / "engine", env)
    try:
        engine.start()
        for shown in (TOKEN, worker, TOKEN + "x"):
            request = urllib.request.Request(f"http://127.0.0.1:{engine.http_port}/")
            request.add_header("authorization", f"Bearer {shown}")
            with suppress(urllib.error.HTTPError):
                urllib.request.urlopen(request, timeout=10).close()
        assert engine.stop() == 0
    finally:
        engine.close()

    assert "principal=ci" in engine.log
    assert "refused" in engine.log
    assert "token_without_prefix" in engine.log
    assert TOKEN not in engine.log
    assert worker not in engine.log


def start_with(url: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    env = {"ROCKETSHIP_DATABASE_URL": url, "ROCKETSHIP_ENCRYPTION_KEY": "k", **ANY_PORT, **more}
    return run_cli(["engine"], cwd=folder, home=folder / "home", env=env)


def test_missing_driver_is_told_with_what_installs_it(tmp_path: Path) -> None:
    (tmp_path / "psycopg.py").write_text("raise ImportError('there is no psycopg')")
    path = os.pathsep.join((str(tmp_path), isolated_environment(tmp_path)["PYTHONPATH"]))

    ended = start_with("postgresql://h/d", tmp_path, PYTHONPATH=path)

    assert ended.returncode == 3
    assert "error: PostgreSQL needs psycopg" in ended.stderr
    assert "hint: install it with: pip install 'rocketship[postgres]'" in ended.stderr


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("postgresql://me:sekret1@h/d?bogus=1", 'query parameter: "bogus"'),
        ("postgresql://me:sek%ret1@h/d", "percent-encoded"),
        ("postgresql://me:sekret1@h:port/d", "its port is not a number"),
    ],
)
def test_database_url_that_cannot_be_used_ends_the_start_without_its_password(
    tmp_path: Path, url: str, complaint: str
) -> None:
    ended = start_with(url, tmp_path)

    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert "ret1" not in ended.stderr


def test_engine_that_waits_for_its_database_can_be_stopped(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    env = {
        **isolated_environment(tmp_path),
        **ANY_PORT,
        "ROCKETSHIP_DATABASE_URL": f"postgresql://me@127.0.0.1:{port}/d",
        "ROCKETSHIP_ENCRYPTION_KEY": "k",
    }
    command = [sys.executable, "-m", "rocketship", "engine"]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "waiting_for_database" in process.stderr.readline()
        process.terminate()
        assert process.wait(20) == 0
