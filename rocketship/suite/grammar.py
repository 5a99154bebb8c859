"""The keys of the suite language, apart from those that plugins bring.

What a step is and what `defaults` may hold is left open here, because only a catalog of plugins can
describe them.
"""

from __future__ import annotations

import re

from rocketship.errors import STEP_ERROR_NAMES
from rocketship.suite.fields import (
    AnyJson,
    AnyOf,
    Boolean,
    Choice,
    Duration,
    Field,
    FilePath,
    Fixed,
    Integer,
    Jq,
    Kind,
    ListOf,
    MapOf,
    Number,
    Object,
    Text,
)
from rocketship.suite.node import Node
from rocketship.suite.operators import DEFAULT_OPERATOR, OPERATORS
from rocketship.suite.problem import Problems, did_you_mean
from rocketship.template.scope import RESERVED_NAMES
from rocketship.values import Json, JsonObject, parse_duration

# A name of a template, or several joined by dots, which make nested values.
_SAVED_NAME = r"[^\W\d]\w*(?:-+\w+)*(?:\.[^\W\d]\w*(?:-+\w+)*)*"

#: As in the settings of workers, who have the labels.
_WORKER_LABEL = r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?"


class SavedName(Text):
    """The name of a saved value: one a template can refer to."""

    label = "a name"

    def check(self, node: Node, problems: Problems) -> None:
        super().check(node, problems)
        name = node.value
        if not isinstance(name, str):
            return
        if re.fullmatch(_SAVED_NAME, name) is None:
            hint = "use letters, digits and _, and begin with a letter"
            problems.error(node.location, f'"{name}" is not a name templates can use', hint)
        elif name.split(".")[0] in RESERVED_NAMES:
            message = f'"{name}" cannot be saved: env, vars and run have a meaning of their own'
            problems.error(node.location, message, "choose another name")

    def schema(self) -> JsonObject:
        return {"type": "string", "pattern": f"^(?!({'|'.join(sorted(RESERVED_NAMES))})(\\.|$))"}


class WorkerLabel(Text):
    """A label of workers, which has to fit the name of a queue."""

    label = "a label"

    def check(self, node: Node, problems: Problems) -> None:
        super().check(node, problems)
        if isinstance(node.value, str) and re.fullmatch(_WORKER_LABEL, node.value) is None:
            hint = "labels are lower case, such as gpu or eu-west"
            problems.error(node.location, f'"{node.value}" is not a label of workers', hint)

    def schema(self) -> JsonObject:
        return {"type": "string", "pattern": f"^{_WORKER_LABEL}$"}


class _Retry(Object):
    """The `retry` block, whose two intervals must fit each other."""

    def check(self, node: Node, problems: Problems) -> None:
        super().check(node, problems)
        first, most = node.get("initial_interval"), node.get("maximum_interval")
        if first and most and _seconds(most.value) < _seconds(first.value):
            message = "maximum_interval is shorter than initial_interval"
            problems.error(most.location, message, f"make it at least {first.value}")
        names = node.get("non_retryable_errors")
        for item in names.items if names else ():
            if isinstance(item.value, str) and item.value not in STEP_ERROR_NAMES:
                known = "known names: " + ", ".join(sorted(STEP_ERROR_NAMES))
                hint = did_you_mean(item.value, STEP_ERROR_NAMES) or known
                problems.warning(item.location, f'no step fails with "{item.value}"', hint)


def _seconds(value: Json) -> float:
    """Return a duration as written in seconds, or NaN, which is neither shorter nor longer."""
    try:
        return parse_duration(value) if isinstance(value, str) else float("nan")
    except ValueError:
        return float("nan")


RETRY = _Retry(
    Field("maximum_attempts", Integer(1), "Attempts in total, the first included; 3 by default."),
    Field("initial_interval", Duration(), "The wait before the second attempt; 1s by default."),
    Field("backoff_coefficient", Number(1), "What each wait is multiplied by; 2 by default."),
    Field("maximum_interval", Duration(), "The longest wait; 100 times the first by default."),
    Field("jitter", Number(0, 1), "How far waits may deviate, as a part of them; 0.1 by default."),
    Field("non_retryable_errors", ListOf(Text()), "Errors after which there is no other attempt."),
)

OPENAPI = Object(
    Field("spec", FilePath(), "The API description: a file or a URL.", required=True),
    Field("version", Text(), "Tells descriptions at the same place apart."),
    Field("validate_request", Boolean(), "Whether requests are checked.", default=True),
    Field("validate_response", Boolean(), "Whether responses are checked.", default=True),
    Field("cache_ttl", Duration(), "How long a description is kept; 30m by default."),
)

