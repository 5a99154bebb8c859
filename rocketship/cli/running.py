"""`rocketship run`: from options to launched suites, reports and an exit code."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rocketship.cli.connection.endpoint import choose_engine
from rocketship.cli.console import Console, standard_console
from rocketship.cli.context import current_folder, open_engine, plugin_registry
from rocketship.cli.follow import Followed, Follower, Launch
from rocketship.cli.interrupt import InterruptLadder
from rocketship.cli.origin.context import Origin
from rocketship.cli.output.base import choose_output
from rocketship.cli.output.detail import Detail
from rocketship.cli.suites import SuiteFile, read_suites
from rocketship.dataclass import dataclass
from rocketship.errors import UsageError
from rocketship.interpreter.selection import select
from rocketship.profiles.resolve import Connection
from rocketship.run.spec import RunSpec, Selection
from rocketship.run.status import Status
from rocketship.suite.environment import collect, load_env_file
from rocketship.suite.variables import VariableInputs
from rocketship.values import JsonObject

if TYPE_CHECKING:
    from rocketship.cli.report_files import ReportFile
    from rocketship.client.base import EngineClient
    from rocketship.client.channel import Endpoint

#: Among so many runs of a suite the last one of each test is looked for.
RUNS_LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What `rocketship run` was asked for."""

    paths: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    var_files: tuple[Path, ...] = ()
    env_files: tuple[Path, ...] = ()
    selection: Selection = Selection()
    last_failed: bool = False
    concurrency: int | None = None
    timeout_seconds: float | None = None
    fail_fast: bool = False
    reports: tuple[str, ...] = ()
    output: str | None = None
    timestamps: bool = False
    full: bool = False
    context: JsonObject = field(default_factory=dict)
    allow_unknown_keys: bool = False
    connection: Connection = Connection()
    detach: bool = False


async def run_suites(request: RunRequest) -> int:
    """Run what was asked for and return the exit code."""
    console = standard_console()
    reports = report_files(request.reports)
    detail = Detail(request.full, request.connection)
    output = choose_output(request.output, console, timestamps=request.timestamps, detail=detail)
    endpoint = choose_engine(console, request.connection)
    if request.detach:
        check_detached(endpoint, request.reports)
    launches = prepare(console, request)
    checked = [launch.loaded for launch in launches]
    origin = Origin((Path(launch.spec.file) for launch in launches), os.environ)
    with InterruptLadder(console, elsewhere=endpoint is not None) as ladder:
        async with open_engine(console, endpoint, checked) as client:
            launches = await _with_context(launches, origin, request.context)
            if request.last_failed:
                launches = await _narrow_to_failed(console, client, launches)
            if request.detach:
                return await start_only(console, client, launches)
            followed = await Follower(client, output, ladder).run(launches)
    if followed.not_begun and not ladder.interrupted:
        many = "1 suite was" if followed.not_begun == 1 else f"{followed.not_begun} suites were"
        console.note(f"{many} not begun, because an earlier one failed (--fail-fast).")
    return conclude(reports, followed)


def report_files(options: Sequence[str]) -> tuple[ReportFile, ...]:
    """Return what the `--report` options ask for.

    Raises:
        UsageError: An option makes no sense.
    """
    if not options:
        return ()
    from rocketship.cli.report_files import parse_report_files

    return parse_report_files(options)


def check_detached(endpoint: Endpoint | None, reports: Sequence[str]) -> None:
    """Make sure that a run can go on without this process.

    Raises:
        UsageError: It cannot, or something is to be done at its end.
    """
    if endpoint is None:
        raise UsageError(
            "--detach needs an engine that goes on when this command has ended",
            hint="start one with `rocketship start server -b`, or name one with --engine",
        )
    if reports:
        raise UsageError(
            "--report writes at the end of a run, and --detach does not wait for it",
            hint="use `rocketship report RUN` later",
        )


