"""Shell scripts: bash, or sh where there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from rocketship.errors import ConfigError, ScriptError
from rocketship.plugins.script.job import MAX_SAVED_BYTES, Job, Result
from rocketship.plugins.script.process import (
    Ended,
    exit_failure,
    inherited_environment,
    run_process,
)
from rocketship.template.scope import RESERVED_NAMES
from rocketship.values import Json, UnfitJson, format_duration, read_json, to_text

#: What a shell step saves by itself.
SAVED_NAMES = frozenset({"exit_code", "stdout", "stderr", "duration"})
OUTPUT_VARIABLE = "ROCKETSHIP_OUTPUT"

#: The kernel refuses longer variables, and more than about 2 MiB of them and the arguments.
MAX_VARIABLE_BYTES = 128 * 1024 - 1
MAX_ENVIRONMENT_BYTES = 1 << 20

#: The script is read from standard input, whole, before it starts with an empty standard input:
#: shells expand words before they redirect. Nothing of ours stands beside the script, because
#: messages about syntax quote the line and count from the first.
READ_SCRIPT = 'eval "$(cat)" </dev/null'
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


async def run_shell(job: Job) -> Result:
    """Run a script; a non-zero exit code is a failure unless an assertion judges it."""
    from tempfile import TemporaryDirectory

    if "\0" in job.source:
        raise ConfigError("script: a shell script cannot contain NUL characters")
    with TemporaryDirectory(prefix="rocketship-", ignore_cleanup_errors=True) as folder:
        output = Path(folder, "output")
        env = _environment(job, output)
        ended = await run_process(
            job,
            (_shell(env), "-c", READ_SCRIPT),
            stdin=job.source.encode("utf-8", "replace"),
            env=env,
        )
        return _result(job, ended, output)


def _result(job: Job, ended: Ended, output: Path) -> Result:
    saved: dict[str, Json] = {}
    failure = exit_failure(job, ended)
    try:
        _take_outputs(output, saved)
    except ScriptError as error:
        failure = failure or error
    saved |= {
        "exit_code": ended.exit_code,
        "stdout": ended.stdout,
        "stderr": ended.stderr,
        "duration": _duration(ended.seconds),
    }
    return Result(saved, ended.exit_code, ended.stdout, ended.stderr, failure)


def _shell(env: Mapping[str, str]) -> str:
    from shutil import which

    return "bash" if which("bash", path=env.get("PATH")) else "sh"


def _environment(job: Job, output: Path) -> dict[str, str]:
    """Return the script's environment; where names meet, the later of these groups wins."""
    values: dict[str, Json] = {f"ROCKETSHIP_{key}": v for key, v in job.scope.saved.items()}
    values |= {f"ROCKETSHIP_VAR_{key}": v for key, v in job.scope.vars.items()}
    env = inherited_environment()
    env[OUTPUT_VARIABLE] = str(output)
    room = MAX_ENVIRONMENT_BYTES
    for name, value in values.items():
        variable = re.sub(r"[^A-Z0-9_]", "_", name.upper(), flags=re.ASCII)
        text = to_text(value).encode("utf-8", "replace").decode()
        size = len(variable) + len(text.encode()) + 2
        if "\0" in text or size > min(room, MAX_VARIABLE_BYTES):
            _warn(job, variable, "is not set: the value is too large or not text")
            continue
        room -= size
        env[variable] = text
    if env[OUTPUT_VARIABLE] != str(output):
        _warn(job, OUTPUT_VARIABLE, "is the saved value `output`, not the file for results")
    return env | dict(job.env)


def _warn(job: Job, variable: str, complaint: str) -> None:
    """Tell about a variable, if the script has anything to do with it."""
    if variable in job.source:
        job.log(f"${variable} {complaint}", level="warn", source="script")


def _take_outputs(path: Path, saved: dict[str, Json]) -> None:
    """Add what the script wrote into its output file: `name=text` and `name:=json` lines.

    Raises:
        ScriptError: A line is neither; the results before it have been added.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SAVED_BYTES + 1)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ScriptError(f"${OUTPUT_VARIABLE} cannot be read: {error.strerror}") from error
    if len(content) > MAX_SAVED_BYTES:
        limit = MAX_SAVED_BYTES >> 20
        raise ScriptError(f"${OUTPUT_VARIABLE} is larger than {limit} MiB, nothing of it is saved")
    lines = content.decode("utf-8", "replace").split("\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            name, value = _output(line.removesuffix("\r"), f"${OUTPUT_VARIABLE} line {number}")
            saved[name] = value


def _output(line: str, where: str) -> tuple[str, Json]:
    key, equals, text = line.partition("=")
    typed = key.endswith(":")
    name = key.removesuffix(":").strip()
    if not equals or not _NAME.fullmatch(name):
        raise ScriptError(
            f"{where} is not a result", hint="write name=text or name:=json, one on each line"
        )
    if name in RESERVED_NAMES | SAVED_NAMES:
        raise ScriptError(f'{where}: the name "{name}" is taken', hint="choose another name")
    if not typed:
        return name, text
    try:
        return name, read_json(text)
    except UnfitJson as error:
        raise ScriptError(f"{where}: {error}") from None
    except ValueError as error:
        raise ScriptError(f"{where}: not JSON after `:=`: {error}") from None


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.1f}ms" if seconds < 1 else format_duration(seconds)
