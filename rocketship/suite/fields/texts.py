"""Kinds of text with a meaning: durations, jq programs, and paths of files."""

from __future__ import annotations

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.suite.fields.kind import Kind, complain, describe, has_template
from rocketship.suite.node import Node
from rocketship.suite.problem import Problems
from rocketship.values import DURATION_HELP, Json, JsonObject, parse_duration


@dataclass(frozen=True)
class Duration(Kind):
    """A Go-style duration; converts to seconds. `positive` refuses zero and less."""

    positive: bool = True
    label = "a duration"

    def accepts(self, value: Json) -> bool:
        return isinstance(value, str)

    def check(self, node: Node, problems: Problems) -> None:
        if has_template(node.value):
            return
        if not isinstance(node.value, str):
            found = describe(node.value)
            hint = f"write {DURATION_HELP}"
            problems.error(node.location, f"expected a duration, found {found}", hint)
            return
        try:
            self.convert(node.value, "")
        except ConfigError as error:
            problems.error(node.location, error.message)

    def convert(self, value: Json, where: str) -> float:
        if not isinstance(value, str):
            raise self._mismatch(value, where)
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            raise complain(where, str(error)) from None
        if self.positive and seconds <= 0:
            raise complain(where, f"must be longer than 0, found {value}")
        return seconds

    def schema(self) -> JsonObject:
        return {"type": "string", "description": f"A duration: {DURATION_HELP}."}


class Jq(Kind):
    """A jq program; literals are compiled by `check`."""

    label = "a jq program"

    def accepts(self, value: Json) -> bool:
        return isinstance(value, str)

    def check(self, node: Node, problems: Problems) -> None:
        super().check(node, problems)
        if isinstance(node.value, str) and not has_template(node.value):
            from rocketship.template import query

            if complaint := query.complaint(node.value):
                problems.error(node.location, f"not a jq program: {complaint}")

    def convert(self, value: Json, where: str) -> str:
        if not isinstance(value, str):
            raise self._mismatch(value, where)
        return value

    def schema(self) -> JsonObject:
        return {"type": "string", "description": "A jq program."}


@dataclass(frozen=True)
class FilePath(Kind):
    """A file shipped with the run, relative to the suite file or the directory the CLI started in.

    Args:
        templated: Whether templates in the file's content are filled in. A key `template` next to
            the path says the same for one use.
    """

    templated: bool = False
    label = "a file path"

    def accepts(self, value: Json) -> bool:
        return isinstance(value, str) and value != ""

    def convert(self, value: Json, where: str) -> str:
        if not isinstance(value, str) or not value:
            raise self._mismatch(value, where)
        return value

    def schema(self) -> JsonObject:
        return {"type": "string", "minLength": 1}
