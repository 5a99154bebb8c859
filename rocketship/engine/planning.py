"""From a run's specification to its plan: the suite is read again and checked completely."""

from __future__ import annotations

from collections.abc import Mapping

from rocketship.errors import InvalidSuite
from rocketship.interpreter.plan import Plan, compile_plan
from rocketship.plugins.api import Files
from rocketship.plugins.registry import Registry
from rocketship.run.spec import RunSpec
from rocketship.suite.load import load_source


class Planner:
    """Plans runs with the plugins of this process."""

    def __init__(self, plugins: Registry) -> None:
        self._plugins = plugins

    def plan(self, spec: RunSpec, env: Mapping[str, str], run_id: str) -> tuple[Plan, Files]:
        """Return a run's plan and the files it refers to.

        Raises:
            InvalidSuite: The suite has problems, or uses a plugin the operator switched off.
            UsageError: The selection cannot be read.
        """
        loaded = load_source(
            spec.source, spec.file, self._plugins, variables=spec.vars, files=spec.files
        )
        if loaded.suite is None:
            raise InvalidSuite(f"{spec.file} is not a valid suite", report=loaded.report())
        for step in loaded.suite.steps:
            if refusal := self._plugins.refusal(step.plugin, step.config):
                raise InvalidSuite(f"{step.location}: {refusal}")
        return compile_plan(loaded.suite, spec, env, run_id), loaded.bundle
