"""`rocketship run --watch`: runs again whenever a suite, or a file it refers to, changes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from rocketship.cli.console import standard_console
from rocketship.cli.context import current_folder, plugin_registry
from rocketship.cli.running import RunRequest, run_suites
from rocketship.errors import EXIT_CANCELLED, RocketshipError
from rocketship.suite.discover import discover
from rocketship.suite.load import load_suite
from rocketship.suite.variables import VariableInputs

POLL_SECONDS = 0.3
Snapshot = dict[Path, tuple[int, int]]


async def watch_suites(request: RunRequest) -> int:
    """Run, wait for a change, and run again, until Ctrl-C."""
    console = standard_console()
    while True:
        before = _snapshot(request)
        try:
            code = await run_suites(replace(request))
        except RocketshipError as error:
            console.error(error)
            code = error.exit_code
        if code == EXIT_CANCELLED:
            return code
        console.note("Waiting for a change; Ctrl-C ends.")
        # Files have no event that works everywhere, on network mounts and in containers too.
        while _snapshot(request) == before:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)


def _snapshot(request: RunRequest) -> Snapshot:
    """Return time and size of every file whose change matters; a missing file is simply absent."""
    snapshot: Snapshot = {}
    for path in _files(request):
        try:
            found = path.stat()
        except OSError:
            continue
        snapshot[path] = (found.st_mtime_ns, found.st_size)
    return snapshot


def _files(request: RunRequest) -> set[Path]:
    files = {*request.var_files, *request.env_files}
    cwd = current_folder()
    plugins = plugin_registry()
    try:
        inputs = VariableInputs.read(request.variables, request.var_files)
        for path in discover(request.paths, cwd=cwd).files:
            files.add(path)
            loaded = load_suite(path, plugins, variables=inputs, cwd=cwd)
            for name in loaded.bundle.files:
                files |= {path.parent / name, cwd / name}
    except RocketshipError:
        # The run itself tells what is wrong; until it is right, the files named so far count.
        return files
    return files
