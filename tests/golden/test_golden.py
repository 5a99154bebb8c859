"""Runs the command line on whole suites and compares everything it prints.

A folder is one case. `ok` and `failed` hold suites that are run, `invalid` ones that are validated:

    suite.yaml    the suite, beside the files it refers to
    args          more arguments, as in a shell (optional)
    environment   environment variables, one NAME=value a line (optional)
    exit          the exit code, in `failed`
    stdout        what a run must print (optional in `invalid`)
    stderr        what `validate` must print (optional for runs)

`{base_url}` in `args` and `environment` is the sample API's address; every run gets it as the
variable `base_url` too. With `ROCKETSHIP_UPDATE_GOLDEN=1` the expected files are written instead of
compared: read the difference as carefully as code.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.fixtures.cli import run_cli

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/*/suite.yaml"))
UPDATE = bool(os.environ.get("ROCKETSHIP_UPDATE_GOLDEN"))
#: One test after another, so that their lines do not mingle.
RUN = "run -f suite.yaml --output plain --concurrency 1 --var base_url={base_url}"
COMMANDS = {"ok": RUN, "failed": RUN, "invalid": "validate suite.yaml"}
EXITS = {"ok": 0, "invalid": 2}
CHANNELS = {"ok": "stdout", "failed": "stdout", "invalid": "stderr"}

#: What differs from run to run, and what takes its place.
VARYING = (
    (r"\b[0-7][0-9a-hjkmnp-tv-z]{25}\b", "{run}"),
    (r"(rocketship get )[0-7][0-9a-hjkmnp-tv-z]{11}\b", r"\1{run}"),
    (r"\b(in|after|waited|Duration:) [\dhm.]+s\b", r"\1 {time}"),
    (r"(Date: ).*", r"\1{date}"),
    (r"rocketship/\d[\w.]*", "rocketship/{version}"),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_golden(case: Path, sample_api: str, tmp_path: Path) -> None:
    kind = case.parent.name
    done = run_case(case, sample_api, tmp_path)
    exit_file = case / "exit"
    wanted = int(exit_file.read_text()) if exit_file.exists() else EXITS[kind]
    assert done.returncode == wanted, done.stdout + done.stderr
    for channel in ("stdout", "stderr"):
        expected = case / channel
        if channel != CHANNELS[kind] and not expected.exists():
            continue
        printed = normal(getattr(done, channel), sample_api, tmp_path)
        if UPDATE:
            expected.write_text(printed, "utf-8", newline="\n")
        assert printed == expected.read_text("utf-8")


def run_case(case: Path, base_url: str, tmp_path: Path) -> CompletedProcess[str]:
    """Run the command line in a copy of a case's folder."""
    folder = tmp_path / case.name
    shutil.copytree(case, folder)
    given = read_optional(case / "environment", base_url).splitlines()
    arguments = shlex.split(read_optional(case / "args", base_url))
    command = COMMANDS[case.parent.name].format(base_url=base_url).split()
    return run_cli(
        [*command, *arguments],
        cwd=folder,
        home=tmp_path / "home",
        env=dict(line.split("=", 1) for line in given),
    )


def read_optional(path: Path, base_url: str) -> str:
    """Return a file's text with the address filled in, or nothing."""
    return path.read_text("utf-8").replace("{base_url}", base_url) if path.exists() else ""


def normal(printed: str, base_url: str, tmp_path: Path) -> str:
    """Return a text without addresses, folders, run ids and durations."""
    address = base_url.removeprefix("http://")
    for found, name in ((base_url, "{base_url}"), (address, "{address}"), (tmp_path, "{tmp}")):
        printed = printed.replace(str(found), name)
    for pattern, name in VARYING:
        printed = re.sub(pattern, name, printed)
    return printed
