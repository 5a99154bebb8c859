"""Runs several suites through the engine client and shows them until all have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rocketship.cli.interrupt import EXIT_CANCELLED, InterruptLadder
from rocketship.cli.output.summary import exit_code
from rocketship.errors import RocketshipError
from rocketship.run.result import Folder, RunResult
from rocketship.run.spec import RunSpec

if TYPE_CHECKING:
    from rocketship.cli.console import Console
    from rocketship.cli.output.base import Output
    from rocketship.client.base import EngineClient


@dataclass(frozen=True, slots=True)
class Launch:
    """A suite to run: its specification, its secret environment values, and its name."""

    suite: str
    spec: RunSpec
    env: Mapping[str, str]


@dataclass(slots=True)
class Followed:
    """How following ended.

    Attributes:
        results: What is known of every run that was started.
        code: The exit code they add up to.
        error: Why a run could not be started, carried out or recorded; the others went on.
    """

    results: list[RunResult] = field(default_factory=list)
    code: int = 0
    error: RocketshipError | None = None


class Follower:
    """Starts runs and feeds their events to an output."""

    def __init__(self, console: Console, client: EngineClient, output: Output) -> None:
        self._console = console
        self._client = client
        self._output = output
        self._folders: dict[str, Folder] = {}
        self._error: RocketshipError | None = None
        self._cancelled = False

    async def run(self, launches: Sequence[Launch]) -> Followed:
        """Run all suites at once; the output is closed in any case."""
        self._output.start([launch.suite for launch in launches])
        results: list[RunResult] = []
        try:
            with InterruptLadder(self._console, self._cancel_all) as ladder:
                await self._follow_all(launches, ladder)
        finally:
            results = [folder.result() for folder in self._folders.values()]
            self._output.close(results)
        code = EXIT_CANCELLED if ladder.interrupted else exit_code(results)
        return Followed(results, code, self._error)

    async def _follow_all(self, launches: Sequence[Launch], ladder: InterruptLadder) -> None:
        tasks = {asyncio.ensure_future(self._follow(launch)) for launch in launches}
        enough = asyncio.ensure_future(ladder.stop_waiting.wait())
        try:
            waiting = set(tasks)
            while waiting and not enough.done():
                done, _ = await asyncio.wait(
                    {*waiting, enough}, return_when=asyncio.FIRST_COMPLETED
                )
                waiting -= done
        finally:
            for task in (*tasks, enough):
                task.cancel()
            await asyncio.wait((*tasks, enough))

    async def _follow(self, launch: Launch) -> None:
        try:
            run_id = await self._client.create_run(launch.spec, launch.env)
            folder = self._folders[run_id] = Folder(run_id)
            if self._cancelled:
                await self._client.cancel_run(run_id, reason="cancelled by the user")
            async for item in self._client.watch(run_id):
                folder.apply(item.event)
                self._output.handle(run_id, launch.suite, item)
        except RocketshipError as error:
            # The other suites are followed to their end before this is told.
            self._error = self._error or error

    async def _cancel_all(self) -> None:
        self._cancelled = True
        for run_id in list(self._folders):
            await self._client.cancel_run(run_id, reason="cancelled by the user")
