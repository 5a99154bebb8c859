"""Evaluating assertions: the same for every plugin, whatever can be observed there.

Results are written for people, so secrets are removed from them before anything is shortened: half
a secret would not be recognised any more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError, StepError
from rocketship.plugins import large
from rocketship.plugins.api import Absent, Files, Found, Large, Observable, Observation, Outcome
from rocketship.plugins.diff import diff
from rocketship.plugins.operators import COMPARISONS, Mismatch, same
from rocketship.redaction import Redactor
from rocketship.run.events import AssertionResult
from rocketship.suite.model import Assertion
from rocketship.template.render import render
from rocketship.template.scope import Scope
from rocketship.values import Json, format_duration, parse_duration, to_json, to_text

#: Values longer than this, as JSON text, are cut in results.
MAX_VALUE_CHARACTERS = 64 * 1024
#: Of texts longer than this only the beginning is looked at: to search all of it for secrets, or to
#: quote it, would keep every other test waiting.
MAX_SEARCHED_CHARACTERS = 1 << 20
#: Values longer than this are cut in messages.
MAX_SHOWN_CHARACTERS = 200
#: Values longer than this are left out of messages that have a reason to give instead.
MAX_EXPLAINED_CHARACTERS = 60
MAX_MESSAGE_CHARACTERS = 2000

# Null and nothing are the same to these; all others need something to compare.
_NULLABLE = frozenset({"exists", "not_exists", "is_null", "not_null", "equals", "one_of"})
_ORDERING = frozenset({"less", "less_or_equal", "greater", "greater_or_equal"})
_BY_VALUE = _ORDERING | {"equals", "not_equals", "one_of"}


async def evaluate(
    assertion: Assertion,
    observable: Observable,
    outcome: Outcome,
    scope: Scope,
    files: Files,
    redactor: Redactor | None = None,
) -> AssertionResult:
    """Return whether an assertion holds; everything that keeps it from being checked is a failure.

    Null and nothing are the same to `exists` (a value that is not null), `not_exists`, `is_null`
    and `not_null`, and both equal null. Any other operator fails when there is nothing.

    Args:
        assertion: As written; its options and expectation are rendered here.
        observable: What its type looks at.
        outcome: What the step did.
        scope: What templates can see.
        files: Where schema files are read.
        redactor: Removes secrets from the result.
    """
    check = _Check(assertion, observable, redactor or Redactor())
    try:
        options = check.render(scope, files)
        return await check.compare(await observable.look(outcome, options))
    except StepError as error:
        return check.result(False, error.message + (f" ({error.hint})" if error.hint else ""))


@dataclass(slots=True)
class _Check:
    """The evaluation of one assertion; `target` and `expected` are known once rendered."""

    assertion: Assertion
    observable: Observable
    redactor: Redactor
    target: str = ""
    expected: Json = None

    def render(self, scope: Scope, files: Files) -> Mapping[str, Any]:
        """Fill in the templates; return the options of the observation."""
        rendered = render(dict(self.assertion.options), scope)
        options = self.observable.options.convert(rendered, "")
        if self.observable.target:
            self.target = to_text(options[self.observable.target])
        self.expected = render(self.assertion.expected, scope, "expected")
        if self.assertion.operator == "schema" and isinstance(self.expected, str):
            self.expected = _read_schema(self.expected, files)
        return options

    async def compare(self, observation: Observation) -> AssertionResult:
        """Return the result for what was observed."""
        if isinstance(observation, Large):
            return await self._compare_large(observation)
        operator = self.assertion.operator
        reason = observation.reason if isinstance(observation, Absent) else None
        actual = observation.value if isinstance(observation, Found) else None
        absent = reason is not None
        passed = False
        try:
            if not absent or operator in _NULLABLE:
                equal = self.observable.matches or same
                verdict = COMPARISONS[operator].holds(actual, self._comparable(actual), equal)
                passed = verdict if isinstance(verdict, bool) else await verdict
        except Mismatch as mismatch:
            reason = str(mismatch)
        if passed:
            return self.result(True, None, actual)
        got = "nothing" if absent else self._shown(actual)
        return self.result(False, self._difference(got, reason), actual)

    async def _compare_large(self, text: Large) -> AssertionResult:
        operator = self.assertion.operator
        found = await large.compare(text, operator, self._comparable(""))
        actual = _Excerpt(found.beginning, found.length)
        if found.passed:
            return self.result(True, None, actual)
        return self.result(False, self._difference(self._shown(actual), found.reason), actual)

    def result(
        self, passed: bool, message: str | None, actual: Json | _Excerpt = None
    ) -> AssertionResult:
        """Return a result, free of secrets and of bounded size."""
        assertion = self.assertion
        target = self.redactor.text(self.target)
        expected, shown = self._clean(self.expected), self._clean(actual)
        label = f"{assertion.type} {target}".rstrip()
        shows_diff = not passed and assertion.operator in ("equals", "contains")
        return AssertionResult(
            type=assertion.type,
            target=target,
            operator=assertion.operator,
            passed=passed,
            message=self._message(label, message) if message else "",
            expected=_bounded(expected),
            actual=_bounded(shown),
            diff=diff(expected, shown) if shows_diff else None,
            soft=assertion.soft,
            line=assertion.location.line,
        )

    def _clean(self, value: Json | _Excerpt) -> Json:
        value = _excerpt_if_long(value)
        if isinstance(value, _Excerpt):
            return f"{self._beginning(value)}… ({value.length} characters)"
        return self.redactor.json(value)

    def _beginning(self, text: _Excerpt) -> str:
        return self.redactor.text(text.beginning, cut=True)

    def _message(self, label: str, message: str) -> str:
        return _cut(f"{label}: {self.redactor.text(message)}", MAX_MESSAGE_CHARACTERS)

    def _comparable(self, actual: Json) -> Json:
        """Return the expectation in the form in which it can be compared with the actual value."""
        written, expected = self.assertion.expected, self.expected
        if self.assertion.operator not in _BY_VALUE:
            return expected
        if self.assertion.type == "duration":
            return _seconds(expected)
        # A template in quotes does not say which type is meant: it may equal a number or its text.
        if isinstance(written, str) and isinstance(expected, int | float):
            return to_text(expected) if isinstance(actual, str) else expected
        return expected

    def _difference(self, got: str, reason: str | None) -> str:
        phrase = COMPARISONS[self.assertion.operator].phrase
        wanted = phrase.format(self._shown(self.expected))
        if reason and len(got) > MAX_EXPLAINED_CHARACTERS:
            return f"expected {wanted}, but {reason}"
        return f"expected {wanted}, got {got}" + (f" ({reason})" if reason else "")

    def _shown(self, value: Json | _Excerpt) -> str:
        value = _excerpt_if_long(value)
        if isinstance(value, _Excerpt):
            beginning = to_json(self._beginning(value))[:MAX_SHOWN_CHARACTERS]
            return f"{beginning}… ({value.length} characters)"
        if isinstance(value, int | float) and not isinstance(value, bool):
            return format_duration(value) if self.assertion.type == "duration" else to_text(value)
        if self.assertion.type == "duration" and isinstance(value, str):
            return value
        return _cut(to_json(self.redactor.json(value)), MAX_SHOWN_CHARACTERS)


@dataclass(frozen=True, slots=True)
class _Excerpt:
    """The beginning of a text, and how many characters it has."""

    beginning: str
    length: int


def _excerpt_if_long(value: Json | _Excerpt) -> Json | _Excerpt:
    if isinstance(value, str) and len(value) > MAX_SEARCHED_CHARACTERS:
        return _Excerpt(value[: large.MAX_BEGINNING_CHARACTERS], len(value))
    return value


def _read_schema(path: str, files: Files) -> Json:
    try:
        schema: Json = json.loads(files.read(path))
    except ValueError as error:
        raise ConfigError(f"{path}: not a JSON Schema: {error}") from None
    return schema


def _seconds(expected: Json) -> Json:
    """Return an expected duration in seconds; a bare number could be seconds or milliseconds."""
    if isinstance(expected, list):
        return [_seconds(item) for item in expected]
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        raise Mismatch(f"a duration needs a unit: {to_text(expected)}ms or {to_text(expected)}s")
    if isinstance(expected, str):
        try:
            return parse_duration(expected)
        except ValueError as error:
            raise Mismatch(str(error)) from None
    return expected


def _bounded(value: Json) -> Json:
    """Return the value, or the beginning of its text when it is too long to keep."""
    if isinstance(value, str):
        return _cut(value, MAX_VALUE_CHARACTERS)
    if isinstance(value, list | dict):
        text = to_json(value)
        return value if len(text) <= MAX_VALUE_CHARACTERS else _cut(text, MAX_VALUE_CHARACTERS)
    return value


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
