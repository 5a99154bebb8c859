"""A plugin with one of everything the language has to deal with, and suites that use it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from rocketship.plugins.api import Call, Finding, Found, Observable, Observation, Outcome, Plugin
from rocketship.suite.fields import (
    AnyJson,
    AnyOf,
    Boolean,
    Choice,
    Duration,
    Field,
    FilePath,
    Jq,
    ListOf,
    MapOf,
    Object,
    Scalar,
    Text,
)
from rocketship.suite.load import LoadedSuite, load_suite
from rocketship.suite.variables import VariableInputs
from rocketship.values import Json


def _observe(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    return Found(None)


_PAIR = (Field("a", Text(), required=True), Field("b", Text(), required=True))
_CHOICE = Object(
    Field("one", Object(*_PAIR)),
    Field("two", AnyOf((Text(), ListOf(Text())))),
    exactly_one=[("one", "two")],
)


class Echo(Plugin):
    name: ClassVar[str] = "echo"
    summary: ClassVar[str] = "Says what it is told."
    config: ClassVar[Object] = Object(
        Field("text", Text(), "What to say.", required=True),
        Field("level", Choice(("1", "loud"))),
        Field("timeout", Duration(), default=5.0),
        Field("headers", MapOf(Scalar(), ignore_case=True)),
        Field("values", MapOf(AnyJson())),
        Field("body", Text()),
        Field("body_file", FilePath()),
        Field("template", Boolean(), default=False),
        Field("program", FilePath(templated=True)),
        Field("nested", Object(*_PAIR, Field("choice", _CHOICE))),
        at_most_one=[("body", "body_file")],
    )
    assertions: ClassVar[Mapping[str, Observable]] = {
        "value": Observable("The text.", _observe),
        "json_path": Observable(
            "A part.", _observe, options=Object(Field("path", Jq(), required=True))
        ),
    }
    saves: ClassVar[Mapping[str, Observable]] = {
        "json_path": Observable("A part.", _observe, argument=Jq()),
        "text": Observable("The text.", _observe, argument=Boolean()),
    }

    async def run(self, call: Call) -> Outcome:
        return Outcome()

    def check(self, config: Mapping[str, Json]) -> Iterable[Finding]:
        if config["text"] == "forbidden":
            yield Finding(("text",), "must not be said", "say something else")

    def saved_names(self, config: Mapping[str, Json]) -> frozenset[str] | None:
        return None if config.get("text") == "anything" else frozenset({"echoed"})


class Silent(Plugin):
    name: ClassVar[str] = "silent"
    summary: ClassVar[str] = "Does nothing."
    config: ClassVar[Object] = Object()

    async def run(self, call: Call) -> Outcome:
        return Outcome()


class Plugins:
    """A catalog of the two."""

    def __init__(self) -> None:
        self._plugins: dict[str, Plugin] = {"echo": Echo(), "silent": Silent()}

    def get(self, name: str) -> Plugin | None:
        return self._plugins.get(name)

    def names(self, *, third_party: bool = False) -> tuple[str, ...]:
        return tuple(self._plugins)


CATALOG = Plugins()


def load_text(
    text: str,
    folder: Path,
    variables: VariableInputs | None = None,
    allow_unknown_keys: bool = False,
) -> LoadedSuite:
    """Load a suite from a file `suite.yaml` with the given text."""
    (folder / "suite.yaml").write_text(text)
    return load_suite(
        Path("suite.yaml"),
        CATALOG,
        variables=variables,
        cwd=folder,
        allow_unknown_keys=allow_unknown_keys,
    )


def complaints(loaded: LoadedSuite) -> list[str]:
    """Return the problems as `line:column severity message`, in order."""
    return [
        f"{p.location.line}:{p.location.column} {p.severity.value} {p.message}"
        for p in loaded.problems
    ]


def suite_of_step(step: str, head: str = "") -> str:
    """Return a suite with one step, given as lines of YAML behind `name` and `plugin: echo`."""
    lines = "".join(f"        {line}\n" for line in step.splitlines())
    return f"""\
name: s
{head}tests:
  - name: t
    steps:
      - name: say
        plugin: echo
{lines}"""
