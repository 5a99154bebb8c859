"""A history database that is locked, damaged or taken away while a run uses it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.faults.test_storage import UNPRIVILEGED
from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.workbench import Ended, Running, Workbench, case, log, suite

BEGUN = ["one", "work"]
CLEANED = ["tidy", "also", "close"]


def damage(folder: Path) -> None:
    for path in folder.glob("history.db*"):
        overwrite(path)


def damage_log(folder: Path) -> None:
    overwrite(folder / "history.db-wal")


def cut_log(folder: Path) -> None:
    os.truncate(folder / "history.db-wal", 0)


def overwrite(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"\xa5" * size)


def remove(folder: Path) -> None:
    (folder / "history.db").unlink()


def remove_all(folder: Path) -> None:
    for path in folder.glob("history.db*"):
        path.unlink()


def replace(folder: Path) -> None:
    copy = shutil.copy(folder / "history.db", folder / "copy")
    os.replace(copy, folder / "history.db")


def begin(bench: Workbench) -> Running:
    """Start a run, and return when it is in the middle of a test."""
    tidy = {"always": [bench.say("tidy"), bench.say("also")]}
    steps = [bench.say("one"), bench.hold("work"), bench.say("more"), log("x")]
    close = {"always": [bench.say("close")]}
    bench.write("shop.yaml", suite(case("A", *steps, cleanup=tidy), cleanup=close))
    options = ("--report", "json=report.json")
    running = bench.start("run", "shop.yaml", *options, wrapper=UNPRIVILEGED)
    bench.wait_for(*BEGUN)
    return running


def check_ended(bench: Workbench, ended: Ended, message: str) -> None:
    """Check that a run ended as an error of the database, after all of its cleanup."""
    assert ended.code == 3, ended.err
    assert f"error: the history database {bench.data}/history.db {message}" in ended.err
    assert "hint: " in ended.err
    assert "Traceback" not in ended.err
    assert bench.words() == BEGUN + CLEANED
    assert (bench.folder / "report.json").exists()


def check_usable(bench: Workbench) -> None:
    bench.write("next.yaml", suite(case("B", log("next"))))
    ended = bench.run("run", "next.yaml")
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("take_away", [remove, remove_all, replace, shutil.rmtree])
def test_database_that_is_taken_away_ends_the_run_as_an_error_after_its_cleanup(
    bench: Workbench, take_away: Callable[[Path], None]
):
    running = begin(bench)

    take_away(bench.data)
    bench.release("work")

    check_ended(bench, running.end(), "was removed or replaced while it was in use")
    if take_away is replace:
        # What is there now is the history of before; the run in it lost its process.
        ended = bench.run("list")
        assert (ended.code, "has ended: FAILED" in ended.err) == (0, True)
    check_usable(bench)


def test_database_that_is_damaged_ends_the_run_as_an_error_after_its_cleanup(bench: Workbench):
    running = begin(bench)

    damage(bench.data)
    bench.release("work")

    check_ended(bench, running.end(), "is damaged")


@pytest.mark.parametrize("harm", [damage, damage_log, cut_log])
def test_damage_is_told_at_the_next_start_with_what_to_do(
    bench: Workbench, harm: Callable[[Path], None]
):
    running = begin(bench)
    harm(bench.data)
    bench.release("work")
    running.end()

    ended = bench.run("list")

    assert ended.code == 3
    assert f"the history database {bench.data}/history.db is damaged" in ended.err
    assert "hint: move it and the files beside it that begin so out of the way" in ended.err
    for path in bench.data.glob("history.db*"):
        path.rename(bench.folder / path.name)
    check_usable(bench)


def test_folder_that_becomes_read_only_is_told_at_the_next_start(bench: Workbench):
    """What is open stays so, and keeps the run in progress whole."""
    running = begin(bench)

    for path in bench.data.glob("history.db*"):
        path.chmod(0o400)
    bench.data.chmod(0o500)
    bench.release("work")
    ended = running.end()
    refused = bench.run("run", "shop.yaml", wrapper=UNPRIVILEGED)

    assert (ended.code, ended.err) == (0, "")
    assert refused.code == 3
    assert "cannot be written" in refused.err
    assert "ROCKETSHIP_DATA_DIR" in refused.err
    bench.data.chmod(0o700)
    for path in bench.data.glob("history.db*"):
        path.chmod(0o600)
    (run_id,) = bench.run_ids()
    bench.check_told_once(run_id)


def test_engine_whose_database_is_taken_away_is_not_ready_and_says_why(
    bench: Workbench, engine_process: EngineProcess
):
    bench.write("shop.yaml", suite(case("A", log("a"))))
    address = f"127.0.0.1:{engine_process.grpc_port}"
    assert bench.run("run", "shop.yaml", "--engine", address).code == 0

    remove_all(engine_process.folder / "data")
    refused = bench.run("run", "shop.yaml", "--engine", address)

    assert refused.code == 3
    assert "was removed or replaced while it was in use" in refused.err
    assert "hint: what happened since is not recorded; start the command or the engine anew" in (
        refused.err
    )
    with pytest.raises(HTTPError, match="503"):
        urlopen(f"http://127.0.0.1:{engine_process.http_port}/readyz")
    assert engine_process.stop() == 0
    engine_process.start()
    again = bench.run("run", "shop.yaml", "--engine", address)
    assert (again.code, again.err) == (0, "")


@pytest.mark.slow
def test_database_that_stays_locked_ends_the_run_as_an_error_after_its_cleanup(bench: Workbench):
    running = begin(bench)

    other = sqlite3.connect(bench.data / "history.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    bench.release("work")
    # As long as one wait for a lock and not as long as one for every step of the cleanup.
    ended = running.end()
    other.close()

    check_ended(bench, ended, "stayed locked by another process")
    assert "hint: wait for the other rocketship process" in ended.err
    # The record is that of a lost process, whose cleanup is done again.
    listed = bench.run("list")
    assert (listed.code, "has ended: FAILED" in listed.err) == (0, True)
    assert bench.words() == BEGUN + CLEANED * 2


def test_index_that_is_cut_off_kills_the_process_and_the_next_one_cleans_up(bench: Workbench):
    """SQLite maps its index into memory; what is not there any more is a signal."""
    running = begin(bench)

    os.truncate(bench.data / "history.db-shm", 0)
    bench.release("work")

    assert running.end().code < 0
    ended = bench.run("list")
    assert (ended.code, "has ended: FAILED" in ended.err) == (0, True)
    assert bench.words() == BEGUN + CLEANED


def readiness(engine: EngineProcess) -> tuple[int, str]:
    """Return what an engine says about itself and its store."""
    try:
        with urlopen(f"http://127.0.0.1:{engine.http_port}/readyz") as answer:
            return 200, json.load(answer)["dependencies"]["store"]
    except HTTPError as error:
        return error.code, json.load(error)["dependencies"]["store"]


def limit_files(pid: int, size: int) -> None:
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def break_record(bench: Workbench, engine: EngineProcess) -> tuple[Running, str]:
    """Start a run on an engine that can write no more when the run is in the middle of a test."""
    steps = [bench.hold("work"), log("x" * 50_000), log("x" * 50_000)]
    cleanup = {"always": [bench.say("tidy")]}
    bench.write("shop.yaml", suite(case("A", *steps, cleanup=cleanup)))
    address = f"127.0.0.1:{engine.grpc_port}"
    running = bench.start("run", "shop.yaml", "--engine", address)
    bench.wait_for("work")
    limit_files(engine.pid, 64 << 10)
    bench.release("work")
    running.wait_until(lambda: "run_not_recorded" in engine.log)
    return running, address


@pytest.mark.slow
def test_engine_that_can_write_no_more_says_so_until_it_can_again(
    bench: Workbench, engine_process: EngineProcess
):
    running, address = break_record(bench, engine_process)

    refused = bench.run("run", "shop.yaml", "--engine", address)
    assert refused.code == 3
    assert "hint: look for free space, quotas, limits on file sizes" in refused.err
    assert readiness(engine_process) == (503, "failed")

    limit_files(engine_process.pid, resource.RLIM_INFINITY)
    assert readiness(engine_process) == (200, "ok")
    ended = running.end()
    assert (ended.code, "FAILED" in bench.run("list", "--engine", address).out) == (1, True)
    assert "the history database" in ended.out
    assert bench.words() == ["work", "tidy"]
    for event in ("store_takes_no_writes", "run_not_recorded", "store_takes_writes_again"):
        assert engine_process.log.count(event) == 1


@pytest.mark.slow
def test_run_whose_record_broke_can_be_cancelled_as_soon_as_that_can_be_kept(
    bench: Workbench, engine_process: EngineProcess
):
    running, address = break_record(bench, engine_process)
    listed = json.loads(bench.run("list", "--engine", address, "--format", "json").out)
    run_id = listed["runs"][0]["run_id"]

    refused = bench.run("cancel", run_id, "--engine", address)
    assert (refused.code, "look for free space" in refused.err) == (3, True)

    limit_files(engine_process.pid, resource.RLIM_INFINITY)
    assert bench.run("cancel", run_id, "--engine", address).code == 0
    running.end()
    assert "FAILED" in bench.run("get", run_id, "--engine", address).out
    assert bench.run("delete", run_id, "--engine", address).code == 0
