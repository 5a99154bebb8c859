"""What keeps `rocketship engine` from starting is told, and nothing listens by then."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.cli import run_cli

ANY_PORT = {
    "ROCKETSHIP_ENGINE_GRPC_ADDRESS": "127.0.0.1:0",
    "ROCKETSHIP_ENGINE_HTTP_ADDRESS": "127.0.0.1:0",
}


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


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("ROCKETSHIP_ENGINE_GRCP_ADDRESS", "x", "ROCKETSHIP_ENGINE_GRPC_ADDRESS"),
        ("ROCKETSHIP_ENGINE_TLS_CERT", "nowhere.pem", "ROCKETSHIP_ENGINE_TLS_KEY"),
        ("ROCKETSHIP_DISABLE_PLUGINS", "script.shel", 'did you mean "script.shell"?'),
        ("ROCKETSHIP_MAX_PARALLEL_TESTS", "many", "ROCKETSHIP_MAX_PARALLEL_TESTS"),
    ],
)
def test_setting_that_cannot_be_used_exits_two(
    tmp_path: Path, name: str, value: str, complaint: str
) -> None:
    ended = run_cli(["engine"], cwd=tmp_path, home=tmp_path / "home", env={**ANY_PORT, name: value})

    assert ended.returncode == 2
    assert complaint in ended.stderr
