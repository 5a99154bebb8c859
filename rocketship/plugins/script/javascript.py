"""JavaScript, in child interpreters that are kept for the next script.

A child of its own, because QuickJS has native loops that its time limit cannot interrupt, and a
thread cannot be killed; kept, because starting one takes a hundred times longer than a small
script. Every script gets a fresh context. A child that ran out of time or was cancelled is killed.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from rocketship.errors import AssertionFailed, ScriptError, StepError
from rocketship.plugins.script.job import MAX_SAVED_BYTES, Job, Result
from rocketship.plugins.script.process import (
    MAX_LAST_LINES,
    MAX_LINE_CHARACTERS,
    MAX_SHOWN_LINES,
    time_failure,
)
from rocketship.processes.pool import Pool
from rocketship.template.scope import RESERVED_NAMES
from rocketship.values import MAX_LEVELS, Json, JsonObject

DEFAULT_TIMEOUT_SECONDS = 30.0
MEMORY_BYTES = 64 << 20
STACK_BYTES = 2 << 20

PROGRAM = Path(__file__).with_name("javascript_child.py")


class JavaScript:
    """Runs scripts, each in a child that no other script uses meanwhile."""

    def __init__(self) -> None:
        self._pool: Pool | None = None

    async def run(self, job: Job) -> Result:
        """Run a script; what it saved before a failure is kept."""
        timeout = DEFAULT_TIMEOUT_SECONDS if job.timeout is None else job.timeout
        saved: dict[str, Json] = {}
        try:
            async with self._children().child() as child, asyncio.timeout(timeout):
                await child.send(json.dumps(_request(job)).encode() + b"\n")
                while (message := json.loads(await child.line()))[0] != "done":
                    _take(message, saved, job)
        except TimeoutError:
            return Result(saved, failure=time_failure(timeout))
        except EOFError:
            return Result(
                saved, failure=ScriptError("the JavaScript interpreter ended unexpectedly")
            )
        return Result(saved, failure=_failure(message[1]))

    def close(self) -> None:
        """End the children that wait for a next script."""
        if self._pool is not None:
            self._pool.close()

    def _children(self) -> Pool:
        if self._pool is None:
            from importlib.util import find_spec

            # The library may be in a place that an isolated interpreter does not look at.
            spec = find_spec("quickjs")
            folder = str(Path(spec.origin).parent.parent) if spec and spec.origin else ""
            self._pool = Pool(PROGRAM, [folder])
        return self._pool


def complaint(source: str) -> str | None:
    """Return why a text is not a JavaScript program, or None when it is."""
    import quickjs

    context = quickjs.Context()
    context.set_memory_limit(MEMORY_BYTES)
    context.set_time_limit(1)
    try:
        # The whole text is compiled before any of it runs, and so none of it does.
        context.eval(f"throw 0; {source}")
    except quickjs.JSException as error:
        message, _, stack = str(error).partition("\n")
        if message.startswith("SyntaxError: "):
            return _located(message.removeprefix("SyntaxError: "), stack)
    return None


def _request(job: Job) -> JsonObject:
    limits: JsonObject = {
        "memory_bytes": MEMORY_BYTES,
        "stack_bytes": STACK_BYTES,
        "saved_characters": MAX_SAVED_BYTES,
        "saved_levels": MAX_LEVELS,
        "shown_lines": MAX_SHOWN_LINES,
        "last_lines": MAX_LAST_LINES,
        "line_characters": MAX_LINE_CHARACTERS,
    }
    return {
        "source": job.source,
        "globals": job.globals(),
        "reserved": [*sorted(RESERVED_NAMES)],
        "limits": limits,
    }


def _take(message: list[Any], saved: dict[str, Json], job: Job) -> None:
    match message:
        case ["save", name, value]:
            saved[name] = value
        case ["log", level, text]:
            job.log(text, level=level, source="console")


def _failure(report: JsonObject | None) -> StepError | None:
    if report is None:
        return None
    message = _located(str(report["message"]), str(report["stack"]))
    if message == "null":
        # An interpreter that has no memory left for an error throws this, wherever it may be.
        limit = MEMORY_BYTES >> 20
        message = f"null was thrown, as it also is when a script needs more than {limit} MiB"
    return AssertionFailed(message) if report["assertion"] else ScriptError(message)


def _located(message: str, stack: str) -> str:
    """Return the message with the innermost line of the script that the stack names."""
    place = re.search(r"<input>:(\d+)", stack)
    return f"{message} (line {place[1]})" if place else message
