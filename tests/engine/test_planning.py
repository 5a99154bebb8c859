"""Suites that are run again: read once, and never mistaken for another."""

from __future__ import annotations

from typing import Any

import pytest

from rocketship.cli.context import plugin_registry
from rocketship.engine import planning
from rocketship.engine.planning import Planner
from rocketship.errors import InvalidSuite
from rocketship.run.ids import new_run_id
from rocketship.run.spec import RunSpec, Selection
from rocketship.suite.load import load_source

TEXT = b"""
name: shop
tests:
  - name: A
    steps: [{name: s, plugin: script, config: {file: a.sh, language: shell}}]
"""


def spec(source: bytes = TEXT, **changes: Any) -> RunSpec:
    return RunSpec("shop.yaml", source, **{"files": {"a.sh": b"true"}, **changes})


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The suites that were read, one after the other."""
    found: list[bytes] = []

    def counting(source: bytes, *arguments: Any, **more: Any) -> Any:
        found.append(source)
        return load_source(source, *arguments, **more)

    monkeypatch.setattr(planning, "load_source", counting)
    return found


def plan(planner: Planner, wanted: RunSpec):
    return planner.plan(wanted, {}, new_run_id())


def test_suite_run_again_is_read_once(read: list[bytes]):
    planner = Planner(plugin_registry())

    plans = [plan(planner, spec())[0] for _ in range(3)]

    assert [len(one.tests) for one in plans] == [1, 1, 1]
    assert read == [TEXT]


def test_selection_is_that_of_each_run(read: list[bytes]):
    planner = Planner(plugin_registry())
    source = TEXT + TEXT[TEXT.index(b"  - name: A") :].replace(b"A", b"B")

    whole, _ = plan(planner, spec(source))
    some, _ = plan(planner, spec(source, selection=Selection(patterns=("B",))))

    assert [test.info.name for test in whole.tests] == ["A", "B"]
    assert [test.info.name for test in some.tests] == ["B"]
    assert read == [source]


@pytest.mark.parametrize(
    "other",
    [
        spec(TEXT + b" "),
        spec(files={"a.sh": b"false"}),
        spec(vars={"number": True}),
        spec(vars={"number": 1.0}),
    ],
    ids=["text", "files", "type of a variable", "kind of a number"],
)
def test_suite_that_differs_is_read_anew(read: list[bytes], other: RunSpec):
    planner = Planner(plugin_registry())
    plan(planner, spec(vars={"number": 1}))

    _, files = plan(planner, other)

    assert len(read) == 2
    assert files.read("a.sh") == other.files["a.sh"]


def test_suite_with_problems_is_refused_again(read: list[bytes]):
    planner = Planner(plugin_registry())
    for _ in range(2):
        with pytest.raises(InvalidSuite):
            plan(planner, spec(b"name: shop"))

    assert len(read) == 2


def test_memory_for_suites_is_bounded(read: list[bytes], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(planning, "MAX_REMEMBERED_BYTES", 2 * len(TEXT) + 10)
    planner = Planner(plugin_registry())
    names = ["a.yaml", "b.yaml", "c.yaml"]
    for name in (*names, *reversed(names)):
        plan(planner, RunSpec(name, TEXT, files={"a.sh": b"true"}))
    plan(planner, RunSpec("d.yaml", TEXT, files={"a.sh": b"true" * 100}))
    plan(planner, RunSpec("d.yaml", TEXT, files={"a.sh": b"true" * 100}))

    # The first of three had to go when the third came, and of those with much nothing is kept.
    assert len(read) == 4 + 2


def test_labels_of_a_test_take_the_place_of_those_of_its_suite():
    steps = "steps: [{name: s, plugin: log, config: {message: a}}]"
    tests = "".join(
        f"  - {{name: {name}, {more}{steps}}}\n"
        for name, more in [
            ("inherits", ""),
            ("a word", "runs_on: eu-west, "),
            ("a list", "runs_on: [tall, gpu, tall], "),
            ("anywhere", "runs_on: [], "),
        ]
    )
    source = f"name: shop\nruns_on: [near, gpu]\ntests:\n{tests}".encode()

    whole, _ = plan(Planner(plugin_registry()), spec(source, files={}))

    assert whole.runs_on == ("gpu", "near")
    assert {test.info.name: test.runs_on for test in whole.tests} == {
        "inherits": ("gpu", "near"),
        "a word": ("eu-west",),
        "a list": ("gpu", "tall"),
        "anywhere": (),
    }
