"""From a run's specification to its plan: the suite is read again and checked completely.

Most suites are run again and again, and to read one takes far longer than to plan it. So the last
ones are remembered; the same text with the same variables and files is the same suite.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from rocketship.errors import InvalidSuite, Violation
from rocketship.interpreter.plan import Plan, compile_plan
from rocketship.plugins.api import Files
from rocketship.plugins.registry import Registry
from rocketship.run.spec import RunSpec
from rocketship.suite.load import LoadedSuite, load_source
from rocketship.suite.problem import Problem, Severity
from rocketship.values import to_ascii_json

#: Planning takes a second per megabyte.
LONG_SUITE_BYTES = 64 * 1024
#: Of text, in the suites that are remembered and their files; in memory it takes up to fifty times
#: as much.
MAX_REMEMBERED_BYTES = 512 * 1024


class Planner:
    """Plans runs with the plugins of this process.

    Args:
        plugins: The plugins there are.
        checked: Suites that were loaded in this process and are right; they need not be read again.
    """

    def __init__(self, plugins: Registry, checked: Iterable[LoadedSuite] = ()) -> None:
        self._plugins = plugins
        self._checked = {loaded.suite.location.file: loaded for loaded in checked if loaded.suite}
        self._recent: OrderedDict[str, LoadedSuite] = OrderedDict()
        self._remembering = threading.Lock()

    async def plan_aside(
        self, spec: RunSpec, env: Mapping[str, str], run_id: str
    ) -> tuple[Plan, Files]:
        """Do what `plan` does, for a long suite beside the event loop, so that others go on."""
        if len(spec.source) < LONG_SUITE_BYTES:
            return self.plan(spec, env, run_id)
        return await asyncio.to_thread(self.plan, spec, env, run_id)

    def plan(self, spec: RunSpec, env: Mapping[str, str], run_id: str) -> tuple[Plan, Files]:
        """Return a run's plan and the files it refers to.

        Raises:
            InvalidSuite: The suite has problems, or uses a plugin the operator switched off.
            UsageError: The selection cannot be read.
        """
        loaded = self._load(spec)
        if loaded.suite is None:
            raise InvalidSuite(
                f"{spec.file} is not a valid suite",
                report=loaded.report(),
                violations=_violations(loaded.problems),
            )
        for step in loaded.suite.steps:
            if refusal := self._plugins.refusal(step.plugin, step.config):
                violation = Violation(str(step.location), refusal)
                raise InvalidSuite(f"{step.location}: {refusal}", violations=[violation])
        return compile_plan(loaded.suite, spec, env, run_id), loaded.bundle

    def _load(self, spec: RunSpec) -> LoadedSuite:
        for known in (self._checked.get(spec.file), self._recent.get(spec.file)):
            if known is not None and _is_of(known, spec):
                return known
        loaded = load_source(
            spec.source, spec.file, self._plugins, variables=spec.vars, files=spec.files
        )
        if loaded.suite is not None:
            self._remember(spec.file, loaded)
        return loaded

    def _remember(self, file: str, loaded: LoadedSuite) -> None:
        if _size(loaded) > MAX_REMEMBERED_BYTES:
            return
        with self._remembering:
            self._recent[file] = loaded
            self._recent.move_to_end(file)
            size = sum(map(_size, self._recent.values()))
            while size > MAX_REMEMBERED_BYTES:
                size -= _size(self._recent.popitem(last=False)[1])


def _is_of(loaded: LoadedSuite, spec: RunSpec) -> bool:
    # As JSON, because 1 and true are equal in Python.
    return (loaded.source, loaded.bundle.files) == (spec.source, spec.files) and to_ascii_json(
        loaded.vars
    ) == to_ascii_json(spec.vars)


def _size(loaded: LoadedSuite) -> int:
    return len(loaded.source) + sum(map(len, loaded.bundle.files.values()))


def _violations(problems: Iterable[Problem]) -> list[Violation]:
    return [
        Violation(str(problem.location), problem.message)
        for problem in problems
        if problem.severity is Severity.ERROR
    ]
