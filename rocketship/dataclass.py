"""`dataclass` as in the standard library, for classes that take a quarter of the time to make.

The standard decorator writes and compiles up to six functions for every class. A short run needs a
hundred classes, and that was a third of it. Here only `__init__` is written for each; the other
methods are the same for all. Type checkers see the standard decorator.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool = False, slots: bool = False) -> Callable[[type[T]], type[T]]:
        """Return the decorator; frozen classes can be hashed, the others cannot."""
        return lambda cls: _make(cls, frozen, slots)


def _make(cls: type[T], frozen: bool, slots: bool) -> type[T]:
    own = set(vars(cls))
    # A class without a text gets one made of its signature, which takes longer than all the rest.
    cls.__doc__ = cls.__doc__ or cls.__name__
    made = dataclasses.dataclass(init=not frozen, repr=False, eq=False, slots=slots)(cls)
    methods = {"__init__": _initializer(made), **_FROZEN} if frozen else _MUTABLE
    for name in methods.keys() - own:
        setattr(made, name, methods[name])
    return made


def _initializer(cls: type[Any]) -> Any:
    """Return an `__init__` that sets the fields past the class's own `__setattr__`."""
    names: dict[str, Any] = {"_missing_": dataclasses.MISSING}
    parameters, lines = ["self"], []
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        name = value = field.name
        default = f"_default_{name}_"
        if field.default_factory is not dataclasses.MISSING:
            names[default] = field.default_factory
            parameters.append(f"{name}=_missing_")
            value = f"{default}() if {name} is _missing_ else {name}"
        elif field.default is not dataclasses.MISSING:
            names[default] = field.default
            parameters.append(f"{name}={default}")
        else:
            parameters.append(name)
        names[f"_set_{name}_"] = _setter(cls, name)
        lines.append(f"_set_{name}_(self, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n {'; '.join(lines) or 'pass'}", names)
    return names["__init__"]


def _setter(cls: type[Any], name: str) -> Callable[[Any, Any], None]:
    slot = getattr(cls, name, None)
    if isinstance(slot, MemberDescriptorType):
        return slot.__set__  # twice as fast as going through `object`
    return lambda self, value: object.__setattr__(self, name, value)


def _equals(self: Any, other: object) -> bool:
    return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _compared(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, item.name) for item in dataclasses.fields(value) if item.compare)


def _represent(self: Any) -> str:
    shown = (item.name for item in dataclasses.fields(self) if item.repr)
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
    return f"{type(self).__qualname__}({fields})"


def _refuse_to_set(self: Any, name: str, value: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _reduce(self: Any) -> tuple[Any, ...]:
    """Say how to copy a value whose fields cannot be set afterwards."""
    given = (getattr(self, item.name) for item in dataclasses.fields(self) if item.init)
    return type(self), tuple(given)


_MUTABLE: dict[str, Any] = {"__eq__": _equals, "__hash__": None, "__repr__": _represent}
_FROZEN: dict[str, Any] = {
    "__eq__": _equals,
    "__hash__": _hash,
    "__repr__": _represent,
    "__setattr__": _refuse_to_set,
    "__delattr__": _refuse_to_delete,
    "__reduce__": _reduce,
}
