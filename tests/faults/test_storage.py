"""Data folders that cannot be used, and disks that are full."""

from __future__ import annotations

import os
import sqlite3

import pytest

from tests.fixtures.workbench import Ended, Workbench, case, log, suite

#: Makes file permissions count even where the tests are run by root.
UNPRIVILEGED = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.getuid() == 0 else ()
)


def test_data_folder_that_cannot_be_written_exits_three_with_a_way_out(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.say("ran"))))
    bench.data.mkdir()
    bench.data.chmod(0o500)

    ended = bench.run("run", "shop.yaml", wrapper=UNPRIVILEGED)

    assert ended.code == 3
    assert "cannot be written" in ended.err
    assert "ROCKETSHIP_DATA_DIR" in ended.err
    assert "Traceback" not in ended.err
    assert bench.words() == []


def test_data_folder_that_became_read_only_exits_three(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.say("ran"))))
    bench.run("run", "shop.yaml")
    for path in bench.data.iterdir():
        path.chmod(0o500 if path.is_dir() else 0o400)
    bench.data.chmod(0o500)

    ended = bench.run("list", wrapper=UNPRIVILEGED)

    assert ended.code == 3
    assert "cannot be written" in ended.err


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_file_where_the_data_folder_should_be_exits_three(bench: Workbench, place: str):
    bench.write("file", "")

    ended = bench.run("list", env={"ROCKETSHIP_DATA_DIR": str(bench.folder / place)})

    assert ended.code == 3
    assert str(bench.folder / "file") in ended.err


@pytest.mark.parametrize("content", [b"this is not a database, and long enough" * 50, b"SQLite"])
def test_damaged_database_exits_three_and_says_what_to_do(bench: Workbench, content: bytes):
    bench.write("shop.yaml", suite(case("A", bench.say("ran"))))
    bench.run("run", "shop.yaml")
    for path in bench.data.glob("history.db*"):
        path.write_bytes(content if path.suffix == ".db" else b"")

    ended = bench.run("run", "shop.yaml")

    assert ended.code == 3
    assert f"the history database {bench.data}/history.db is damaged" in ended.err
    assert "move" in ended.err
    assert bench.words() == ["ran"]


def test_database_of_a_newer_release_is_not_touched(bench: Workbench):
    bench.run("list")
    database = sqlite3.connect(bench.data / "history.db")
    database.execute("PRAGMA user_version = 99")
    database.close()

    ended = bench.run("list")

    assert ended.code == 3
    assert "newer" in ended.err


def write_long_suite(bench: Workbench) -> None:
    """Write a suite that has more to tell than fits on a small disk."""
    tidy = {"always": [bench.say("tidy")]}
    talk = [log("x" * 100_000), log("x" * 100_000), log("x" * 100_000)]
    tests = [case("A", bench.say("work"), *talk, bench.say("more"), cleanup=tidy)]
    bench.write("shop.yaml", suite(*tests, cleanup={"always": [bench.say("close")]}))


def check_full(bench: Workbench, ended: Ended) -> None:
    assert ended.code == 3, ended.err
    assert "error: " in ended.err
    assert str(bench.data) in ended.err
    assert "Traceback" not in ended.err
    assert bench.words() == ["work", "tidy", "close"]
    assert (bench.folder / "report.json").exists()


def test_full_disk_ends_the_run_as_an_error_after_its_cleanup(bench: Workbench):
    bench.data.mkdir()
    script = 'mount -t tmpfs -o size=700k tmpfs "$0" && exec "$@"'
    # In a name space of its own, everybody may mount.
    wrapper = ("unshare", "--map-root-user", "--mount", "sh", "-c", script, str(bench.data))
    write_long_suite(bench)

    ended = bench.run("run", "shop.yaml", "--report", "json=report.json", wrapper=wrapper)

    check_full(bench, ended)
    assert "the disk is full" in ended.err
    assert "hint: free some space" in ended.err


def test_limit_on_file_sizes_ends_the_run_as_an_error_after_its_cleanup(bench: Workbench):
    write_long_suite(bench)
    wrapper = ("sh", "-c", 'ulimit -f 900 && exec "$0" "$@"')

    ended = bench.run("run", "shop.yaml", "--report", "json=report.json", wrapper=wrapper)

    check_full(bench, ended)
    assert "hint: look for free space, quotas, limits on file sizes" in ended.err
    # With room again, the record is that of a lost process, whose cleanup is done again.
    listed = bench.run("list")
    assert (listed.code, "has ended: " in listed.err) == (0, True)
    assert bench.words() == ["work", "tidy", "close", "tidy", "close"]


def test_full_disk_under_stdout_exits_three_and_the_run_still_ends(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.say("work"))))

    with open("/dev/full", "wb") as full:
        ended = bench.run("run", "shop.yaml", "--report", "json=report.json", stdout=full)

    assert ended.code == 3
    assert ended.err == (
        "error: the results could not be written to stdout: No space left on device\n"
    )
    assert bench.words() == ["work"]
    assert (bench.folder / "report.json").exists()


def test_many_commands_at_once_share_a_new_data_folder(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a"))))

    commands = [bench.start("run", "shop.yaml") for _ in range(8)]
    ended = [command.end() for command in commands]

    assert [(end.code, end.err) for end in ended] == [(0, "")] * 8
    assert len(bench.run_ids()) == 8


@pytest.mark.parametrize("kind", ["unreadable", "folder", "binary", "empty"])
def test_suite_file_that_cannot_be_read_exits_two_and_names_it(bench: Workbench, kind: str):
    path = bench.folder / "shop.yaml"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\x00\xff\xfe\x01" if kind == "binary" else b"")
    if kind == "unreadable":
        path.chmod(0)

    ended = bench.run("run", "-f", "shop.yaml", wrapper=UNPRIVILEGED)

    assert ended.code == 2
    assert "shop.yaml" in ended.err
    assert "Traceback" not in ended.err
    assert "fault of rocketship" not in ended.err
