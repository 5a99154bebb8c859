"""Measures how long somebody waits for the code after typing `rocketship login`.

The provider is the one of the tests, on this machine; the engine is their stand-in.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROCKETSHIP = str(Path(sys.executable).with_name("rocketship"))
SHOWN = b"Waiting for the approval"
ROUNDS = 15
MAX_SECONDS = 1.0


def measure(*, quick: bool) -> None:
    """Print the time from the start of the command to the code."""
    rounds = 3 if quick else ROUNDS
    sys.path.append(str(HERE.parent))
    from tests.fixtures.guarded_engine import guarded_engine
    from tests.fixtures.oidc_provider import running_provider

    with (
        tempfile.TemporaryDirectory() as name,
        running_provider() as provider,
        guarded_engine(provider) as (_, address),
    ):
        environment = {"PATH": os.environ["PATH"], "HOME": name, "ROCKETSHIP_ALLOW_ROOT": "1"}
        create = [ROCKETSHIP, "profile", "create", "bench", address, "--use"]
        subprocess.run(create, env=environment, check=True, capture_output=True)
        seconds = [_code_shown(environment) for _ in range(rounds + 1)][1:]
    print(
        f"rocketship login, from its start to the code: {statistics.median(seconds) * 1000:.0f} ms "
        f"(median of {rounds}, best {min(seconds) * 1000:.0f}; at most {MAX_SECONDS * 1000:.0f})"
    )


def _code_shown(environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    process = subprocess.Popen(
        [ROCKETSHIP, "login", "--no-browser"], env=environment, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(SHOWN):
            break
    took = time.perf_counter() - begun
    process.kill()
    process.wait()
    process.stderr.close()
    return took
