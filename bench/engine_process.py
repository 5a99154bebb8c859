"""An engine as a process of its own, with nothing of the user's environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import MIB

ROCKETSHIP = str(Path(sys.executable).with_name("rocketship"))
_READY = re.compile(r"gRPC on (\S+), HTTPS? on (\S+)")


@dataclass(frozen=True)
class Running:
    """An engine's process and its addresses."""

    process: subprocess.Popen[str]
    address: str
    http: str

    @property
    def peak_mib(self) -> float:
        """The most memory it had at once."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / MIB


@contextmanager
def start_engine(
    folder: Path, max_parallel_tests: int, more: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run an engine on free ports for the duration; `folder` takes its data and its log.

    Args:
        folder: Made when it is not there.
        max_parallel_tests: Most tests at once.
        more: More variables of its environment.
    """
    folder.mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "ROCKETSHIP_DATA_DIR": str(folder / "data"),
        "ROCKETSHIP_ENGINE_GRPC_ADDRESS": "127.0.0.1:0",
        "ROCKETSHIP_ENGINE_HTTP_ADDRESS": "127.0.0.1:0",
        "ROCKETSHIP_MAX_PARALLEL_TESTS": str(max_parallel_tests),
        **(more or {}),
    }
    with (folder / "log").open("ab") as log:
        command, pipe = [ROCKETSHIP, "engine"], subprocess.PIPE
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=pipe, stderr=log, text=True
        )
    try:
        assert process.stdout is not None
        ready = _READY.search(process.stdout.readline())
        assert ready, f"the engine did not start: {(folder / 'log').read_text()}"
        yield Running(process, f"http://{ready[1]}", ready[2])
    finally:
        process.terminate()
        process.communicate()
