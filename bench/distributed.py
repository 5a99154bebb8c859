"""Measures the distributed runtime: an engine, one worker and Temporal's server for development.

Everything is a process of its own. The tests are no-op steps, so what is measured is what the
machinery takes: `python bench/distributed.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROCKETSHIP = str(Path(sys.executable).with_name("rocketship"))
STEPS = 10
TESTS = 400
SLOTS = (10, 40, 100)
SEQUENTIAL_STEPS = 300


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the distributed runtime.")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each suite (3)")
    rounds = parser.parse_args().rounds
    print("| what | median | best |\n|---|--:|--:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wide = _suite(folder / "wide.yaml", TESTS, STEPS)
        long = _suite(folder / "long.yaml", 1, SEQUENTIAL_STEPS)
        one = _suite(folder / "one.yaml", 1, 1)
        for slots in SLOTS:
            with _cluster(folder / str(slots), slots) as environment:
                _run(one, environment)
                rates = [TESTS / _run(wide, environment) for _ in range(rounds)]
                _row(f"{TESTS} tests of {STEPS} steps, {slots} slots, tests/s", rates, max)
                if slots == SLOTS[0]:
                    there = [_run(long, environment) for _ in range(rounds)]
                    base = [_run(one, environment) for _ in range(rounds)]
        alone = {"ROCKETSHIP_DATA_DIR": str(folder / "alone")}
        here = [_run(long, alone, "--auto") for _ in range(rounds)]
        base_here = [_run(one, alone, "--auto") for _ in range(rounds)]
        _row("one step after the other, embedded, ms/step", _per_step(here, base_here), min)
        _row("one step after the other, distributed, ms/step", _per_step(there, base), min)


def _per_step(long: list[float], short: list[float]) -> list[float]:
    floor = statistics.median(short)
    return [(seconds - floor) / (SEQUENTIAL_STEPS - 1) * 1000 for seconds in long]


def _row(what: str, figures: list[float], best: object) -> None:
    assert callable(best)
    print(f"| {what} | {statistics.median(figures):.2f} | {best(figures):.2f} |", flush=True)


def _suite(path: Path, tests: int, steps: int) -> Path:
    step = {"name": "log", "plugin": "log", "config": {"message": "m"}}
    cases = [{"name": f"T{number}", "steps": [step] * steps} for number in range(tests)]
    path.write_text(json.dumps({"name": "bench", "tests": cases}), encoding="utf-8")
    return path


def _run(suite: Path, environment: Mapping[str, str], *flags: str) -> float:
    """Run a suite and return the seconds it took, as the run itself tells."""
    done = subprocess.run(
        [ROCKETSHIP, "run", "--output", "json", *flags, str(suite)],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
    )
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event.get("kind") == "run_finished" or event.get("event") == "run_finished":
            return float(event["duration_seconds"])
    raise AssertionError("the run did not tell its end")


@contextmanager
def _cluster(folder: Path, slots: int) -> Iterator[dict[str, str]]:
    """Have an engine and a worker; yields what command lines need to find them."""
    grpc, http, temporal = (_free_port() for _ in range(3))
    folder.mkdir()
    settings = {
        **os.environ,
        "ROCKETSHIP_DATA_DIR": str(folder / "data"),
        "ROCKETSHIP_BACKEND": "temporal",
        "ROCKETSHIP_TEMPORAL_DEV_PORT": str(temporal),
        "ROCKETSHIP_ENGINE_GRPC_ADDRESS": f"127.0.0.1:{grpc}",
        "ROCKETSHIP_ENGINE_HTTP_ADDRESS": f"127.0.0.1:{http}",
        "ROCKETSHIP_WORKER_SLOTS": str(slots),
        "ROCKETSHIP_LOG": "warning",
    }
    found = {"ROCKETSHIP_ENGINE": f"127.0.0.1:{grpc}"}
    with ExitStack() as stack:
        for role, more in (("engine", {}), ("worker", found)):
            process = subprocess.Popen(
                [ROCKETSHIP, role], env={**settings, **more}, stdout=subprocess.PIPE, text=True
            )
            stack.callback(_stop, process)
            assert process.stdout is not None
            assert process.stdout.readline().startswith("Ready")
        yield found


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"\nTook {time.monotonic() - started:.0f} s", file=sys.stderr)
