"""What a worker does before it works: it looks at how it would show its token."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures.cli import run_cli

ELSEWHERE = "192.0.2.1:7700"
TOKEN = "of-the-workers-0123456789"


@pytest.mark.parametrize("given", ["variable", "file"])
def test_token_is_not_sent_where_others_could_read_it(given: str, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    arguments = ["--token-file", "token"] if given == "file" else []
    environment = {"ROCKETSHIP_WORKER_TOKEN": TOKEN} if given == "variable" else {}

    ended = run_cli(
        ["worker", "--engine", ELSEWHERE, *arguments],
        cwd=tmp_path,
        home=tmp_path / "home",
        env=environment,
    )

    assert ended.returncode == 3
    assert f"the token of workers is not sent to grpc://{ELSEWHERE}" in ended.stderr
    assert "--allow-plaintext-token" in ended.stderr
    assert TOKEN not in ended.stderr


def test_token_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    ended = run_cli(
        ["worker", "--engine", ELSEWHERE, "--token-file", "nowhere"],
        cwd=tmp_path,
        home=tmp_path / "home",
    )

    assert ended.returncode == 2
    assert "--token-file nowhere cannot be read" in ended.stderr
