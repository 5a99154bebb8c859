"""From a run's specification to its plan: the suite is read again and checked completely."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from rocketship.errors import InvalidSuite, Violation
from rocketship.interpreter.plan import Plan, compile_plan
from rocketship.plugins.api import Files
from rocketship.plugins.registry import Registry
from rocketship.run.spec import RunSpec
from rocketship.suite.load import LoadedSuite, load_source
from rocketship.suite.problem import Problem, Severity

#: Planning takes a second per megabyte.
LONG_SUITE_BYTES = 64 * 1024


class Planner:
    """Plans runs with the plugins of this process.

    Args:
        plugins: The plugins there are.
        checked: Suites that were loaded in this process and are right; they need not be read again.
    """

    def __init__(self, plugins: Registry, checked: Iterable[LoadedSuite] = ()) -> None:
        self._plugins = plugins
        self._checked = {loaded.suite.location.file: loaded for loaded in checked if loaded.suite}

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
        known = self._checked.get(spec.file)
        if known is not None and (known.source, known.vars, known.bundle.files) == (
            spec.source,
            spec.vars,
            spec.files,
        ):
            return known
        return load_source(
            spec.source, spec.file, self._plugins, variables=spec.vars, files=spec.files
        )


def _violations(problems: Iterable[Problem]) -> list[Violation]:
    return [
        Violation(str(problem.location), problem.message)
        for problem in problems
        if problem.severity is Severity.ERROR
    ]
