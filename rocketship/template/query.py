"""jq programs over JSON values.

Suites use the whole language, so the jq library runs them, in a room without windows: there are no
environment, files, modules or further input. Most programs are plain paths such as `.items[0].id`;
those are followed in Python, without loading the library; all others may go on for ever, so they
run in a child. Either way numbers keep all their digits and containers come out with their keys
sorted.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from typing import Any

from rocketship.values import Json, read_json, type_name

#: How long a program may take for its first output.
MAX_SECONDS = 10.0
#: How long it may take to compile one that is not harmless, and what is.
MAX_COMPILE_SECONDS = 2.0
MAX_REPETITIONS = 1_000_000
#: Longer complaints of the library are cut; a program can raise text of any length.
MAX_COMPLAINT_CHARACTERS = 300

_STEP = r"""\.[A-Za-z_][A-Za-z0-9_]*|\.?\["[^"\\]*"\]|\.?\[-?[0-9]{1,9}\]"""
_PLAIN_PATH = re.compile(rf"\s*(\.|(?=\.)(?:{_STEP})+)\s*")
_PLAIN_STEP = re.compile(_STEP)

# Functions that reach outside, or end the program, mean something harmless instead. `$ENV` has to
# be bound around the program; an import is a syntax error there.
_PRELUDE = """\
def env: {}; def input: error("there is no further input"); def inputs: empty; \
def debug: .; def debug(f): .; def stderr: .; def input_filename: null; \
def input_line_number: 0; def modulemeta: error("there are no modules"); \
def get_search_list: []; def halt: empty; def halt_error: error; def halt_error(f): error; \
def rocketship_text: tojson; {} as $ENV |
"""
# The library turns numbers into floats on the way out; text it leaves alone. Two line ends, because
# a backslash makes a comment go on for a line.
_POSTLUDE = "\n\n| rocketship_text"
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_POSITION = r" at <top-level>, line (\d+), column (\d+)"


class QueryError(ValueError):
    """A program that is not jq, or that failed on a value."""


def complaint(program: str) -> str | None:
    """Return what is wrong with a program in one line, or None when it compiles."""
    if _plain_path(program) is not None:
        return None
    try:
        if _may_repeat(program):
            _compile_elsewhere(program)
        else:
            _compile(program)
    except QueryError as error:
        return str(error)
    return None


async def first(program: str, value: Json) -> tuple[Json, ...]:
    """Return the first output of a program as a tuple of one, or nothing when there is no output.

    A missing key yields null, as in jq.

    Raises:
        QueryError: The program does not compile, fails before its first output, or needs too long
            or too much memory for it.
    """
    path = _plain_path(program)
    if path is not None:
        return (_sorted(_follow(path, value)),)
    from rocketship.processes.call import LimitExceeded, call

    try:
        return await call(MAX_SECONDS, run, program, value)
    except LimitExceeded as limit:
        raise QueryError(f"the program {limit}") from None


def run_here(program: str, value: Json) -> tuple[Json, ...]:
    """Return what `first` does, in this process and however long it takes.

    Raises:
        QueryError: The program does not compile, or fails before its first output.
    """
    path = _plain_path(program)
    return run(program, value) if path is None else (_sorted(_follow(path, value)),)


def run(program: str, value: Json) -> tuple[Json, ...]:
    """Return what `first` does for any program, however long it takes.

    Raises:
        QueryError: The program does not compile, or fails before its first output.
    """
    compiled = _compile(program)
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    try:
        # Half a surrogate pair has no bytes; a question mark takes its place.
        output = next(iter(compiled.input_text(text.encode("utf-8", "replace").decode())), None)
        return () if output is None else (_sorted(read_json(output)),)
    except ValueError as error:
        raise QueryError(_shorten(str(error))) from None


@lru_cache(maxsize=1024)
def _plain_path(program: str) -> tuple[str | int, ...] | None:
    """Return the keys and indexes of a plain path, or None for any other program."""
    match = _PLAIN_PATH.fullmatch(program)
    if match is None:
        return None
    steps = _PLAIN_STEP.findall(match[1])
    return tuple(_key(step.lstrip(".")) for step in steps)


def _key(step: str) -> str | int:
    if not step.startswith("["):
        return step
    return step[2:-2] if step.startswith('["') else int(step[1:-1])


def _follow(path: tuple[str | int, ...], value: Json) -> Json:
    for key in path:
        if value is None:
            return None
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int):
            value = value[key] if -len(value) <= key < len(value) else None
        else:
            what = f'key "{key}"' if isinstance(key, str) else f"index {key}"
            kind = type_name(value)
            raise QueryError(f"cannot read {what} of {'an' if kind[0] in 'ao' else 'a'} {kind}")
    return value


def _sorted(value: Json) -> Json:
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value


def _may_repeat(program: str) -> bool:
    """Return whether a program may repeat text so often that compiling it, which does so, hurts."""
    if '"' not in program or "*" not in program:
        return False
    numbers = (float(number) for number in _NUMBER.findall(program))
    return math.prod(number for number in numbers if number > 1) > MAX_REPETITIONS


def _compile_elsewhere(program: str) -> None:
    from rocketship.processes.call import LimitExceeded, call_and_wait

    try:
        call_and_wait(MAX_COMPILE_SECONDS, compiles, program)
    except LimitExceeded as limit:
        raise QueryError(f"to compile it {limit}") from None


def compiles(program: str) -> None:
    """Compile a program, however long it takes.

    Raises:
        QueryError: It does not compile.
    """
    _compile(program)


@lru_cache(maxsize=1024)
def _compile(program: str) -> Any:
    import jq

    if not program.strip():
        raise QueryError("the program is empty")
    try:
        # Alone first: complaints should not be about the ending we add.
        jq.compile(_PRELUDE + program)
        return jq.compile(_PRELUDE + program + _POSTLUDE)
    except ValueError as error:
        raise QueryError(_compile_complaint(str(error))) from None


def _compile_complaint(text: str) -> str:
    """Return the first line of a complaint, with positions that count from the program's start."""
    line = text.partition("\n")[0].removeprefix("jq: error: ").rstrip(":")
    return _shorten(
        re.sub(_POSITION, lambda at: f" at line {max(int(at[1]) - 1, 1)}, column {at[2]}", line)
    )


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    if len(text) <= MAX_COMPLAINT_CHARACTERS:
        return text
    return text[: MAX_COMPLAINT_CHARACTERS - 3] + "..."
