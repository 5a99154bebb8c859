"""Run the bundled example suites against a bundled sample API on loopback.

Nothing else is needed, and nothing but this machine is talked to.
Examples: `rocketship demo`, `rocketship demo --copy examples` to get the suites as files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rocketship.cli.console import standard_console
from rocketship.cli.context import run_async
from rocketship.errors import Infrastructure, UsageError
from rocketship.profiles.resolve import Connection

COPY = Annotated[
    Path | None,
    typer.Option("--copy", metavar="DIR", help="Copy the suites to a new folder, and stop."),
]
OUTPUT = Annotated[str | None, typer.Option("--output", metavar="HOW", help="live, plain or json.")]


def main(copy: COPY = None, output: OUTPUT = None) -> int:
    """Run the bundled example suites against a bundled sample API."""
    if copy is not None:
        return _copy(copy)
    return run_async(_demo(output))


async def _demo(output: str | None) -> int:
    from rocketship.cli.running import RunRequest, run_suites
    from rocketship.demo import SUITES
    from rocketship.demo.server import SampleApi

    files = tuple(str(path) for path in sorted(SUITES.glob("*.yaml")))
    with SampleApi() as api:
        standard_console().note(f"The sample API listens on {api.url}.")
        variables = (f"base_url={api.url}",)
        here = Connection(auto=True)
        request = RunRequest(paths=files, variables=variables, output=output, connection=here)
        return await run_suites(request)


def _copy(folder: Path) -> int:
    import shutil

    from rocketship.demo import SUITES

    try:
        shutil.copytree(SUITES, folder)
    except FileExistsError:
        raise UsageError(f"{folder} exists already", hint="name a new folder") from None
    except OSError as error:
        raise Infrastructure(f"{folder} cannot be written: {error.strerror}") from error
    standard_console().print(
        f"The suites are in {folder}. Start the sample API with "
        f"`python -m rocketship.demo --port 8000`, then: rocketship run {folder}/*.yaml"
    )
    return 0
