"""Run suites and show them live.

Examples: `rocketship run`, `rocketship run api.yaml --var base_url=http://localhost:8000`,
`rocketship run .rocketship/shop --tag 'smoke and not slow' --report junit=report.xml`.

Exit codes: 0 all passed, 1 a test failed or none was executed, 2 usage or an invalid suite,
3 infrastructure, 130 cancelled.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from rocketship.cli import options
from rocketship.cli.context import run_async
from rocketship.errors import UsageError
from rocketship.profiles.resolve import Connection

AUTO = Annotated[
    bool, typer.Option("--auto", "-a", help="Use an engine in this process, whatever the profile.")
]
TESTS = Annotated[
    list[str] | None,
    typer.Option("--test", metavar="PATTERN", help="Only tests so named (* and ?); repeatable."),
]
TAG = Annotated[
    str, typer.Option("--tag", metavar="EXPR", help="Only tests with tags: 'smoke and not slow'.")
]
CONCURRENCY = Annotated[
    int | None,
    typer.Option(
        "--concurrency", metavar="N", min=1, help="Most tests at once, of all suites together."
    ),
]
TIMEOUT = Annotated[
    str, typer.Option("--timeout", metavar="DURATION", help="Deadline of each run, such as 5m.")
]
FAIL_FAST = Annotated[
    bool,
    typer.Option("--fail-fast", help="Begin no further test or suite after the first failure."),
]
DRY_RUN = Annotated[bool, typer.Option("--dry-run", help="Show what would run, and stop.")]
WATCH = Annotated[bool, typer.Option("--watch", help="Run again whenever a file changes.")]
LAST_FAILED = Annotated[
    bool, typer.Option("--last-failed", help="Only tests that failed when last run.")
]
METADATA = Annotated[
    list[str] | None,
    typer.Option("--metadata", metavar="KEY=VALUE", help="Further context; repeatable."),
]


@options.with_connection
def main(
    connection: Connection,
    paths: options.PATHS = None,
    files: options.FILES = None,
    folders: options.FOLDERS = None,
    auto: AUTO = False,
    variables: options.VARS = None,
    var_files: options.VAR_FILES = None,
    env_files: options.ENV_FILES = None,
    test: TESTS = None,
    tag: TAG = "",
    concurrency: CONCURRENCY = None,
    timeout: TIMEOUT = "",
    fail_fast: FAIL_FAST = False,
    dry_run: DRY_RUN = False,
    watch: WATCH = False,
    last_failed: LAST_FAILED = False,
    detach: options.DETACH = False,
    report: options.REPORTS = None,
    output: options.OUTPUT = None,
    timestamp: options.TIMESTAMPS = False,
    full: options.FULL = False,
    project_id: Annotated[
        str, typer.Option(metavar="TEXT", help="Project the run belongs to.")
    ] = "",
    branch: Annotated[str, typer.Option(metavar="TEXT", help="Branch under test.")] = "",
    commit: Annotated[str, typer.Option(metavar="TEXT", help="Commit under test.")] = "",
    source: Annotated[str, typer.Option(metavar="TEXT", help="Where the run comes from.")] = "",
    trigger: Annotated[str, typer.Option(metavar="TEXT", help="What started the run.")] = "",
    schedule_name: Annotated[
        str, typer.Option(metavar="TEXT", help="Schedule that started the run.")
    ] = "",
    metadata: METADATA = None,
    allow_unknown_keys: options.ALLOW_UNKNOWN_KEYS = False,
) -> int:
    """Run suites and show them live."""
    from rocketship.cli.running import RunRequest, run_suites
    from rocketship.run.spec import Selection

    context = {
        "project_id": project_id,
        "branch": branch,
        "commit": commit,
        "source": source,
        "trigger": trigger,
        "schedule_name": schedule_name,
    }
    request = RunRequest(
        paths=(*(paths or ()), *(files or ()), *(folders or ())),
        variables=tuple(variables or ()),
        var_files=tuple(var_files or ()),
        env_files=tuple(env_files or ()),
        selection=Selection(patterns=tuple(test or ()), tags=tag),
        last_failed=last_failed,
        concurrency=concurrency,
        timeout_seconds=options.seconds("--timeout", timeout),
        fail_fast=fail_fast,
        reports=tuple(report or ()),
        output=output,
        timestamps=timestamp,
        full=full,
        context={**{key: value for key, value in context.items() if value}, **_pairs(metadata)},
        allow_unknown_keys=allow_unknown_keys,
        connection=replace(connection, auto=auto),
        detach=detach,
    )
    if dry_run:
        from rocketship.cli.dry_run import show_plan

        return show_plan(request)
    if watch:
        if detach:
            raise UsageError("--watch waits for changes, and --detach for nothing")
        from rocketship.cli.watching import watch_suites

        return run_async(watch_suites(request))
    return run_async(run_suites(request))


def _pairs(items: list[str] | None) -> dict[str, str]:
    pairs = {}
    for item in items or ():
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise UsageError(f'--metadata "{item}": expected KEY=VALUE')
        pairs[key] = value
    return pairs
