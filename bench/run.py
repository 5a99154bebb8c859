"""Measures start-up and throughput side by side with bare Python and a pycurl loop.

Everything is measured from outside, whole processes, and in turns. Nothing is installed: other
tools take part when they are there already.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import peers
from measure import Bench, Command, Figures
from server import serve
from suites import SHAPES, Shape, write_http, write_many, write_slow

HERE = Path(__file__).parent
ROCKETSHIP = str(Path(sys.executable).with_name("rocketship"))
MANY = (1000, 10_000)
SLOW_STEPS = 20

_STEP_ENDED = re.compile(rb"\[([0-9T:.-]+)Z\] Step completed")


@dataclass(frozen=True)
class Row:
    """One line of the table; `ratio` compares with the first row of the group."""

    group: str
    name: str
    wall_ms: float
    best_ms: float
    cpu_ms: float
    ratio: float
    note: str = ""


#: What else can be measured: the modules here, and what each of them measures.
PARTS = {
    "scale": "many steps, tests, reports and files",
    "isolation": "how long a test waits for neighbours that hang",
    "engine": "an engine",
    "large_run": "how long others wait for an engine that is busy with a very large run",
    "auth": "authentication",
    "login": "a login",
    "history": "histories in PostgreSQL and SQLite",
    "web": "the pages",
}


def main() -> None:
    """Measure and print."""
    options = _options()
    for name in PARTS:
        if getattr(options, name):
            # Imported now: what this process weighs counts as the least that its children take.
            importlib.import_module(name).measure(quick=options.quick)
            return
    rounds = 3 if options.quick else options.rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder)
        with serve(folder) as server:
            print(f"{machine()}; server: {server.kind}; medians of {rounds} rounds\n")
            rows = [*_start_up(bench, rounds)]
            for shape in SHAPES:
                rows += _http(bench, folder, shape, server.url, rounds)
        rows += _many(bench, folder, MANY[:1] if options.quick else MANY)
        delay = _delay_of_lines(bench, folder)
    print(table(rows))
    print(f"\nFrom the end of a step to its line in a pipe: {delay * 1000:.0f} ms (median)")
    if options.json:
        report = {
            "machine": machine(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "server": server.kind,
            "rounds": rounds,
            "line_delay_ms": delay * 1000,
            "rows": [asdict(row) for row in rows],
        }
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def machine() -> str:
    """Return what the figures were measured on."""
    model = "unknown CPU"
    if os.path.exists("/proc/cpuinfo"):
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
        model = found[1] if found else model
    system = f"{platform.system()} {platform.release()}"
    return f"{os.cpu_count()} × {model}, {system}, Python {platform.python_version()}"


def table(rows: list[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [
        "| what | median ms | best ms | CPU ms | ratio | |",
        "|---|--:|--:|--:|--:|---|",
    ]
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            lines.append(f"| **{group}** | | | | | |")
        lines.append(
            f"| {row.name} | {row.wall_ms:.0f} | {row.best_ms:.0f} | {row.cpu_ms:.0f} "
            f"| {row.ratio:.1f} | {row.note} |"
        )
    return "\n".join(lines)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--rounds", type=int, default=15, help="runs of each command (15)")
    parser.add_argument("--quick", action="store_true", help="3 rounds, and no huge suite")
    for name, what in PARTS.items():
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, action="store_true", help=f"measure {what} instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    return parser.parse_args()


def _start_up(bench: Bench, rounds: int) -> Iterator[Row]:
    figures = bench.compare(
        [
            Command("bare interpreter", [sys.executable, "-c", "pass"]),
            Command("rocketship version", [ROCKETSHIP, "version"]),
        ],
        rounds,
    )
    yield from _rows("start-up", figures)


def _http(bench: Bench, folder: Path, shape: Shape, url: str, rounds: int) -> Iterator[Row]:
    place = folder / f"{shape.tests}x{shape.steps}"
    place.mkdir()
    suite = str(write_http(place / "suite.yaml", shape, url))
    count = str(shape.tests * shape.steps)
    commands = [
        Command("pycurl loop", [sys.executable, str(HERE / "pycurl_loop.py"), url, count]),
        Command("rocketship run, plain", [ROCKETSHIP, "run", suite, "--output", "plain"]),
        Command("rocketship run, live", [ROCKETSHIP, "run", suite], terminal=True),
        *(Command(name, argv) for name, argv in peers.commands(place, shape, url).items()),
    ]
    if shape.tests > 1:
        commands.append(Command("rocketship validate", [ROCKETSHIP, "validate", suite]))
    yield from _rows(str(shape), bench.compare(commands, rounds))


def _many(bench: Bench, folder: Path, counts: tuple[int, ...]) -> Iterator[Row]:
    suites = {count: write_many(folder / f"many-{count}.yaml", count) for count in counts}
    commands = [
        Command(f"{count} tests", [ROCKETSHIP, "run", "--output", "plain", str(suite)])
        for count, suite in suites.items()
    ]
    figures = bench.compare(commands, 3)
    for row, count in zip(_rows("1 log step each", figures), counts, strict=True):
        peak = figures[row.name].peak_mib
        note = f"{row.wall_ms / count:.2f} ms per test, {peak:.0f} MiB at most"
        yield replace(row, note=note)


def _rows(group: str, figures: dict[str, Figures]) -> Iterator[Row]:
    base = next(iter(figures.values())).wall_ms
    for name, found in figures.items():
        yield Row(
            group,
            name,
            found.wall_ms,
            found.best_ms,
            found.cpu_ms,
            found.wall_ms / base,
        )


def _delay_of_lines(bench: Bench, folder: Path) -> float:
    """Return the seconds between the end of a step and the arrival of the line that tells it."""
    suite = write_slow(folder / "slow.yaml", SLOW_STEPS)
    process = bench.start([ROCKETSHIP, "run", "--output", "plain", "--timestamp", str(suite)])
    assert process.stdout is not None
    delays = []
    for line in process.stdout:
        now = time.time()
        if match := _STEP_ENDED.search(line):
            ended = datetime.fromisoformat(match[1].decode()).replace(tzinfo=UTC)
            delays.append(now - ended.timestamp())
    process.wait()
    assert len(delays) == SLOW_STEPS, "not every step was told"
    return statistics.median(delays)


if __name__ == "__main__":
    main()
