"""Runs one green suite again and again, and counts how often it was green.

Nothing may be green only most of the time: every run is a process of its own, as a person would
start it, and anything but 50 passed tests, exit code 0 and an empty stderr is a failure.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from subprocess import PIPE, Popen, run

TESTS = 50
GREEN = f"✓ Passed Tests: {TESTS}\n"


def main() -> None:
    """Run, count, and leave with 1 when a run was not green."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=1000)
    times = options.parse_args().times
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home").mkdir()
        with Popen([sys.executable, "-m", "rocketship.demo"], stdout=PIPE, text=True) as api:
            try:
                assert api.stdout is not None
                url = api.stdout.readline().split()[-1]
                green = soak(folder, url, times)
            finally:
                api.terminate()
    print(f"{green} of {times} runs of {TESTS} tests were green")
    sys.exit(green < times)


def soak(folder: Path, url: str, times: int) -> int:
    """Return how many of so many runs were green."""
    (folder / "soak.yaml").write_text(json.dumps(suite(url)), "utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "ROCKETSHIP_DATA_DIR": str(folder / "data"),
    }
    argv = [sys.executable, "-m", "rocketship", "run", "soak.yaml"]
    green, begun = 0, time.monotonic()
    for number in range(1, times + 1):
        ended = run(argv, cwd=folder, env=environment, capture_output=True, text=True)
        if ended.returncode == 0 and not ended.stderr and GREEN in ended.stdout:
            green += 1
        else:
            print(f"run {number}: exit code {ended.returncode}\n{ended.stdout}{ended.stderr}")
        if number % 100 == 0:
            print(f"{green} of {number}, {time.monotonic() - begun:.0f} s", flush=True)
    return green


def suite(url: str) -> dict[str, object]:
    """Return a suite whose tests write, read, compute, match, and clean up."""
    return {"name": "Soak", "tests": [_test(number, url) for number in range(TESTS)]}


def _test(number: int, url: str) -> dict[str, object]:
    create = {
        "name": "Create",
        "plugin": "http",
        "config": {"method": "POST", "url": f"{url}/echo", "json": {"number": number}},
        "assertions": [
            {"type": "status_code", "expected": 200},
            {"type": "json_path", "path": ".json.number", "expected": number},
            {"type": "header", "name": "content-type", "operator": "matches", "expected": "json"},
        ],
        "save": [{"json_path": ".json | .number", "as": "number"}],
    }
    programs = {
        "javascript": f"assert(saved.number === {number})",
        "shell": f'test "$ROCKETSHIP_NUMBER" = {number}',
        "python": f"assert saved['number'] == {number}",
    }
    language = [*programs][number % 10] if number % 10 < len(programs) else None
    config = {"language": language, "script": programs.get(language or "")}
    compute = [{"name": "Compute", "plugin": "script", "config": config}] if language else []
    free = {"name": "Free", "plugin": "log", "config": {"message": "{{ number }} is gone"}}
    return {"name": f"Test {number}", "steps": [create, *compute], "cleanup": {"always": [free]}}


if __name__ == "__main__":
    main()
