"""The same green suite, again and again: nothing may be green only most of the time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "bench" / "soak.py"
TIMES = 20


@pytest.mark.slow
def test_green_suite_stays_green():
    argv = [sys.executable, str(SOAK), "--times", str(TIMES)]

    ended = subprocess.run(argv, capture_output=True, text=True, timeout=300)

    assert (ended.returncode, ended.stderr) == (0, ""), ended.stdout
    assert f"{TIMES} of {TIMES} runs of 50 tests were green" in ended.stdout
