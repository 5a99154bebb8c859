"""Run again what an earlier run was: the same suite, variables, files and options.

Secret values are not kept, so what the suite needs of the environment is read anew.
Examples: `rocketship rerun 01ab23cd`, `rocketship rerun 01ab23cd --failed --env-file .env`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rocketship.cli import options
from rocketship.cli.connection.endpoint import choose_engine
from rocketship.cli.console import standard_console
from rocketship.cli.context import open_engine, plugin_registry, run_async
from rocketship.dataclass import dataclass
from rocketship.profiles.resolve import Connection

if TYPE_CHECKING:
    from rocketship.cli.follow import Launch
    from rocketship.client.base import EngineClient

FAILED = Annotated[bool, typer.Option("--failed", help="Only the tests that failed.")]


@dataclass(frozen=True, slots=True)
class Rerun:
    """What `rocketship rerun` was asked for."""

    run: str
    connection: Connection
    failed: bool
    env_files: tuple[Path, ...]
    detach: bool
    reports: tuple[str, ...]
    output: str | None
    timestamps: bool
    full: bool


@options.with_connection
def main(
    run: options.RUN_ID,
    connection: Connection,
    failed: FAILED = False,
    env_files: options.ENV_FILES = None,
    detach: options.DETACH = False,
    report: options.REPORTS = None,
    output: options.OUTPUT = None,
    timestamp: options.TIMESTAMPS = False,
    full: options.FULL = False,
) -> int:
    """Run again what an earlier run was."""
    request = Rerun(
        run,
        connection,
        failed=failed,
        env_files=tuple(env_files or ()),
        detach=detach,
        reports=tuple(report or ()),
        output=output,
        timestamps=timestamp,
        full=full,
    )
    return run_async(_rerun(request))


async def _rerun(request: Rerun) -> int:
    from rocketship.cli.follow import Follower
    from rocketship.cli.interrupt import InterruptLadder
    from rocketship.cli.output.base import choose_output
    from rocketship.cli.output.detail import Detail
    from rocketship.cli.running import check_detached, conclude, report_files, start_only

    console = standard_console()
    reports = report_files(request.reports)
    detail = Detail(request.full, request.connection)
    output = choose_output(request.output, console, timestamps=request.timestamps, detail=detail)
    endpoint = choose_engine(console, request.connection)
    if request.detach:
        check_detached(endpoint, request.reports)
    with InterruptLadder(console, elsewhere=endpoint is not None) as ladder:
        async with open_engine(console, endpoint) as client:
            launch = await _launch(client, request)
            if launch is None:
                console.note("No test of that run failed; there is nothing to run again.")
                return 0
            if request.detach:
                return await start_only(console, client, [launch])
            followed = await Follower(client, output, ladder).run([launch])
    return conclude(reports, followed)


async def _launch(client: EngineClient, request: Rerun) -> Launch | None:
    """Return the run to start, or None when nothing failed."""
    from rocketship.cli.follow import Launch
    from rocketship.suite.environment import collect, load_env_file
    from rocketship.suite.load import load_source

    details = await client.get_run(request.run)
    spec = await client.get_spec(details.record.id)
    if request.failed:
        failed = tuple(test.id for test in details.result.tests if test.status.bad)
        if not failed:
            return None
        spec = replace(spec, selection=replace(spec.selection, ids=failed))
    loaded = load_source(
        spec.source, spec.file, plugin_registry(), variables=spec.vars, files=spec.files
    )
    names = tuple(sorted({*spec.env_names, *loaded.env_names}))
    env = collect(names, os.environ, [load_env_file(path) for path in request.env_files])
    context = {**spec.context, "rerun_of": details.record.id}
    return Launch(
        details.record.suite, replace(spec, env_names=names, context=context), env, loaded
    )
