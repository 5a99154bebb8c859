"""Our decorator makes what the standard one makes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field
from typing import Any, ClassVar

import pytest

from rocketship.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    kind: ClassVar[str] = "point"
    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)
    note: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True)
class Named(Point):
    name: str = "p"
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", self.x * self.y)


@dataclass(slots=True)
class Counter:
    count: int = 0
    seen: set[str] = field(default_factory=set)


@pytest.mark.parametrize("arguments", [(1,), (1, 2), (1, 2, ["a"]), (1, 2, ["a"], "n")])
def test_arguments_fill_fields_in_order_and_defaults_fill_the_rest(arguments: Any) -> None:
    given = dataclasses.astuple(Point(*arguments))

    assert given == (*arguments, *(1, 0, [], "")[len(arguments) :])


def test_arguments_can_be_named() -> None:
    assert Point(y=2, x=1) == Point(1, 2)


@pytest.mark.parametrize("arguments", [(), (1, 2, [], "", 5)])
def test_wrong_number_of_arguments_is_refused(arguments: Any) -> None:
    with pytest.raises(TypeError):
        Point(*arguments)


def test_default_factory_makes_a_new_value_each_time() -> None:
    assert Point(1).tags is not Point(1).tags


def test_frozen_value_cannot_be_changed() -> None:
    point = Point(1)

    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    assert point.x == 1


def test_values_are_equal_when_type_and_compared_fields_are() -> None:
    assert Point(1, note="a") == Point(1, note="b")
    assert Point(1) != Point(2)
    assert Point(1) != Named(1)
    assert Point(1) != (1, 0, [], "")  # type: ignore[comparison-overlap]
    assert Counter(1) == Counter(1)
    assert Counter(1) != Counter(2)


def test_frozen_value_of_hashable_fields_can_be_hashed() -> None:
    assert len({Point(1, tags=()), Point(1, tags=()), Point(2, tags=())}) == 2  # type: ignore[arg-type]


def test_mutable_value_cannot_be_hashed() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Counter())


def test_repr_shows_fields_except_hidden_ones() -> None:
    assert repr(Point(1, note="secret")) == "Point(x=1, y=0, tags=[])"
    assert repr(Counter()) == "Counter(count=0, seen=set())"


def test_slots_leave_no_room_for_other_attributes() -> None:
    assert not hasattr(Point(1), "__dict__")
    with pytest.raises(AttributeError):
        Counter().other = 1  # type: ignore[attr-defined]


def test_post_init_completes_an_inherited_value() -> None:
    named = Named(2, 3, name="n")

    assert (named.size, named.name, named.tags) == (6, "n", [])


def test_functions_of_the_standard_library_know_the_values() -> None:
    assert [item.name for item in dataclasses.fields(Point)] == ["x", "y", "tags", "note"]
    assert dataclasses.is_dataclass(Point)
    assert dataclasses.replace(Point(1, 2), x=5) == Point(5, 2)
    assert dataclasses.asdict(Counter(1, {"a"})) == {"count": 1, "seen": {"a"}}


@pytest.mark.parametrize("value", [Point(1, 2, ["a"], "n"), Named(1, 2), Counter(1, {"a"})])
def test_values_can_be_copied_and_pickled(value: Any) -> None:
    assert copy.copy(value) == value
    assert copy.deepcopy(value) == value
    assert pickle.loads(pickle.dumps(value)) == value


def test_method_written_in_the_class_stays() -> None:
    @dataclass(frozen=True, slots=True)
    class Quiet:
        secret: str

        def __repr__(self) -> str:
            return "Quiet"

    assert repr(Quiet("s")) == "Quiet"


def test_match_takes_fields_in_order() -> None:
    match Point(1, 2):
        case Point(x, y):
            assert (x, y) == (1, 2)
