"""A gigabyte from a script, a server or a database: bounded memory, and a word about the rest."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from tests.fixtures.http_server import Got, HttpServer
from tests.fixtures.workbench import Ended, Workbench, case, suite

GIGABYTE = 1_000_000_000
PIECE = bytes(1_000_000)
PEAK_MIB = 320

pytestmark = pytest.mark.slow


def play(bench: Workbench, step: Mapping[str, Any], peak_mib: int = PEAK_MIB) -> tuple[Ended, str]:
    """Run a suite of one step in bounded memory; return how it ended and what its step says."""
    peak = bench.say("peak", "grep VmHWM /proc/$PPID/status")
    test = case("A", {"name": "Huge", **step})
    bench.write("shop.yaml", suite(test, cleanup={"always": [peak]}))
    report = "--report=json=report.json"

    ended = bench.run("run", "shop.yaml", report)

    assert ended.err == ""
    told = re.search(r"VmHWM:\s+(\d+) kB", ended.out)
    assert told is not None
    assert int(told[1]) >> 10 < peak_mib
    (run_id,) = bench.run_ids()
    return ended, str(bench.result(run_id)["tests"][0]["steps"][0])


def query(driver: str, dsn: str, statement: str) -> dict[str, Any]:
    config = {"driver": driver, "dsn": dsn, "commands": [statement]}
    return {"plugin": "sql", "config": config}


def test_script_that_prints_a_gigabyte_passes_and_says_what_is_kept(bench: Workbench):
    source = f"head -c {GIGABYTE} /dev/zero | tr '\\0' x"
    config = {"language": "shell", "script": source}

    ended, said = play(bench, {"plugin": "script", "config": config})

    assert ended.code == 0
    assert "stdout: only the first 1 MiB is kept" in said


def test_reports_of_many_large_outputs_are_bounded_and_keep_the_failure(bench: Workbench):
    config = {
        "language": "shell",
        "script": "yes $(head -c 7900 /dev/zero | tr '\\0' x) | head -130",
    }
    steps = [{"name": "Print", "plugin": "script", "config": config} for _ in range(60)]
    wrong = {"type": "exit_code", "expected": 9}
    tests = [case("A", *steps), case("B", {**steps[0], "assertions": [wrong]})]
    bench.write("shop.yaml", suite(*tests))
    formats = ("json", "html", "junit", "tap", "markdown")
    reports = [f"--report={name}={name}.report" for name in formats]

    ended = bench.run("run", "shop.yaml", *reports)

    assert (ended.code, ended.err) == (1, "")
    sizes = {name: (bench.folder / f"{name}.report").stat().st_size >> 20 for name in formats}
    assert all(size < 48 for size in sizes.values()), sizes
    run = json.loads((bench.folder / "json.report").read_text())["runs"][0]
    printed, failed = run["tests"][0]["steps"], run["tests"][1]["steps"][0]
    assert [printed[0]["left_out"], printed[-1]["left_out"]] == [False, True]
    assert len(failed["logs"]) == 130


@pytest.mark.parametrize("announced", [True, False])
def test_response_of_a_gigabyte_fails_its_step(bench: Workbench, announced: bool):
    async def stream(got: Got, writer: asyncio.StreamWriter) -> None:
        length = f"Content-Length: {GIGABYTE}\r\n" if announced else "Connection: close\r\n"
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        for _ in range(GIGABYTE // len(PIECE)):
            writer.write(PIECE)
            await writer.drain()

    with HttpServer({"/": stream}) as server:
        config = {"method": "GET", "url": server.url()}
        ended, said = play(bench, {"plugin": "http", "config": config})

    assert ended.code == 1
    assert "larger than 64 MiB" in said


def test_rows_of_a_gigabyte_from_sqlite_are_counted_and_not_kept(bench: Workbench):
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000)"
    statement = f"{rows} SELECT replace(hex(zeroblob(500000)), '0', 'x') AS x FROM n"

    check_rows(*play(bench, query("sqlite", ":memory:", statement)))


def test_rows_of_a_gigabyte_from_postgres_are_counted_and_not_kept(
    bench: Workbench, database_url: str
):
    statement = "SELECT repeat('x', 1000000) AS x FROM generate_series(1, 1000)"

    check_rows(*play(bench, query("postgres", database_url, statement)))


def test_rows_of_a_gigabyte_from_mariadb_are_counted_and_not_kept(
    bench: Workbench, mariadb_dsn: str
):
    statement = "SELECT repeat('x', 1000000) AS x FROM seq_1_to_1000"

    check_rows(*play(bench, query("mysql", mariadb_dsn, statement)))


def check_rows(ended: Ended, said: str) -> None:
    assert ended.code == 0
    assert "the result is too large: 16 of 1000 rows of query 0 were kept" in said


def test_value_that_is_too_large_for_sqlite_fails_its_step(bench: Workbench):
    statement = f"SELECT hex(zeroblob({GIGABYTE // 3})) AS x"

    ended, said = play(bench, query("sqlite", ":memory:", statement))

    assert ended.code == 1
    assert "too big" in said
    assert "64 MiB" in said


def test_value_that_is_too_large_for_postgres_fails_its_step(bench: Workbench, database_url: str):
    statement = f"SELECT repeat('x', {GIGABYTE // 10}) AS x"

    # The client library needs room for a whole row, twice.
    ended, said = play(bench, query("postgres", database_url, statement), peak_mib=512)

    assert ended.code == 1
    assert "column x" in said
    assert "larger than 64 MiB" in said
