"""Puts together the context of runs: options first, then the service, then the repository."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from rocketship.cli.origin.ci import ci_facts
from rocketship.cli.origin.git import GitFacts, GitQuery, repositories
from rocketship.run.narrate import BY_HAND
from rocketship.run.spec import MAX_CONTEXT_BYTES
from rocketship.values import JsonObject

#: What is true of a run that a person starts.
_BY_HAND = {"source": BY_HAND, "trigger": "manual"}
#: The folder whose suites belong together, wherever in a repository it is.
_SUITES_FOLDER = ".rocketship"


class Origin:
    """Gathers where runs come from; git is asked when it is made and answers later.

    Args:
        files: The suite files.
        environ: The process environment.
    """

    def __init__(self, files: Iterable[Path], environ: Mapping[str, str]) -> None:
        self._service = ci_facts(environ)
        self._queries = {
            top: GitQuery(top, [str(path.relative_to(top)) for path in paths])
            for top, paths in repositories(files).items()
        }
        self._repositories: dict[Path, GitFacts] = {}

    def gather(self) -> None:
        """Take git's answers; blocks until they are there."""
        for top, query in self._queries.items():
            if facts := query.facts():
                self._repositories[top] = facts

    def context(self, file: Path, source: bytes, given: JsonObject) -> JsonObject:
        """Return the context of a run.

        Args:
            file: The suite file.
            source: Its bytes, as they are sent.
            given: What the options say, which comes before everything else.
        """
        found = {**_BY_HAND, **self._repository(file, source), **self._service}
        return {**{key: _cut(text) for key, text in found.items()}, **given}

    def _repository(self, file: Path, source: bytes) -> dict[str, str]:
        real = Path(os.path.realpath(file))
        tops = (folder for folder in real.parents if folder in self._repositories)
        facts = self._repositories.get(next(tops, real))
        if facts is None:
            return {}
        path = real.relative_to(facts.top)
        committed = bool(facts.commit) and path.as_posix() not in facts.changed
        known = {
            "branch": facts.branch,
            "commit": facts.commit,
            "rs_commit_message": facts.message,
            "rs_repo_url": facts.url,
            "rs_suite_file_path": path.as_posix(),
            "rs_path_scope_json": _scope(path),
            "rs_config_source": "repo_commit" if committed else "uncommitted",
            "rs_bundle_sha": "" if committed else _digest(source),
        }
        return {key: value for key, value in known.items() if value}


def _scope(path: Path) -> str:
    """Return which paths of the repository the suite's project has, as a JSON list of globs."""
    if _SUITES_FOLDER not in path.parts[:-1]:
        return ""
    folder = path.parts[: path.parts.index(_SUITES_FOLDER) + 1]
    return json.dumps([f"{'/'.join(folder)}/**"])


def _cut(text: str) -> str:
    """Return as much of a text as an engine takes: nobody is asked for what is found here."""
    return text.encode("utf-8", "replace")[:MAX_CONTEXT_BYTES].decode("utf-8", "ignore")


def _digest(source: bytes) -> str:
    from hashlib import sha256

    return sha256(source).hexdigest()
