"""Measures what a step, a test, a report and a suite file cost when there are many of them.

Of sequential steps the slope is taken, between a short run and a long one, so that start-up does
not count; the pycurl loop is measured the same way, in turns with it.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from measure import Bench, Command, Figures
from row import Row
from server import serve
from suites import Shape, write_http, write_many

ROCKETSHIP = str(Path(sys.executable).with_name("rocketship"))
LOOP = str(Path(__file__).with_name("pycurl_loop.py"))
IN_FLIGHT = 200
REPORTS = ("junit", "json", "html")
#: A suite file of ordinary length.
FILE = Shape(2, 5)


@dataclass(frozen=True)
class Scale:
    """How much is measured: runs of each command, and the largest of everything."""

    rounds: int = 7
    steps: tuple[int, int] = (100, 1000)
    parallel_steps: int = 50
    tests: tuple[int, ...] = (10, 100, 1000, 10_000)
    reported: int = 1000
    files: int = 1000


QUICK = Scale(rounds=3, steps=(100, 500), parallel_steps=10, tests=(10, 100, 1000))


def measure(*, quick: bool) -> None:
    """Print a table of all figures, row by row as they come."""
    scale = QUICK if quick else Scale()
    print("| what | measured | target | |\n|---|--:|--:|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(folder, {"ROCKETSHIP_MAX_PARALLEL_TESTS": str(IN_FLIGHT)})
        with serve(folder) as server:
            for row in _with_server(bench, folder, server.url, scale):
                print(row, flush=True)
        for row in (*_tests(bench, folder, scale), _validation(bench, folder, scale)):
            print(row, flush=True)


def _with_server(bench: Bench, folder: Path, url: str, scale: Scale) -> Iterator[Row]:
    yield from _sequential(bench, folder, url, scale)
    yield _parallel(bench, folder, url, scale)
    yield _reports(bench, folder, url, scale)


def _sequential(bench: Bench, folder: Path, url: str, scale: Scale) -> Iterator[Row]:
    commands = []
    for steps in scale.steps:
        suite = write_http(folder / f"sequential-{steps}.yaml", Shape(1, steps), url)
        commands += [
            Command(f"loop {steps}", [sys.executable, LOOP, url, str(steps)]),
            Command(f"run {steps}", _run(suite)),
        ]
    figures = bench.compare(commands, scale.rounds)
    loop, run = (_per_step(figures, name, scale.steps) for name in ("loop", "run"))
    yield Row("an HTTP step of a pycurl loop", loop.wall_ms * 1000, "µs")
    yield Row("an HTTP step of a run", run.wall_ms * 1000, "µs")
    yield Row("the one for the other", run.wall_ms / loop.wall_ms, "", 2, digits=1)
    yield Row("the one for the other, CPU", run.cpu_ms / loop.cpu_ms, "", digits=1)


@dataclass(frozen=True)
class _Cost:
    wall_ms: float
    cpu_ms: float


def _per_step(figures: dict[str, Figures], name: str, steps: tuple[int, int]) -> _Cost:
    few, many = (figures[f"{name} {count}"] for count in steps)
    more = steps[1] - steps[0]
    return _Cost((many.wall_ms - few.wall_ms) / more, (many.cpu_ms - few.cpu_ms) / more)


def _parallel(bench: Bench, folder: Path, url: str, scale: Scale) -> Row:
    shape = Shape(IN_FLIGHT, scale.parallel_steps)
    suite = write_http(folder / "parallel.yaml", shape, url)
    report = folder / "parallel.json"
    took = []
    for _ in range(scale.rounds):
        bench.once(Command("parallel", [*_run(suite), "--report", f"json={report}"]))
        (run,) = json.loads(report.read_text(encoding="utf-8"))["runs"]
        took.append(run["duration_seconds"])
    rate = shape.tests * shape.steps / statistics.median(took)
    return Row(f"HTTP steps, {IN_FLIGHT} tests at once", rate, "/s", 5000, at_least=True)


def _reports(bench: Bench, folder: Path, url: str, scale: Scale) -> Row:
    suite = write_http(folder / "reported.yaml", Shape(scale.reported, 1), url)
    wanted = [f"--report={name}={folder / 'report'}.{name}" for name in REPORTS]
    commands = [Command("without", _run(suite)), Command("with", [*_run(suite), *wanted])]
    figures = bench.compare(commands, scale.rounds)
    more = figures["with"].wall_ms - figures["without"].wall_ms
    return Row(f"JUnit, JSON and HTML of {scale.reported} tests", more, "ms", 1000)


def _tests(bench: Bench, folder: Path, scale: Scale) -> Iterator[Row]:
    commands = [
        Command(f"{count} tests", _run(write_many(folder / f"many-{count}.yaml", count)))
        for count in scale.tests
    ]
    figures = bench.compare(commands, 3)
    for name, found in figures.items():
        yield Row(f"{name} × 1 log step", found.wall_ms, "ms")
    few, *_, some, most = (figures[command.name].wall_ms for command in commands)
    first, *_, middle, last = scale.tests
    growth = ((most - some) / (last - middle)) / ((some - few) / (middle - first))
    yield Row(f"a test beyond {middle} for one before", growth, "", 1.2, digits=2)
    peak = figures[commands[-1].name].peak_mib
    yield Row(f"memory of {last} tests at most", peak, "MiB", 400)


def _validation(bench: Bench, folder: Path, scale: Scale) -> Row:
    suites = folder / "suites" / ".rocketship"
    suites.mkdir(parents=True)
    for number in range(scale.files):
        write_http(suites / f"suite-{number}.yaml", FILE, "http://localhost")
    command = Command("validate", [ROCKETSHIP, "validate", str(suites.parent)])
    figures = bench.compare([command], 3)
    name = f"validation of {scale.files} suite files of {FILE.tests * FILE.steps} steps"
    return Row(name, figures["validate"].wall_ms / 1000, "s", 10, digits=1)


def _run(suite: Path) -> list[str]:
    return [ROCKETSHIP, "run", str(suite), "--output", "plain"]
