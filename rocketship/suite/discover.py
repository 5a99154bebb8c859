"""Which files are suites.

A file that is named is one, whatever it is called. In a directory called `.rocketship`, and below
it, every YAML file is one; in other directories only `rocketship.yaml` and `rocketship.yml` are.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from rocketship.dataclass import dataclass
from rocketship.errors import NotFound, UsageError

SUITE_FOLDER = ".rocketship"
SUITE_NAMES = ("rocketship.yaml", "rocketship.yml")
YAML_SUFFIXES = (".yaml", ".yml")

#: Directories of other people's files.
_VENDORED = frozenset({"node_modules", "bower_components", "site-packages", "__pycache__", "venv"})
#: Directories inside a suite folder that hold no suites.
_SCRATCH = frozenset({"tmp", "node_modules"})


@dataclass(frozen=True, slots=True)
class Discovery:
    """The suite files that were found, in a stable order, and what kept from finding more."""

    files: tuple[Path, ...]
    warnings: tuple[str, ...] = ()


def discover(paths: Sequence[Path | str], *, cwd: Path) -> Discovery:
    """Return the suite files that paths lead to; none given means the current directory.

    Args:
        paths: Files and directories, absolute or relative to `cwd`.
        cwd: The current directory.

    Raises:
        NotFound: A path does not exist.
        UsageError: There is no suite file anywhere.
    """
    walker = _Walker(cwd)
    for path in paths or (".",):
        walker.add(Path(path))
    if not walker.files:
        looked = ", ".join(str(cwd / path) for path in paths or ("",))
        names = " or ".join(SUITE_NAMES)
        raise UsageError(
            f"no suite files in {looked}",
            hint=f"suites are {names}, YAML files in a folder {SUITE_FOLDER}, and files you name",
        )
    return Discovery(tuple(walker.files.values()), tuple(walker.warnings))


def in_suite_folder(path: Path) -> bool:
    """Return whether a path, links resolved, lies in a `.rocketship` folder."""
    return SUITE_FOLDER in path.resolve().parts[:-1]


class _Walker:
    """Collects suite files; `files` has them by their real path, so that each comes once."""

    def __init__(self, cwd: Path) -> None:
        self.files: dict[Path, Path] = {}
        self.warnings: list[str] = []
        self._cwd = cwd
        self._walked: set[Path] = set()

    def add(self, path: Path) -> None:
        absolute = self._cwd / path
        if absolute.is_dir():
            inside = SUITE_FOLDER in absolute.resolve().parts
            self._walk(path, inside)
        elif absolute.exists():
            self._keep(path)
        else:
            raise NotFound(f"{path}: no such file or directory", hint=f"looked in {self._cwd}")

    def _walk(self, directory: Path, inside: bool) -> None:
        real = (self._cwd / directory).resolve()
        if real in self._walked:
            return
        self._walked.add(real)
        try:
            names = sorted(os.listdir(real))
        except OSError as error:
            self.warnings.append(f"{directory}: cannot be read: {error.strerror}")
            return
        for name in names:
            if _is_suite(name, inside) and os.path.isfile(real / name):
                self._keep(directory / name)
        for name in names:
            if _is_walked(name, inside) and os.path.isdir(real / name):
                self._walk(directory / name, inside or name == SUITE_FOLDER)

    def _keep(self, path: Path) -> None:
        self.files.setdefault((self._cwd / path).resolve(), path)


def _is_suite(name: str, inside: bool) -> bool:
    return name.endswith(YAML_SUFFIXES) if inside else name in SUITE_NAMES


def _is_walked(name: str, inside: bool) -> bool:
    if name == SUITE_FOLDER:
        return True
    if name.startswith("."):
        return False
    return name not in (_SCRATCH if inside else _VENDORED)
