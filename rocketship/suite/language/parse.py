"""From the nodes of a suite without problems to its model."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from rocketship.suite.language.entries import operator_of
from rocketship.suite.language.step import StepKind
from rocketship.suite.language.suite import SuiteNodes, mappings
from rocketship.suite.model import Assertion, Cleanup, Save, Step, Suite, Test
from rocketship.suite.node import Node
from rocketship.values import Json

MAX_ID_CHARACTERS = 64


def parse(nodes: SuiteNodes) -> Suite:
    """Return the model of a suite in which the grammar found no errors."""
    return _Parser(nodes.step_kind).suite(nodes.root)


class _Parser:
    def __init__(self, step_kind: StepKind) -> None:
        self._step_kind = step_kind
        self._ids: set[str] = set()

    def suite(self, node: Node) -> Suite:
        value = _value(node)
        return Suite(
            name=value["name"],
            location=node.location,
            tests=tuple(self._test(test) for test in mappings(node, "tests")),
            init=self._steps(node, "init"),
            cleanup=self._cleanup(node),
            description=value.get("description") or "",
            vars=value.get("vars") or {},
            tags=tuple(value.get("tags") or ()),
            timeout=value.get("timeout"),
            cleanup_timeout=value.get("cleanup_timeout"),
            concurrency=value.get("concurrency"),
            openapi=value.get("openapi"),
            runs_on=_labels(value) or (),
        )

    def _test(self, node: Node) -> Test:
        value = _value(node)
        return Test(
            id=self._id(value["name"]),
            name=value["name"],
            location=node.location,
            steps=self._steps(node, "steps"),
            init=self._steps(node, "init"),
            cleanup=self._cleanup(node),
            description=value.get("description") or "",
            tags=tuple(value.get("tags") or ()),
            timeout=value.get("timeout"),
            skip=value.get("skip") or False,
            runs_on=_labels(value),
        )

    def _id(self, name: str) -> str:
        """Return an id that looks like the name and that no test before has."""
        slug = slugify(name)
        unique, number = slug, 1
        while unique in self._ids:
            number += 1
            unique = f"{slug}-{number}"
        self._ids.add(unique)
        return unique

    def _cleanup(self, node: Node) -> Cleanup:
        cleanup = node.get("cleanup")
        if cleanup is None:
            return Cleanup()
        return Cleanup(self._steps(cleanup, "on_failure"), self._steps(cleanup, "always"))

    def _steps(self, node: Node, key: str) -> tuple[Step, ...]:
        return tuple(self._step(step) for step in mappings(node, key))

    def _step(self, node: Node) -> Step:
        value = _value(node)
        return Step(
            name=value["name"],
            plugin=value["plugin"],
            config=_value(self._step_kind.config(node)),
            location=node.location,
            assertions=tuple(_assertion(entry) for entry in mappings(node, "assertions")),
            saves=tuple(self._save(entry, node) for entry in mappings(node, "save")),
            retry=value.get("retry"),
            timeout=value.get("timeout"),
            condition=value.get("if"),
            continue_on_failure=value.get("continue_on_failure") or False,
            replay=value.get("replay"),
        )

    def _save(self, node: Node, step: Node) -> Save:
        value = _value(node)
        plugin = self._step_kind.plugin(step)
        assert plugin is not None
        source = next(name for name in plugin.saves if value.get(name) is not None)
        required = value.get("required")
        return Save(
            name=value["as"],
            source=source,
            argument=value[source],
            required=required is None or required,
            redact=bool(value.get("redact")),
            location=node.location,
        )


def _labels(value: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the labels of `runs_on`, which may be written as one word, or None without it."""
    labels = value.get("runs_on")
    if labels is None:
        return None
    return tuple(sorted({labels} if isinstance(labels, str) else set(labels)))


#: The keys of an assertion that are not its type's options.
_COMMON = frozenset({"type", "operator", "expected", "exists", "soft"})


def _assertion(node: Node) -> Assertion:
    value = _value(node)
    return Assertion(
        type=value["type"],
        operator=operator_of(value),
        expected=value.get("expected"),
        options={
            key: item
            for key, item in value.items()
            if key not in _COMMON and not key.startswith("x-")
        },
        soft=bool(value.get("soft")),
        location=node.location,
    )


def slugify(name: str) -> str:
    """Return a short form of a name: letters and digits in lower case, joined by hyphens."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    words = re.findall(r"[^\W_]+", folded)
    return "-".join(words)[:MAX_ID_CHARACTERS].strip("-") or "test"


def _value(node: Node) -> Mapping[str, Any]:
    """Return the value of a node the grammar knows to be a mapping."""
    value: Json = node.value
    assert isinstance(value, dict)
    return value
