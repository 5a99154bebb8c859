"""Environment values for suites: read from `.env` files, and only those a suite mentions."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rocketship.errors import UsageError
from rocketship.suite.source import read_bounded

_HINT = "write NAME=value, with quotes around values that have spaces"


def load_env_file(path: Path) -> dict[str, str]:
    """Return the values of a `.env` file; `$NAME` in a value is not replaced.

    Raises:
        UsageError: The file cannot be read or is too large, or a line is not an assignment.
    """
    from dotenv.parser import parse_stream

    try:
        text = read_bounded(path).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read the env file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: the byte at {error.start} is not UTF-8") from error
    values: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            # A binding begins with the empty lines before it.
            written = binding.original.string
            blank = written[: len(written) - len(written.lstrip())].count("\n")
            line = binding.original.line + blank
            raise UsageError(f"{path}:{line}: not an assignment", hint=_HINT)
        if binding.key is not None and binding.value is not None:
            values[binding.key] = binding.value
    return values


def collect(
    names: Iterable[str], environ: Mapping[str, str], env_files: Sequence[Mapping[str, str]] = ()
) -> dict[str, str]:
    """Return the values of the names that have one.

    Args:
        names: The names a suite mentions.
        environ: The environment of the process, which wins.
        env_files: The values of env files, of which later ones win.
    """
    sources = (environ, *reversed(env_files))
    found: dict[str, str] = {}
    for name in names:
        source = next((source for source in sources if name in source), None)
        if source is not None:
            found[name] = source[name]
    return found
