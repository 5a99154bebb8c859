"""Measures the pages: how soon they are drawn, what they weigh, and what many browsers cost."""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import re
import shutil
import sqlite3
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from engine_process import Running, start_engine
from row import Row

RUNS = 100_000
SUITES = 40
ROUNDS = 15
BROWSERS = 200
WATCH_SECONDS = 10.0
TICKS = 40
#: Says the time ten times a second, so that a page can tell how late it hears of it.
CLOCK = f"for i in $(seq {TICKS}); do date +'tick %s%3N'; sleep 0.1; done"
SUITE = {
    "name": "Clock",
    "tests": [
        {
            "name": "tells the time",
            "steps": [
                {
                    "name": "tick",
                    "plugin": "script",
                    "config": {"language": "shell", "script": CLOCK},
                }
            ],
        }
    ],
}
_FILL = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :runs)
INSERT INTO run (id, suite, file, status, created_at, ended_at, duration_seconds, message, totals,
                 context, owner, spec, source, secrets, end_key, duration_key, from_branch,
                 from_source, searched)
SELECT printf('01%024d', i), 'suite ' || (i % :suites), 'suite.yaml',
       iif(i % 7, 'PASSED', 'FAILED'), strftime('%s') - :runs + i, strftime('%s') - :runs + i + 1,
       1 + i % 9, '', :totals, json_object('branch', 'b' || (i % 20), 'source', 'ci'),
       '', '{}', x'', x'', strftime('%s') - :runs + i + 1, 1 + i % 9, 'b' || (i % 20), 'ci',
       'suite ' || (i % :suites) || char(31) || 'suite.yaml' || char(31) || 'b' || (i % 20) FROM n
"""
_OBSERVE = """() => {
  window.late = [];
  new MutationObserver(changes => requestAnimationFrame(() => {
    for (const change of changes) for (const node of change.addedNodes) {
      const told = /tick (\\d+)/.exec(node.textContent);
      if (told) window.late.push(Date.now() - Number(told[1]));
    }
  })).observe(document.getElementById('log'), {childList: true});
}"""


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a fraction of everything")
    measure(quick=parser.parse_args().quick)


def measure(*, quick: bool) -> None:
    """Print a table of the figures."""
    runs, browsers = (RUNS // 10, BROWSERS // 4) if quick else (RUNS, BROWSERS)
    print("| what | measured | must | |\n|---|--:|--:|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with start_engine(folder, 16):
            pass
        fill(folder / "data" / "history.db", runs)
        with start_engine(folder, 16) as engine:
            for row in (*drawn(engine, runs), *weight(engine)):
                print(row)
            print(*asyncio.run(crowd(engine, browsers)), sep="\n")
            print(asyncio.run(lateness(engine)))


def fill(database: Path, runs: int) -> None:
    """Write many ended runs, each with what lists show."""
    totals = json.dumps({"total": 10, "passed": 10})
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(_FILL, {"runs": runs, "suites": SUITES, "totals": totals})
        connection.execute("INSERT INTO suite_name SELECT DISTINCT suite, suite FROM run")


def drawn(engine: Running, runs: int) -> Iterator[Row]:
    """Yield how long each page takes to draw."""
    for path in ("/", "/runs", "/runs?status=failed&branch=b3", "/runs?text=suite+7"):
        times = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            fetch(engine, path)
            times.append((time.perf_counter() - begun) * 1000)
        name = f"{path} with {runs:,} runs stored, first paint"
        yield Row(name, statistics.median(times), "ms", 150)


def weight(engine: Running) -> Iterator[Row]:
    """Yield what a browser downloads to show the runs."""
    page = fetch(engine, "/runs")
    files = re.findall(rb'"(/static/[^"]+)"', page)
    everything = [page, *(fetch(engine, path.decode()) for path in set(files))]
    total = sum(len(gzip.compress(item, 6)) for item in everything)
    yield Row("/runs with all it needs, compressed", total / 1000, "kB", 150)


async def crowd(engine: Running, browsers: int) -> list[Row]:
    """Return what an engine costs while many browsers watch and runs go on."""
    streams = [await watch(engine) for _ in range(browsers)]
    before, begun = cpu_seconds(engine), time.monotonic()
    tasks = [asyncio.create_task(read_on(reader)) for reader, _ in streams]
    await asyncio.to_thread(start_run, engine)
    await asyncio.sleep(WATCH_SECONDS)
    cost = (cpu_seconds(engine) - before) / (time.monotonic() - begun)
    for task, (_, writer) in zip(tasks, streams, strict=True):
        task.cancel()
        writer.close()
    heard = sum(task.result() for task in await settled(tasks) if not task.cancelled())
    return [
        Row(f"{browsers} browsers: cores used", cost * 100, "% of a core", 100),
        Row(f"{browsers} browsers: most memory", engine.peak_mib, "MiB", 200),
        Row(f"{browsers} browsers: streams that ended by themselves", heard, "", 0),
    ]


async def settled(tasks: list[asyncio.Task[int]]) -> set[asyncio.Task[int]]:
    """Return the tasks once all are done."""
    done, _ = await asyncio.wait(tasks)
    return done


async def watch(engine: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open the stream of a page over HTTP/1.1, as a browser does."""
    host, port = engine.http.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"POST /rocketship.v1.Engine/WatchRuns HTTP/1.1\r\nHost: bench\r\n"
        b"Content-Type: application/grpc-web+proto\r\nContent-Length: 5\r\n\r\n\0\0\0\0\0"
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def read_on(reader: asyncio.StreamReader) -> int:
    """Read a stream; return 1 when it ends."""
    while await reader.read(65_536):
        pass
    return 1


async def lateness(engine: Running) -> Row:
    """Return how long after a line was written a browser shows it."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = await browser.new_page()
        # Not before: a browser may take longer to start than the clock goes.
        run_id = await asyncio.to_thread(start_run, engine)
        await page.goto(f"{engine.http}/runs/{run_id}")
        await page.evaluate(_OBSERVE)
        await page.wait_for_selector("#run-status .is-passed", timeout=60_000)
        late = await page.evaluate("window.late")
        await browser.close()
    return Row(f"line to pixel, median of {len(late)}", statistics.median(late), "ms", 300)


def start_run(engine: Running) -> str:
    """Start the clock on the engine and return the run's id."""
    from rocketship.wire._generated import engine_pb2 as pb

    message = pb.CreateRunRequest(yaml_payload=json.dumps(SUITE).encode()).SerializeToString()
    request = urllib.request.Request(
        f"{engine.http}/rocketship.v1.Engine/CreateRun",
        b"\0" + len(message).to_bytes(4, "big") + message,
        {"content-type": "application/grpc-web+proto"},
    )
    with urllib.request.urlopen(request) as response:
        body = response.read()
    length = int.from_bytes(body[1:5], "big")
    return pb.CreateRunResponse.FromString(body[5 : 5 + length]).run_id


def fetch(engine: Running, path: str) -> bytes:
    """Return a page or a file."""
    request = urllib.request.Request(engine.http + path, headers={"accept": "text/html"})
    with urllib.request.urlopen(request) as response:
        body: bytes = response.read()
    return body


def cpu_seconds(engine: Running) -> float:
    """Return the time an engine's process has computed so far."""
    fields = Path(f"/proc/{engine.process.pid}/stat").read_text(encoding="ascii").split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
