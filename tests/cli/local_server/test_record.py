from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rocketship.cli.local_server.process import start_time, terminate
from rocketship.cli.local_server.record import Place, ServerRecord
from rocketship.errors import UsageError

RECORD = ServerRecord(
    pid=os.getpid(),
    started=start_time(os.getpid()),
    nonce="",
    grpc="grpc://127.0.0.1:7700",
    http="http://127.0.0.1:7701",
    version="1",
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place({"ROCKETSHIP_DATA_DIR": str(tmp_path / "data")})


@pytest.fixture
def holder(place: Place) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the place, and has written nothing but its nonce."""
    code = (
        "import os, sys; from rocketship.cli.local_server.record import Place\n"
        f"with Place({{'ROCKETSHIP_DATA_DIR': {str(place.folder.parent)!r}}}).held() as nonce:\n"
        "    print(nonce, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield process
    process.kill()
    process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_runtime_folder_is_the_persons_own(tmp_path: Path):
    data = {"ROCKETSHIP_DATA_DIR": "/d"}
    assert Place(data).folder == Path("/d/run")
    assert Place(data | {"XDG_RUNTIME_DIR": str(tmp_path)}).folder == tmp_path / "rocketship"
    assert Place(data | {"XDG_RUNTIME_DIR": str(tmp_path / "none")}).folder == Path("/d/run")


def test_without_a_server_nothing_is_found_or_made(place: Place):
    assert place.find() is None
    assert place.holder() == ""
    assert not place.folder.exists()


def test_server_is_found_as_soon_as_it_says_where_it_is(place: Place):
    with place.held() as nonce:
        assert (place.find(), place.holder()) == (None, nonce)
        record = replace(RECORD, nonce=nonce)
        place.publish(record)
        assert place.find() == record
    assert place.find() is None
    assert place.holder() == ""


def test_folder_and_files_are_for_their_owner_alone(place: Place):
    with place.held() as nonce:
        place.publish(replace(RECORD, nonce=nonce))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.folder.iterdir()}
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    assert modes == {"server.lock": 0o600, "server.json": 0o600}


def test_second_server_is_told_of_the_first(place: Place):
    with place.held() as nonce:
        place.publish(replace(RECORD, nonce=nonce))
        with pytest.raises(UsageError, match="running already: grpc://127.0.0.1:7700, process"):
            place.held().__enter__()


def test_server_that_is_not_ready_yet_is_not_disturbed(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("rocketship.cli.local_server.record.LOCK_PATIENCE_SECONDS", 0.02)
    with place.held(), pytest.raises(UsageError, match="starting or stopping right now"):
        place.held().__enter__()


def test_record_of_a_killed_server_is_not_believed(place: Place, holder: subprocess.Popen[str]):
    nonce = first_line(holder)
    place.publish(replace(RECORD, nonce=nonce))
    assert place.find() is not None

    holder.kill()
    holder.wait()

    assert place.find() is None
    with place.held() as another:
        # The file is still there while the next server starts.
        assert (place.folder / "server.json").exists()
        assert another != nonce
        assert place.find() is None


@pytest.mark.parametrize("changes", [{"nonce": "0" * 32}, {"started": "1"}, {"pid": 2**22 + 1}])
def test_record_that_is_not_the_holders_is_not_believed(place: Place, changes: dict[str, object]):
    with place.held() as nonce:
        place.publish(replace(RECORD, nonce=nonce))
        path = place.folder / "server.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        assert place.find() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"surprise": 1}'])
def test_damaged_record_is_none(place: Place, text: str):
    with place.held():
        (place.folder / "server.json").write_text(text)
        assert place.find() is None


def test_only_the_process_that_was_meant_is_stopped(holder: subprocess.Popen[str]):
    first_line(holder)

    assert not terminate(holder.pid, "1")
    assert holder.poll() is None
    assert terminate(holder.pid, start_time(holder.pid))
    assert holder.wait() == -signal.SIGTERM
    assert not terminate(holder.pid, "1")


def test_start_times_tell_processes_apart(holder: subprocess.Popen[str]):
    first_line(holder)

    assert start_time(holder.pid) != start_time(os.getpid())
    assert start_time(2**22 + 1) == ""
