"""Runs http steps without an interpreter, so that tests say only what the step is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias, TypeVar

from rocketship.errors import ConfigError
from rocketship.plugins.api import Absent, Call, Found, Outcome
from rocketship.plugins.assertions import evaluate
from rocketship.plugins.http.plugin import Http
from rocketship.run.events import AssertionResult
from rocketship.suite.model import Assertion
from rocketship.template.scope import Scope
from rocketship.values import Json, Location
from tests.fixtures.waiting import result_of

T = TypeVar("T")
Memory: TypeAlias = dict[str, Json]


class Files:
    """The files of a suite, in memory."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._files = files or {}

    def read(self, path: str) -> bytes:
        try:
            return self._files[path]
        except KeyError:
            raise ConfigError(f"{path} was not collected with the run") from None


def make_call(
    config: Mapping[str, Any],
    *,
    memory: MutableMapping[str, Json] | None = None,
    files: Mapping[str, bytes] | None = None,
    asserted: frozenset[str] = frozenset(),
    scope: Scope | None = None,
) -> Call:
    """Return the call of a step whose configuration is rendered already; the method is GET."""
    return Call(
        config=Http.config.convert({"method": "GET", **config}, ""),
        scope=scope or Scope(),
        files=Files(files),
        log=lambda message, *, level="info", source="log": None,
        memory=memory if memory is not None else {},
        asserted=asserted,
    )


def with_plugin(scenario: Callable[[Http], Awaitable[T]]) -> T:
    """Run a scenario with a plugin of its own in an event loop of its own."""

    async def main() -> T:
        plugin = Http()
        try:
            return await scenario(plugin)
        finally:
            await plugin.close()

    return asyncio.run(main())


def run(config: Mapping[str, Any], **details: Any) -> Any:
    """Run one step and return its outcome, failed or not; Any, as what is in it is JSON."""
    return with_plugin(lambda plugin: plugin.run(make_call(config, **details)))


def check(
    outcome: Outcome, kind: str, expected: Json = None, operator: str = "equals", **options: Json
) -> AssertionResult:
    """Evaluate one assertion on an outcome, as a suite would."""
    assertion = Assertion(kind, operator, expected, options, False, Location("suite.yaml", 1))
    return result_of(evaluate(assertion, Http.assertions[kind], outcome, Scope(), Files()))


def save(outcome: Outcome, source: str, argument: Json = True) -> Json:
    """Return what a save finds; a reason it finds nothing is returned as Absent."""
    found = result_of(Http.saves[source].look(outcome, {source: argument}))
    assert isinstance(found, Found | Absent)
    return found.value if isinstance(found, Found) else f"absent: {found.reason}"
