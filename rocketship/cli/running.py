"""`rocketship run`: from options to launched suites, reports and an exit code."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rocketship.cli.console import Console, standard_console
from rocketship.cli.context import connect, plugin_registry
from rocketship.cli.follow import Follower, Launch
from rocketship.cli.output.base import choose_output
from rocketship.cli.suites import SuiteFile, read_suites
from rocketship.errors import UsageError
from rocketship.interpreter.selection import select
from rocketship.run.spec import RunSpec, Selection
from rocketship.suite.environment import collect, load_env_file
from rocketship.suite.variables import VariableInputs
from rocketship.values import JsonObject

if TYPE_CHECKING:
    from rocketship.client.base import EngineClient


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
    context: JsonObject = field(default_factory=dict)
    allow_unknown_keys: bool = False


async def run_suites(request: RunRequest) -> int:
    """Run what was asked for and return the exit code."""
    from rocketship.cli.report_files import parse_report_files, write_reports

    console = standard_console()
    reports = parse_report_files(request.reports)
    output = choose_output(request.output, console, timestamps=request.timestamps)
    launches = prepare(console, request)
    async with connect(console) as client:
        if request.last_failed:
            launches = await _narrow_to_failed(console, client, launches)
        followed = await Follower(console, client, output).run(launches)
    write_reports(reports, followed.results)
    if followed.error is not None:
        raise followed.error
    return followed.code


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
        context=request.context,
        workdir=str(Path.cwd()),
    )
    name = loaded.suite.name if loaded.suite else suite.shown
    return Launch(name, spec, env)


async def _narrow_to_failed(
    console: Console, client: EngineClient, launches: Sequence[Launch]
) -> list[Launch]:
    """Keep only the tests that did not pass when each suite file last ran."""
    from rocketship.store.base import RunFilter

    narrowed = []
    for launch in launches:
        page = await client.list_runs(RunFilter(file=launch.spec.file, limit=1))
        if not page.runs:
            continue
        last = (await client.get_run(page.runs[0].id)).result
        failed = tuple(test.id for test in last.tests if test.status.bad)
        if failed:
            selection = replace(launch.spec.selection, ids=failed)
            narrowed.append(replace(launch, spec=replace(launch.spec, selection=selection)))
    if not narrowed:
        console.note("No test failed when these suites last ran; running all of them.")
        return list(launches)
    return narrowed