async def start_only(console: Console, client: EngineClient, launches: Sequence[Launch]) -> int:
    """Start runs, print their ids, and leave them to the engine."""
    for launch in launches:
        console.print(await client.create_run(launch.spec, launch.env))
    return 0


def conclude(reports: Sequence[ReportFile], followed: Followed) -> int:
    """Write the reports and return the exit code.

    Raises:
        RocketshipError: A report cannot be written, or a run went wrong.
    """
    if reports:
        from rocketship.cli.report_files import write_reports

        write_reports(reports, followed.results)
    if followed.error is not None:
        raise followed.error
    return followed.code


async def _with_context(
    launches: Sequence[Launch], origin: Origin, given: JsonObject
) -> list[Launch]:
    """Say of every run where it comes from; git has had time to answer."""
    await asyncio.to_thread(origin.gather)
    return [
        replace(
            launch,
            spec=replace(
                launch.spec,
                context=origin.context(Path(launch.spec.file), launch.spec.source, given),
            ),
        )
        for launch in launches
    ]


def prepare(console: Console, request: RunRequest) -> list[Launch]:
    """Return the suites to launch, read, checked and selected.

    Raises:
        UsageError: No suite was found, or no test matches the selection.
        InvalidSuite: A suite has errors.
    """
    inputs = VariableInputs.read(request.variables, request.var_files)
    suites = read_suites(
        console,
        request.paths,
        plugin_registry(),
        variables=inputs,
        allow_unknown_keys=request.allow_unknown_keys,
    )
    env_files = [load_env_file(path) for path in request.env_files]
    launches = [
        _launch(suite, request, collect(suite.loaded.env_names, os.environ, env_files))
        for suite in suites
        if _selected(suite, request)
    ]
    if not launches:
        raise UsageError("no test matches the selection", hint="check --test and --tag")
    return launches


def _selected(suite: SuiteFile, request: RunRequest) -> bool:
    model = suite.loaded.suite
    return model is not None and bool(select(model.tests, request.selection, model.tags))


def _launch(suite: SuiteFile, request: RunRequest, env: Mapping[str, str]) -> Launch:
    loaded = suite.loaded
    spec = RunSpec(
        file=suite.shown,
        source=loaded.source,
        vars=loaded.vars,
        env_names=loaded.env_names,
        files=loaded.bundle.files,
        selection=request.selection,
        concurrency=request.concurrency,
        timeout_seconds=request.timeout_seconds,
        fail_fast=request.fail_fast,
        workdir=str(current_folder()),
    )
    name = loaded.suite.name if loaded.suite else suite.shown
    return Launch(name, spec, env, loaded)


async def _narrow_to_failed(
    console: Console, client: EngineClient, launches: Sequence[Launch]
) -> list[Launch]:
    """Keep only the tests that did not pass when they last ran."""
    narrowed = []
    for launch in launches:
        if failed := await _last_failed(client, launch):
            selection = replace(launch.spec.selection, ids=failed)
            narrowed.append(replace(launch, spec=replace(launch.spec, selection=selection)))
    if not narrowed:
        console.note("No test failed when these suites last ran; running all of them.")
        return list(launches)
    return narrowed


async def _last_failed(client: EngineClient, launch: Launch) -> tuple[str, ...]:
    """Return the tests whose last run went wrong; not every run was of every test."""
    from rocketship.store.base import RunFilter

    tests = launch.loaded.suite.tests if launch.loaded.suite else ()
    page = await client.list_runs(RunFilter(file=launch.spec.file, limit=RUNS_LOOKED_AT))
    last: dict[str, Status] = {}
    for run in page.runs:
        if all(test.id in last for test in tests):
            break
        for test in (await client.get_run(run.id)).result.tests:
            if test.status.finished and test.status is not Status.SKIPPED:
                last.setdefault(test.id, test.status)
    return tuple(test.id for test in tests if test.id in last and last[test.id].bad)
