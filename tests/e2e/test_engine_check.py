"""`rocketship engine --check` is what the image's health check runs."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import trustme

from tests.fixtures.cli import run_cli
from tests.fixtures.engine_process import PATIENCE_SECONDS, EngineProcess


def check(folder: Path, port: int, **more: str) -> tuple[int, str]:
    """Return how the check ended and what it complained about."""
    env = {"ROCKETSHIP_ENGINE_HTTP_ADDRESS": f"127.0.0.1:{port}", **more}
    ended = run_cli(["engine", "--check"], cwd=folder, home=folder / "home", env=env)
    return ended.returncode, ended.stderr


def tls_files(folder: Path) -> dict[str, str]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    leaf = authority.issue_cert("engine.example.org")
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    leaf.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    return {
        "ROCKETSHIP_ENGINE_TLS_CERT": str(folder / "cert.pem"),
        "ROCKETSHIP_ENGINE_TLS_KEY": str(folder / "key.pem"),
    }


def test_check_of_a_healthy_engine_is_silent(tmp_path: Path, shared_engine: EngineProcess) -> None:
    assert check(tmp_path, shared_engine.http_port) == (0, "")


def test_check_without_an_engine_fails_and_names_the_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    code, complaint = check(tmp_path, port)

    assert code == 3
    assert f"the engine at 127.0.0.1:{port} does not answer" in complaint
    assert "Traceback" not in complaint


def test_check_of_a_draining_engine_fails(tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path / "engine", {"ROCKETSHIP_DRAIN_DELAY": "30s"})
    engine.start()
    try:
        os.kill(engine.pid, signal.SIGTERM)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "draining" not in engine.log and time.monotonic() < deadline:
            time.sleep(0.01)

        code, complaint = check(tmp_path, engine.http_port)
    finally:
        engine.close()

    assert code == 3
    assert "is not healthy (HTTP 503)" in complaint


def test_check_of_an_engine_with_tls_needs_no_trust(tmp_path: Path) -> None:
    files = tls_files(tmp_path)
    engine = EngineProcess(tmp_path / "engine", files)
    engine.start()
    try:
        assert check(tmp_path, engine.http_port, **files) == (0, "")
    finally:
        engine.close()


def test_check_of_an_engine_that_wants_certificates_needs_none(tmp_path: Path) -> None:
    files = tls_files(tmp_path) | {"ROCKETSHIP_ENGINE_TLS_CLIENT_CA": str(tmp_path / "ca.pem")}
    engine = EngineProcess(tmp_path / "engine", files)
    engine.start()
    try:
        assert check(tmp_path, engine.http_port, **files) == (0, "")
    finally:
        engine.close()
