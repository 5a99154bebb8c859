"""What the repository of a suite file says about it: branch, commit, address, changes.

Git answers while the engine opens: its processes are started first and read later. Nothing here can
make a run fail; where there is no repository, no git, or no answer in time, there are no facts.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from rocketship.dataclass import dataclass

PATIENCE_SECONDS = 2.0
#: Git must ask nobody, change nothing, and start nothing the repository's settings may name.
_GIT = ("git", "--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false")
#: Set inside hooks, where they would lead away from the repository of the suite.
_MISLEADING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)
# Compiled when they are first needed, which most often is never.
_SCP_ADDRESS = r"(?:[^/@:]+@)?(?P<host>[^/@:]+):(?P<path>(?!//).+)"
_URL = (
    r"(?P<scheme>https?|ssh|git)://(?:[^/@]*@)?"
    r"(?P<host>\[[^\]/]*\]|[^/:]+)(?P<port>:\d*)?/(?P<path>.+)"
)


@dataclass(frozen=True, slots=True)
class GitFacts:
    """What a repository says.

    Attributes:
        top: The folder of the work tree.
        branch: Empty when no branch is checked out.
        commit: Empty before the first one.
        message: The first line of the commit's message.
        url: The address of `origin` for a browser; empty when it has none.
        changed: Files, relative to `top`, that are not as in the commit; in the end the commit says
            nothing about them.
    """

    top: Path
    branch: str = ""
    commit: str = ""
    message: str = ""
    url: str = ""
    changed: frozenset[str] = frozenset()


class GitQuery:
    """A question to git about some files of one repository, already on its way."""

    def __init__(self, top: Path, files: Sequence[str]) -> None:
        self._top = top
        status = (
            "status",
            "--porcelain=v2",
            "--branch",
            "-z",
            "--ignored",
            "--untracked-files=all",
        )
        self._status = self._ask(*status, "--", *files)
        self._message = self._ask("log", "-1", "--no-show-signature", "--format=%s")
        self._url = self._ask("remote", "get-url", "origin")

    def facts(self) -> GitFacts | None:
        """Return the answers, or None without any; blocks for a moment until they are there."""
        status, message, url = map(_answer, (self._status, self._message, self._url))
        return _read_status(self._top, status, message.strip(), url) if status else None

    def _ask(self, *arguments: str) -> subprocess.Popen[bytes] | None:
        environment = {key: value for key, value in os.environ.items() if key not in _MISLEADING}
        try:
            return subprocess.Popen(
                (*_GIT, "-C", str(self._top), *arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            )
        except OSError:
            return None


def repositories(files: Iterable[Path]) -> dict[Path, list[Path]]:
    """Return the work trees that files lie in, with the real paths of those files."""
    found: dict[Path, list[Path]] = {}
    tops: dict[Path, Path | None] = {}
    for file in files:
        real = Path(os.path.realpath(file))
        if real.parent not in tops:
            tops[real.parent] = _top(real.parent)
        if (top := tops[real.parent]) is not None:
            found.setdefault(top, []).append(real)
    return found


def repository_url(address: str) -> str:
    """Return a repository's address for a browser, without credentials; empty for a local one."""
    address = address.strip()
    if match := re.fullmatch(_URL, address):
        # The port of SSH leads nowhere in a browser.
        port = match["port"] if match["scheme"].startswith("http") else None
        host = match["host"] + (port or "")
    elif match := re.fullmatch(_SCP_ADDRESS, address):
        host = match["host"]
    else:
        return ""
    path = match["path"].strip("/").removesuffix(".git")
    return f"https://{host}/{path}" if path else ""


def _top(folder: Path) -> Path | None:
    for candidate in (folder, *folder.parents):
        if os.path.lexists(candidate / ".git"):
            return candidate
    return None


def _answer(process: subprocess.Popen[bytes] | None) -> str:
    if process is None:
        return ""
    try:
        answer, _ = process.communicate(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return ""
    return answer.decode("utf-8", "replace") if process.returncode == 0 else ""


def _read_status(top: Path, status: str, message: str, url: str) -> GitFacts:
    head = {"branch.head": "", "branch.oid": ""}
    changed = set()
    entries = iter(status.split("\0"))
    for entry in entries:
        kind, _, rest = entry.partition(" ")
        if kind == "#":
            key, _, value = rest.partition(" ")
            head[key] = value
        elif kind in ("?", "!"):
            changed.add(rest)
        elif kind in ("1", "u"):
            changed.add(rest.split(" ", 7 if kind == "1" else 9)[-1])
        elif kind == "2":
            changed.add(rest.split(" ", 8)[-1])
            next(entries, None)  # the name it had before
    branch, commit = head["branch.head"], head["branch.oid"]
    return GitFacts(
        top,
        branch="" if branch == "(detached)" else branch,
        commit="" if commit == "(initial)" else commit,
        message=message,
        url=repository_url(url),
        changed=frozenset(changed),
    )
