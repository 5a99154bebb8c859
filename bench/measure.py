"""Runs commands from outside, in turns, and sums up what they took."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

MIB = 1024


@dataclass(frozen=True)
class Command:
    """A command to measure; with `terminal` it believes to write to one."""

    name: str
    argv: Sequence[str]
    terminal: bool = False


@dataclass
class Figures:
    """What all runs of a command took: seconds on the clock and of CPU, and KiB at most."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    peak: list[int] = field(default_factory=list)

    @property
    def wall_ms(self) -> float:
        return statistics.median(self.wall) * 1000

    @property
    def best_ms(self) -> float:
        return min(self.wall) * 1000

    @property
    def cpu_ms(self) -> float:
        return statistics.median(self.cpu) * 1000

    @property
    def peak_mib(self) -> float:
        return statistics.median(self.peak) / MIB


class Bench:
    """Runs commands in a folder of their own, with nothing of the user's environment.

    Args:
        folder: Takes the home and the data of the commands.
        more: More variables of their environment.
    """

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder / "home"),
            "ROCKETSHIP_DATA_DIR": str(folder / "data"),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            **(more or {}),
        }
        (folder / "home").mkdir()

    def compare(self, commands: Sequence[Command], rounds: int) -> dict[str, Figures]:
        """Run every command once to warm up and then `rounds` times, one after the other in turns.

        Whatever disturbs the machine for a while then disturbs all of them.
        """
        figures = {command.name: Figures() for command in commands}
        for command in commands:
            self.once(command)
        for _ in range(rounds):
            for command in commands:
                self._run(command, figures[command.name])
        return figures

    def once(self, command: Command) -> None:
        """Run a command for what it leaves behind."""
        self._run(command, Figures())

    def start(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a command whose output is read while it runs; what it notes beside is not shown."""
        return subprocess.Popen(
            argv,
            cwd=self._folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def _run(self, command: Command, figures: Figures) -> None:
        begun = perf_counter()
        if command.terminal:
            status, usage = _in_terminal(command.argv, self._folder, self._environment)
        else:
            process = subprocess.Popen(
                command.argv, cwd=self._folder, env=self._environment, stdout=subprocess.DEVNULL
            )
            status, usage = _wait(process)
        figures.wall.append(perf_counter() - begun)
        figures.cpu.append(usage.ru_utime + usage.ru_stime)
        figures.peak.append(usage.ru_maxrss)
        if status:
            raise SystemExit(f"{command.name} failed: {' '.join(command.argv)}")


def _in_terminal(
    argv: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[int, resource.struct_rusage]:
    terminal, inside = os.openpty()
    process = subprocess.Popen(argv, cwd=folder, env=environment, stdin=inside, stdout=inside)
    os.close(inside)
    reader = threading.Thread(target=_drain, args=(terminal,))
    reader.start()
    ended = _wait(process)
    reader.join()
    os.close(terminal)
    return ended


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # how Linux says that nobody writes any more
        pass


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, resource.struct_rusage]:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage
