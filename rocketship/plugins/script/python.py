"""Python scripts, each in an interpreter of its own that sees none of ours."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import IO

from rocketship.errors import AssertionFailed, ScriptError, StepError
from rocketship.plugins.script.job import MAX_SAVED_BYTES, Job, Result, read_messages
from rocketship.plugins.script.process import (
    Ended,
    exit_failure,
    inherited_environment,
    run_process,
)
from rocketship.template.scope import RESERVED_NAMES
from rocketship.values import MAX_LEVELS, JsonObject

#: What a script may use unless it raises its own limit.
MEMORY_BYTES = 2 << 30
PROGRAM = Path(__file__).with_name("python_child.py")


async def run_python(job: Job) -> Result:
    """Run a script; an exception or a non-zero exit code is a failure."""
    from tempfile import TemporaryFile

    request = {
        "source": job.source,
        "globals": job.globals(),
        "reserved": sorted(RESERVED_NAMES),
        "levels": MAX_LEVELS,
        "parent": os.getpid(),
        "memory_bytes": MEMORY_BYTES,
    }
    # A file and not a pipe: it cannot fill up, and has no name that could be left behind.
    with TemporaryFile() as results:
        channel = results.fileno()
        ended = await run_process(
            job,
            (sys.executable, "-I", "-X", "utf8", str(PROGRAM), str(channel)),
            stdin=json.dumps(request).encode(),
            env=inherited_environment() | dict(job.env),
            pass_fds=(channel,),
        )
        return _result(job, ended, results)


def complaint(source: str) -> str | None:
    """Return why a text is not a Python program, or None when it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<script>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno})" if error.lineno else error.msg
    except (ValueError, MemoryError, RecursionError) as error:
        return str(error) or type(error).__name__
    return None


def _result(job: Job, ended: Ended, results: IO[bytes]) -> Result:
    results.seek(0)
    content = results.read(MAX_SAVED_BYTES + 1)
    failure: StepError | None = None
    try:
        if len(content) > MAX_SAVED_BYTES:
            limit = MAX_SAVED_BYTES >> 20
            raise ScriptError(f"the script saved more than {limit} MiB, nothing of it is kept")
        saved, report = read_messages(content.splitlines())
    except ScriptError as error:
        saved, report, failure = {}, None, error
    failure = _failure(job, ended, report) or failure
    return Result(saved, ended.exit_code, ended.stdout, ended.stderr, failure)


def _failure(job: Job, ended: Ended, report: JsonObject | None) -> StepError | None:
    failure = exit_failure(job, ended)
    if report is None or not isinstance(failure, ScriptError):
        return failure
    message = str(report.get("message"))
    return AssertionFailed(message) if report.get("assertion") else ScriptError(message)
