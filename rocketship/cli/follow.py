"""Runs several suites through the engine client and shows them until all have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from rocketship.cli.output.summary import exit_code
from rocketship.dataclass import dataclass
from rocketship.errors import EXIT_CANCELLED, RocketshipError
from rocketship.run.events import RunStarted
from rocketship.run.fold import Folder
from rocketship.run.result import RunResult
from rocketship.run.spec import RunSpec

if TYPE_CHECKING:
    from rocketship.cli.interrupt import InterruptLadder
    from rocketship.cli.output.base import Output
    from rocketship.client.base import EngineClient
    from rocketship.suite.load import LoadedSuite


@dataclass(frozen=True, slots=True)
class Launch:
    """A suite to run: name, specification, secret environment values, and what was read."""

    suite: str
    spec: RunSpec
    env: Mapping[str, str]
    loaded: LoadedSuite


@dataclass(slots=True)
class Followed:
    """How following ended.

    Attributes:
        results: What is known of every run that was started.
        code: The exit code they add up to.
        error: Why a run could not be started, carried out or recorded; the others went on.
        not_begun: How many suites were left out because an earlier one failed.
    """

    results: list[RunResult] = field(default_factory=list)
    code: int = 0
    error: RocketshipError | None = None
    not_begun: int = 0


class Follower:
    """Starts runs and feeds their events to an output."""

    def __init__(self, client: EngineClient, output: Output, ladder: InterruptLadder) -> None:
        self._client = client
        self._output = output
        self._ladder = ladder
        self._folders: dict[str, Folder] = {}
        self._error: RocketshipError | None = None
        self._cancelled = False
        self._not_begun = 0

    async def run(self, launches: Sequence[Launch]) -> Followed:
        """Run all suites; the output is closed in any case.

        They run at once, unless something is said that holds for all of them together: how many
        tests may run at a time, or that a failure is to be the last.
        """
        self._output.start([launch.suite for launch in launches])
        results: list[RunResult] = []
        try:
            self._ladder.arm(self._cancel_all)
            await self._follow_all(launches)
        finally:
            results = [folder.result() for folder in self._folders.values()]
            self._output.close(results)
        code = EXIT_CANCELLED if self._ladder.interrupted else exit_code(results)
        return Followed(results, code, self._error, self._not_begun)

    async def _follow_all(self, launches: Sequence[Launch]) -> None:
        if any(launch.spec.concurrency or launch.spec.fail_fast for launch in launches):
            tasks = {asyncio.ensure_future(self._one_by_one(launches))}
        else:
            tasks = {asyncio.ensure_future(self._follow(launch)) for launch in launches}
        enough = asyncio.ensure_future(self._ladder.stop_waiting.wait())
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
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _one_by_one(self, launches: Sequence[Launch]) -> None:
        for number, launch in enumerate(launches):
            failed = any(folder.result().status.bad for folder in self._folders.values())
            if self._cancelled or (launch.spec.fail_fast and failed):
                self._not_begun = len(launches) - number
                return
            await self._follow(launch)

    async def _follow(self, launch: Launch) -> None:
        try:
            run_id = await self._client.create_run(launch.spec, launch.env)
            folder = self._folders[run_id] = Folder(run_id)
            suite = launch.suite
            if self._cancelled:
                await self._cancel(run_id)
            async for item in self._client.watch(run_id):
                folder.apply(item.event)
                if isinstance(item.event, RunStarted):
                    suite = item.event.suite  # with its templates filled in
                self._output.handle(run_id, suite, item)
        except RocketshipError as error:
            # The other suites are followed to their end before this is told.
            self._error = self._error or error

    async def _cancel_all(self) -> None:
        self._cancelled = True
        await asyncio.gather(*map(self._cancel, list(self._folders)))

    async def _cancel(self, run_id: str) -> None:
        try:
            await self._client.cancel_run(run_id, reason="cancelled by the user")
        except RocketshipError as error:
            self._error = self._error or error
