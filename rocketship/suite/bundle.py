"""The files a suite refers to, read when the run is created: every worker sees the same bytes.

A suite is not trusted with the whole disk: a path may lead to files in the suite's folder and in
the directory the command was started in, and nowhere else, symbolic links included.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError, TemplateError
from rocketship.suite.language.suite import FileUse
from rocketship.suite.problem import Problems
from rocketship.template.model import Expression, FunctionCall
from rocketship.template.parse import parse
from rocketship.template.render import render_text
from rocketship.template.scope import Scope
from rocketship.values import Json, Location

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_BUNDLE_BYTES = 64 * 1024 * 1024

_URL = r"(?!file:)[A-Za-z][A-Za-z0-9+.-]*://"


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files by the path the suite uses for them, variables filled in."""

    files: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        """Return the bytes of a file.

        Raises:
            ConfigError: The file was not collected with the run.
        """
        try:
            return self.files[path]
        except KeyError:
            raise ConfigError(
                f"{path}: the file is not part of the run",
                hint="paths may use .vars only, because files are collected before anything runs",
            ) from None


def path_of(text: str, variables: Mapping[str, Json]) -> str | None:
    """Return the path a file is kept under, or None when it is a URL or cannot be told.

    Args:
        text: The path as the suite writes it.
        variables: What `.vars` in it means; nothing else can be known before a run.
    """
    if "{{" in text:
        try:
            text = render_text(text, Scope(vars=variables))
        except TemplateError:
            return None
    return None if re.match(_URL, text) else text


def check_shipped(
    uses: Iterable[FileUse], bundle: Bundle, variables: Mapping[str, Json], problems: Problems
) -> None:
    """Report files a suite refers to that are not in its bundle."""
    for path, location in _paths(uses, variables, problems):
        if path not in bundle.files:
            problems.error(location, f"{path}: the file was not sent along with the suite")


def _paths(
    uses: Iterable[FileUse], variables: Mapping[str, Json], problems: Problems
) -> Iterator[tuple[str, Location]]:
    """Yield the paths that can be told, and report those that need more than variables."""
    for use in uses:
        text = str(use.node.value)
        if re.match(_URL, text):
            continue
        if not _only_variables(text):
            hint = "files are collected before anything runs"
            problems.error(use.node.location, "the path of a file may use .vars only", hint)
        elif (path := path_of(text, variables)) is not None:
            yield path, use.node.location


class Collector:
    """Reads the files a suite refers to, once each, until they are too many bytes.

    Args:
        folders: Where relative paths are looked up, in order: the suite's folder, then the
            directory the command was started in. No file outside of them is read.
        problems: Takes what cannot be read.
    """

    def __init__(self, folders: tuple[Path, ...], problems: Problems) -> None:
        self.files: dict[str, bytes] = {}
        self._folders = tuple(dict.fromkeys(folder.resolve() for folder in folders))
        self._problems = problems
        self._seen: dict[str, tuple[str, str | None] | None] = {}
        self._size = 0

    @property
    def bundle(self) -> Bundle:
        """The files so far."""
        return Bundle(self.files)

    def collect(self, uses: Iterable[FileUse], variables: Mapping[str, Json]) -> None:
        """Read the files at the paths in a suite; `variables` is what `.vars` in a path means."""
        for path, location in _paths(uses, variables, self._problems):
            self._add(path, location)

    def find(self, path: str) -> bytes | None:
        """Return a file, which is one of the suite's from now on, or None for what is none."""
        if path not in self._seen:
            self._seen[path] = self._read(path)
        return self.files.get(path)

    def _add(self, path: str, location: Location) -> None:
        if path not in self._seen:
            self._seen[path] = self._read(path)
        if complaint := self._seen[path]:
            self._problems.error(location, *complaint)

    def _read(self, path: str) -> tuple[str, str | None] | None:
        """Keep a file; return message and hint when that is not possible."""
        try:
            found = self._find(path)
            if isinstance(found, tuple):
                return found
            content = _read_file(found)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            return f"{path}: cannot be read: {reason}", None
        self._size += len(content)
        if len(content) > MAX_FILE_BYTES:
            return f"{path}: is larger than {MAX_FILE_BYTES >> 20} MiB", None
        if self._size > MAX_BUNDLE_BYTES:
            return f"{path}: the files of the suite exceed {MAX_BUNDLE_BYTES >> 20} MiB", None
        self.files[path] = content
        return None

    def _find(self, path: str) -> Path | tuple[str, str | None]:
        """Return the first regular file a path leads to, or message and hint."""
        candidates = [folder / path.removeprefix("file://") for folder in self._folders]
        inside = [real for real in (item.resolve() for item in candidates) if self._allows(real)]
        if not inside:
            folders = " or ".join(map(str, self._folders))
            return f"{path}: leads out of the suite's folders", f"keep the file in {folders}"
        for real in inside:
            if real.is_dir():
                return f"{path}: is a directory", "name a file"
            if real.exists():
                return real
        looked = " and ".join(str(real) for real in dict.fromkeys(inside))
        return f"{path}: there is no such file", f"looked for {looked}"

    def _allows(self, real: Path) -> bool:
        return any(real.is_relative_to(folder) for folder in self._folders)


def _read_file(path: Path) -> bytes:
    """Return the content of a regular file, at most one byte more than is allowed."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is not a regular file")
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


def _only_variables(text: str) -> bool:
    """Return whether a path can be told as soon as the variables are known."""
    try:
        parts = parse(text).parts if "{{" in text else ()
    except TemplateError:
        return True  # reported with all other templates
    expressions = [part for part in parts if isinstance(part, Expression)]
    references = [reference for part in expressions for reference in part.references]
    generated = any(isinstance(part.head, FunctionCall) for part in expressions)
    return not generated and all(reference.namespace == "vars" for reference in references)
