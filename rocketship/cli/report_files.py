"""Reports as files: reading `--report FORMAT=FILE`, and writing it whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from rocketship.dataclass import dataclass
from rocketship.errors import Infrastructure, UsageError
from rocketship.reports.formats import FORMATS, check_format, render
from rocketship.run.result import RunResult


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A report to write: the format's name and the path as the user gave it."""

    format: str
    path: Path


def parse_report_files(options: Sequence[str]) -> tuple[ReportFile, ...]:
    """Return what the `--report` options ask for.

    Raises:
        UsageError: An option is not FORMAT=FILE, names an unknown format, or a file is named twice.
    """
    files = tuple(_parse(option) for option in options)
    paths = [os.path.abspath(file.path) for file in files]
    for file, path in zip(files, paths, strict=True):
        if paths.count(path) > 1:
            raise UsageError(f"two reports cannot both be written to {file.path}")
    return files


def write_reports(files: Sequence[ReportFile], results: Sequence[RunResult]) -> None:
    """Write every report that can be written.

    Raises:
        Infrastructure: A file cannot be written; the message names the first.
    """
    failures = []
    for file in files:
        try:
            write_file(file.path, render(file.format, results))
        except Infrastructure as error:
            failures.append(error)
    if failures:
        raise failures[0]


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old content or the new, never a part.

    Folders that are missing are made. Something that is not a regular file, such as a pipe or
    `/dev/stdout`, is written to directly.

    Raises:
        Infrastructure: The file cannot be written; the message names it.
    """
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            path.write_bytes(content)
        else:
            _replace(Path(os.path.realpath(path)), content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Infrastructure(
            f"cannot write the report {path}: {reason}",
            hint="choose a file in a folder that you may write to and that has room",
        ) from error


def _parse(option: str) -> ReportFile:
    name, equals, path = option.partition("=")
    if not equals or not name or not path:
        example = f"write --report FORMAT=FILE, with FORMAT one of {', '.join(FORMATS)}"
        raise UsageError(f'"{option}" does not say which report goes to which file', hint=example)
    check_format(name)
    return ReportFile(name, Path(path))


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Only within a folder is renaming atomic. With 0o666 the umask decides who may read the file.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