#: What all assertions have in common; their types add options of their own.
ASSERTION_FIELDS = (
    Field("type", Fixed(Text(empty=False)), "What is looked at.", required=True),
    Field("operator", Fixed(Choice(tuple(OPERATORS))), f"By default {DEFAULT_OPERATOR}."),
    Field("expected", AnyJson(), "What the value is compared with."),
    Field("exists", Fixed(Boolean()), "The older spelling of the operators exists, not_exists."),
    Field("soft", Fixed(Boolean()), "Whether a failure is only reported.", default=False),
)

#: What all saves have in common; the plugin adds the keys that say from where.
SAVE_FIELDS = (
    Field("as", Fixed(SavedName()), "The name for later steps.", required=True),
    Field("required", Fixed(Boolean()), "Whether a missing value is a failure.", default=True),
    Field("redact", Fixed(Boolean()), "Whether the value is never shown.", default=False),
)

#: A step; what is in `config`, `assertions` and `save` depends on the plugin.
STEP = Object(
    Field("name", Text(empty=False), "What the step does, for people.", required=True),
    Field("plugin", Fixed(Text(empty=False)), "What carries it out.", required=True),
    Field("config", Fixed(MapOf(AnyJson())), "What the plugin is to do."),
    Field("assertions", Fixed(ListOf(Fixed(MapOf(AnyJson())))), "What must hold afterwards."),
    Field("save", Fixed(ListOf(Fixed(MapOf(AnyJson())))), "Values to keep for later steps."),
    Field("retry", RETRY, "When and how often a failed step is tried again."),
    Field("timeout", Duration(), "The longest attempt; 30m by default, 10m in cleanup."),
    Field("if", Jq(), "A jq program over vars, env, saved, run and test; false skips the step."),
    Field("continue_on_failure", Boolean(), "Whether the test goes on when the step fails."),
    Field("replay", Fixed(Choice(("safe", "once"))), "Whether a lost worker's step is repeated."),
)

_TAGS = Fixed(ListOf(Fixed(Text(empty=False))))
_LABEL = Fixed(WorkerLabel())
_LABELS = Fixed(AnyOf((_LABEL, ListOf(_LABEL))))


def suite_object(step: Kind, plugin_defaults: Kind) -> Object:
    """Return the description of a whole suite.

    Args:
        step: What the entries of all lists of steps are.
        plugin_defaults: What the key `defaults` may hold.
    """
    steps = Fixed(ListOf(step))
    cleanup = Object(
        Field("on_failure", steps, "Steps that run after a failure, before the others."),
        Field("always", steps, "Steps that always run."),
    )
    test = Object(
        Field("name", Text(empty=False), "What is tested, for people.", required=True),
        Field("description", Text(), "More about it."),
        Field("tags", _TAGS, "Words to select tests by."),
        Field("timeout", Duration(), "The longest the test may take, cleanup apart."),
        Field("skip", AnyOf((Boolean(), Text(empty=False))), "True, or why it is not run."),
        Field(
            "runs_on",
            _LABELS,
            "Labels instead of the suite's; [] is none; ignored without workers.",
        ),
        Field("init", steps, "Steps that prepare the test."),
        Field("steps", Fixed(ListOf(step, at_least=1)), "The steps of the test.", required=True),
        Field("cleanup", cleanup, "Steps that run at the end of the test."),
    )
    return Object(
        Field("name", Text(), "The name of the suite.", required=True),
        Field("description", Text(), "More about it."),
        Field("version", AnyJson(), "Accepted for the sake of old files, and ignored."),
        Field("vars", Fixed(MapOf(AnyJson())), "Values for templates, as .vars.NAME."),
        Field("tags", _TAGS, "Words to select all tests of the suite by."),
        Field("timeout", Duration(), "The longest the run may take, cleanup apart."),
        Field("cleanup_timeout", Duration(), "The longest its cleanup may take; 10m by default."),
        Field("concurrency", Integer(1), "Most tests at the same time."),
        Field("runs_on", _LABELS, "Labels a worker must have to run it; ignored without workers."),
        Field("openapi", OPENAPI, "The API description all http steps are checked against."),
        Field("defaults", plugin_defaults, "Configuration by plugin, put under that of each step."),
        Field("init", steps, "Steps that run before all tests."),
        Field("tests", Fixed(ListOf(test, at_least=1)), "The tests.", required=True),
        Field("cleanup", cleanup, "Steps that run after all tests."),
    )
