"""Measures how much the steps of one test suffer from what a neighbour in the same run does.

A test of short delays runs beside a test that hangs, computes without end, or is flooded. What
counts is how long a step takes from its own start to the start of the next one, commit included. A
busy machine adds to that; it adds nothing to the CPU time of the longest piece of work in the loop.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from measure import Bench
from row import Row

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.fixtures.http_server import Got, HttpServer, answer

PIECES = str(Path(__file__).with_name("pieces.py"))
STEP_MS = 10
STEPS, QUICK_STEPS = 300, 100
LIMIT_MS = 50
#: The quick test has passed long before.
TIMEOUT = "120s"
#: A neighbour that is ended by a limit of its own begins again, with hardly a pause.
AGAIN = {"maximum_attempts": 10000, "initial_interval": "1ms", "backoff_coefficient": 1}
ENDLESS_ROWS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"
PIECE = bytes(1 << 16)
LONG = "head -c 100000 /dev/zero | tr '\\0' x"


async def hang(got: Got, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def flood(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + PIECE + b"\r\n")
        await writer.drain()


async def trickle(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.001)


async def headers(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: and more\r\n" * 1000)
        await writer.drain()


#: As large as a body may be, nearly.
LARGE = answer("[" + ",".join(['{"id": 1234567, "name": "item"}'] * 1_900_000) + "]")
ROUTES = {"/hang": hang, "/flood": flood, "/trickle": trickle, "/headers": headers, "/large": LARGE}


@dataclass(frozen=True)
class Beside:
    """What the short steps took beside a neighbour, sorted, and the longest piece of work."""

    milliseconds: list[float]
    piece_ms: float


def measure(*, quick: bool) -> None:
    """Print a table of all figures, row by row as they come."""
    count = QUICK_STEPS if quick else STEPS
    print("| while a neighbour … | p99 of a step | target | | longest piece of work, CPU |")
    print("|---|--:|--:|---|--:|")
    with HttpServer(ROUTES) as server, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder)
        for kind, step in _neighbours(server.url("")).items():
            found = _beside(bench, folder, kind, step, count)
            p99 = found.milliseconds[int(len(found.milliseconds) * 0.99)]
            print(Row(kind, p99, "ms", LIMIT_MS), f"{found.piece_ms:.0f} ms |", flush=True)


def _neighbours(url: str) -> dict[str, dict[str, Any]]:
    return {
        "does nothing": {},
        "waits for a server": _get(url + "/hang"),
        "reads a body without end": _get(url + "/flood"),
        "reads a byte at a time": _get(url + "/trickle"),
        "reads headers without end": _get(url + "/headers"),
        "reads 60 MB of JSON": _get(url + "/large", type="json_path", path=".[0].id"),
        "compares 60 MB of text": _get(url + "/large", type="body"),
        "runs JavaScript without end": _script("javascript", "for (;;);"),
        "prints from JavaScript": _script("javascript", "for (;;) console.log('x'.repeat(100))"),
        "runs Python without end": _script("python", "while True: pass"),
        "runs shell without end": _script("shell", "while :; do :; done"),
        "prints 1 GB and more": _script("shell", "cat /dev/zero"),
        "prints lines without end": _script("shell", "yes"),
        "forks without end": _script("shell", "while :; do (:); done"),
        "runs jq without end": _log(**{"if": "[range(infinite)]"}),
        "searches without end": _script("shell", LONG, assertions=[_matches("(x+x+)+y")]),
        "compiles a pattern": _script("shell", LONG, assertions=[_matches("(x{1,99}){1,99}y")]),
        "queries without end": _query(f"{ENDLESS_ROWS} sum(i) FROM n"),
        "fetches rows without end": _query(f"{ENDLESS_ROWS} i FROM n"),
        "fetches large rows without end": _query(f"{ENDLESS_ROWS} zeroblob(1000000) FROM n"),
        "saves 4 MB": _script("javascript", "save('a', 'x'.repeat(4000000)); throw 1"),
        "shows a long text": _script("shell", "{{ random_string 100000 }}" * 20),
    }


def _beside(bench: Bench, folder: Path, kind: str, step: Mapping[str, Any], count: int) -> Beside:
    """Run the short steps beside a neighbour."""
    pause = {"name": "Pause", "plugin": "delay", "config": {"duration": f"{STEP_MS}ms"}}
    # The first steps run while the neighbour may not have begun yet.
    tests = [{"name": "Short", "steps": [pause] * (count + count // 5)}]
    if step:
        tests.append({"name": "Neighbour", "steps": [{"name": "Hang", "retry": AGAIN, **step}]})
    suite, report = folder / "suite.yaml", folder / "report.json"
    suite.write_text(json.dumps({"name": "bench", "tests": tests}), encoding="utf-8")
    pieces = folder / "pieces.json"
    command = [
        sys.executable,
        PIECES,
        str(pieces),
        "run",
        str(suite),
        "--output",
        "plain",
        f"--report=json={report}",
    ]
    process = bench.start([*command, "--concurrency", "8"])
    assert process.stdout is not None
    for line in process.stdout:
        if b"[Short] Test passed" in line:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
    assert process.wait() in (0, 130)
    short, *neighbour = json.loads(report.read_text(encoding="utf-8"))["runs"][0]["tests"]
    assert all(test["status"] == "CANCELLED" for test in neighbour), kind
    starts = [datetime.fromisoformat(step["started_at"]) for step in short["steps"]]
    first, last = starts[count // 5].timestamp(), starts[-1].timestamp()
    long = json.loads(pieces.read_text(encoding="utf-8"))
    longest = max((took for at, took in long if first < at < last), default=0.0)
    return Beside(sorted(_gaps(starts[count // 5 :])), longest * 1000)


def _gaps(starts: list[datetime]) -> Iterator[float]:
    for before, after in zip(starts, starts[1:], strict=False):
        yield (after - before).total_seconds() * 1000


def _get(url: str, **assertion: Any) -> dict[str, Any]:
    config = {"method": "GET", "url": url, "timeout": TIMEOUT}
    more = {"assertions": [{"expected": 0, **assertion}]} if assertion else {}
    return {"plugin": "http", "config": config, **more}


def _script(language: str, source: str, **keys: Any) -> dict[str, Any]:
    config = {"language": language, "script": source, "timeout": TIMEOUT}
    return {"plugin": "script", "config": config, **keys}


def _log(message: str = "x", **keys: Any) -> dict[str, Any]:
    return {"plugin": "log", "config": {"message": message}, **keys}


def _query(sql: str) -> dict[str, Any]:
    config = {"driver": "sqlite", "dsn": ":memory:", "commands": [sql], "timeout": TIMEOUT}
    return {"plugin": "sql", "config": config}


def _matches(pattern: str) -> dict[str, Any]:
    return {"type": "stdout", "operator": "matches", "expected": pattern}
