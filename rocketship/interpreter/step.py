"""One step: condition, attempts, assertions, saves, and the event that tells how it went.

An attempt renders the configuration, calls the plugin, evaluates every assertion and takes the
saves. Whatever a plugin raises ends here as a failed attempt; only cancellation passes through.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import (
    AssertionFailed,
    ConfigError,
    PluginError,
    StepError,
    StepTimeout,
    TemplateError,
)
from rocketship.interpreter.context import UnitContext
from rocketship.interpreter.plan import PlannedStep
from rocketship.interpreter.retry import NO_RETRY, RetryPolicy, policy
from rocketship.plugins.api import Call, Found, Outcome, Plugin
from rocketship.plugins.assertions import evaluate
from rocketship.plugins.saves import extract
from rocketship.redaction import url_passwords
from rocketship.run.events import (
    AssertionResult,
    AttemptFailed,
    Failure,
    LogEmitted,
    StepFinished,
    StepStarted,
)
from rocketship.run.result import CLEANUP_PHASES
from rocketship.run.status import Status
from rocketship.suite.fields import Boolean, Duration
from rocketship.suite.grammar import RETRY
from rocketship.template import query
from rocketship.template.render import render, render_text
from rocketship.template.scope import Scope
from rocketship.values import Json, format_duration, to_text

#: Limits of one attempt when the step has no `timeout`, as in the original implementation.
DEFAULT_ATTEMPT_SECONDS = 1800.0
DEFAULT_CLEANUP_ATTEMPT_SECONDS = 600.0


@dataclass(slots=True)
class _Attempt:
    """What one attempt brought to light, complete or not."""

    outcome: Outcome = field(default_factory=Outcome)
    assertions: tuple[AssertionResult, ...] = ()
    saved: dict[str, Json] = field(default_factory=dict)
    error: StepError | None = None


class StepRunner:
    """Runs one step of a unit to its end.

    Args:
        context: The unit the step belongs to; saved values and secrets are written to its state.
        planned: The step.
    """

    def __init__(self, context: UnitContext, planned: PlannedStep) -> None:
        self._context = context
        self._planned = planned
        self._step = planned.step
        self._begun = 0.0
        self._attempts = 0
        self._name = planned.step.name
        self._last = _Attempt()

    async def run(self) -> Status:
        """Run the step; return PASSED, FAILED or SKIPPED.

        Raises:
            asyncio.CancelledError: The unit was interrupted; call `interrupted` to record why.
        """
        self._begin()
        try:
            if reason := await self._skip_reason():
                return self._finish(Status.SKIPPED, reason=reason)
            retry = self._retry_policy()
            await self._try_until(retry)
        except StepError as error:
            self._last.error = error
        return self._finish(Status.FAILED if self._last.error else Status.PASSED)

    def interrupted(self, status: Status, message: str) -> None:
        """Record that the step was stopped before its end."""
        self._last.error = None
        self._finish(status, failure=Failure("Interrupted", message))

    def lost(self) -> None:
        """Record that an earlier holder was lost in the middle of the step."""
        self._name_it()
        said = self._step.replay is not None
        hint = None if said else "say `replay: safe` on the step if repeating it does no harm"
        message = "the process that ran this step was lost, and the step must not be repeated"
        self._finish(Status.FAILED, failure=Failure("Interrupted", message, hint))

    def left_out(self, status: Status, reason: str) -> None:
        """Record that the step does not run, or not any further."""
        self._name_it()
        self._finish(status, reason=reason)

    def continues_on_failure(self) -> bool:
        """Return whether the unit goes on although this step failed."""
        scope = self._context.scope()
        value = render(self._step.continue_on_failure, scope, "continue_on_failure")
        return Boolean().convert(value, "continue_on_failure")

    def _name_it(self) -> None:
        self._begun = time.monotonic()
        # The name is a label: an unknown value in it is reported by `validate`, not by a red test.
        with suppress(TemplateError):
            self._name = render_text(self._step.name, self._context.scope(), "name")

    def _begin(self) -> None:
        self._name_it()
        self._context.emit(
            StepStarted(
                at=time.time(),
                unit=self._context.host.unit.key,
                attempt=self._context.host.unit.attempt,
                path=self._planned.path,
                name=self._name,
                phase=self._planned.phase,
                plugin=self._step.plugin,
                line=self._step.location.line,
            )
        )

    async def _skip_reason(self) -> str | None:
        condition = self._step.condition
        if condition is None:
            return None
        scope = self._context.scope()
        program = render_text(condition, scope, "if")
        visible: Json = {
            "vars": dict(scope.vars),
            "env": dict(scope.env),
            "saved": dict(scope.saved),
            "run": dict(scope.run),
            "test": self._context.test_name,
        }
        try:
            found = await query.first(program, visible)
        except query.QueryError as error:
            raise ConfigError(f"if: {error}") from error
        if found and found[0] not in (None, False):
            return None
        return f"`if: {program}` is {to_text(found[0]) or 'null' if found else 'empty'}"

    def _retry_policy(self) -> RetryPolicy:
        if self._step.retry is None:
            return NO_RETRY
        rendered = render(dict(self._step.retry), self._context.scope(), "retry")
        return policy(RETRY.convert(rendered, "retry"))

    async def _try_until(self, retry: RetryPolicy) -> None:
        while True:
            self._attempts += 1
            self._last = await self._attempt()
            error = self._last.error
            if error is None or not retry.retries(error, self._attempts):
                return
            wait = retry.wait_seconds(self._attempts, _luck())
            self._context.emit(
                AttemptFailed(
                    at=time.time(),
                    unit=self._context.host.unit.key,
                    attempt=self._context.host.unit.attempt,
                    path=self._planned.path,
                    number=self._attempts,
                    maximum=retry.maximum_attempts,
                    failure=_failure(error),
                    wait_seconds=wait,
                )
            )
            await asyncio.sleep(wait)

    async def _attempt(self) -> _Attempt:
        attempt = _Attempt()
        try:
            plugin = self._plugin()
            scope = self._context.scope()
            call = self._call(plugin, scope)
            await self._announce(plugin, call.config)
            await self._carry_out(plugin, call, attempt)
        except StepError as error:
            attempt.error = error
        return attempt

    def _plugin(self) -> Plugin:
        plugin = self._context.job.plugins.get(self._step.plugin)
        if plugin is None:
            raise PluginError(f'there is no plugin "{self._step.plugin}" in this process')
        return plugin

    def _call(self, plugin: Plugin, scope: Scope) -> Call:
        rendered = render(dict(self._step.config), scope, "config")
        for secret in plugin.config.secrets(rendered):
            self._add_secret(secret)
        for secret in url_passwords(rendered):
            self._add_secret(secret)
        job = self._context.job
        return Call(
            config=plugin.config.convert(rendered, "config"),
            scope=scope,
            files=job.files,
            log=self._log,
            memory=self._context.state.memory.setdefault(plugin.name, {}),
            asserted=frozenset(assertion.type for assertion in self._step.assertions),
            suite=job.plan.blocks,
            workdir=job.plan.workdir,
        )

    async def _announce(self, plugin: Plugin, config: Mapping[str, Any]) -> None:
        """Before a step that must not be repeated, make sure a later holder will know it began."""
        state = self._context.state
        replay = self._step.replay
        with _FailingTheStep(plugin):
            safe = replay == "safe" or (replay is None and plugin.replay_safe(config))
        if not safe and not state.in_flight:
            state.in_flight = True
            await self._context.host.save(state, ack=True)
            await self._context.halt_if_interrupted(self._planned.phase)

    async def _carry_out(self, plugin: Plugin, call: Call, attempt: _Attempt) -> None:
        """Call the plugin and look at what came of it, all within the time of one attempt."""
        limit = self._limit_seconds(call.scope)
        timer = asyncio.timeout(limit)
        try:
            async with timer:
                with _FailingTheStep(plugin):
                    attempt.outcome = await plugin.run(call)
                    self._learn(attempt.outcome)
                    await self._observe(plugin, attempt, call.scope)
        except TimeoutError as error:
            raise StepTimeout(
                f"the attempt took longer than {format_duration(limit)}",
                hint="raise the step's `timeout`",
            ) from error

    def _limit_seconds(self, scope: Scope) -> float:
        value = render(self._step.timeout, scope, "timeout")
        if value is not None:
            seconds: float = Duration().convert(value, "timeout")
            return seconds
        in_cleanup = self._planned.phase in CLEANUP_PHASES
        return DEFAULT_CLEANUP_ATTEMPT_SECONDS if in_cleanup else DEFAULT_ATTEMPT_SECONDS

    def _learn(self, outcome: Outcome) -> None:
        for secret in outcome.secrets:
            self._add_secret(secret)
        self._context.state.saved.update(outcome.saved)

    async def _learn_saves(self, plugin: Plugin, outcome: Outcome, scope: Scope) -> None:
        """Know what would be saved as secret, even if the attempt fails and is shown for that."""
        for save in self._step.saves:
            if save.redact:
                with suppress(StepError):
                    value = await extract(save, plugin.saves[save.source], outcome, scope)
                    if isinstance(value, Found):
                        self._add_secret(to_text(value.value))

    async def _observe(self, plugin: Plugin, attempt: _Attempt, scope: Scope) -> None:
        outcome = attempt.outcome
        attempt.saved.update(outcome.saved)
        if outcome.failure is not None and outcome.subject is None:
            raise outcome.failure
        await self._learn_saves(plugin, outcome, scope)
        files, redactor = self._context.job.files, self._context.job.redactor
        results = []
        for assertion in self._step.assertions:
            await self._context.breathe()
            observable = plugin.assertions[assertion.type]
            results.append(await evaluate(assertion, observable, outcome, scope, files, redactor))
        attempt.assertions = tuple(results)
        if outcome.failure is not None:
            raise outcome.failure
        failed = [result for result in attempt.assertions if not (result.passed or result.soft)]
        if failed:
            raise AssertionFailed(_assertion_message(failed))
        await self._save(plugin, attempt, scope)

    async def _save(self, plugin: Plugin, attempt: _Attempt, scope: Scope) -> None:
        found: dict[str, Json] = {}
        secret: list[str] = []
        state = self._context.state
        for save in self._step.saves:
            value = await extract(save, plugin.saves[save.source], attempt.outcome, scope)
            if isinstance(value, Found):
                found[save.name] = value.value
                # Whoever gets the saved value must know that it is secret, on another worker too.
                if save.redact or value.value in state.secrets:
                    secret.append(save.name)
        for name in secret:
            self._context.job.redactor.add(to_text(found[name]))
            if name not in state.secret_names:
                state.secret_names.append(name)
        state.saved.update(found)
        attempt.saved.update(found)

    def _add_secret(self, text: str) -> None:
        self._context.job.redactor.add(text)
        if text not in self._context.state.secrets:
            self._context.state.secrets.append(text)

    def _log(self, message: str, *, level: str = "info", source: str = "log") -> None:
        self._context.emit(
            LogEmitted(
                at=time.time(),
                unit=self._context.host.unit.key,
                attempt=self._context.host.unit.attempt,
                path=self._planned.path,
                message=message.rstrip("\r\n"),
                level=level,
                source=source,
            )
        )

    def _finish(
        self, status: Status, *, reason: str | None = None, failure: Failure | None = None
    ) -> Status:
        last = self._last
        self._context.emit(
            StepFinished(
                at=time.time(),
                unit=self._context.host.unit.key,
                attempt=self._context.host.unit.attempt,
                path=self._planned.path,
                name=self._name,
                phase=self._planned.phase,
                plugin=self._step.plugin,
                status=status,
                duration_seconds=time.monotonic() - self._begun,
                attempts=max(self._attempts, 1),
                line=self._step.location.line,
                failure=failure or (_failure(last.error) if last.error else None),
                reason=reason,
                assertions=last.assertions,
                saved=last.saved,
                request=last.outcome.request,
                response=last.outcome.response,
                timings=dict(last.outcome.timings),
                reproduce=last.outcome.reproduce,
                contract=last.outcome.contract,
            )
        )
        return status

    @property
    def problem(self) -> str:
        """What went wrong, in one line; empty when nothing did."""
        return self._last.error.message if self._last.error else ""


class _FailingTheStep:
    """Turns whatever goes wrong in a plugin, which is somebody else's code, into a failed step.

    No generator, because that takes three times as long and every step enters this three times.
    """

    __slots__ = ("_plugin",)

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None or isinstance(error, StepError) or not isinstance(error, Exception):
            return
        if isinstance(error, TimeoutError):
            raise PluginError(f"{self._plugin.name} gave up waiting: {error}") from error
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise PluginError(f"the {self._plugin.name} plugin failed unexpectedly: {what}") from error


def _luck() -> float:
    """Return a random number in [0, 1)."""
    import random

    return random.random()


def _failure(error: StepError) -> Failure:
    return Failure(error.type_name, error.message, error.hint)


def _assertion_message(failed: list[AssertionResult]) -> str:
    messages = [result.message for result in failed]
    if len(messages) == 1:
        return f"Assertion failed: {messages[0]}"
    return "Assertions failed: " + "; ".join(messages)
