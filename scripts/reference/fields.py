"""Tables of the keys that suites may have, from the descriptions the validator works with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reference.markdown import anchored, code, sentence, table
from rocketship.suite.fields import AnyOf, Field, Fixed, Kind, ListOf, MapOf, Object
from rocketship.values import to_text

_HEADER = ("key", "value", "meaning")
_PLURALS = {"a step": "steps", "a mapping": "mappings", "text": "texts", "a label": "labels"}


def keys(fields: Iterable[Field], anchor: str, *, apart: str = "") -> str:
    """Return the table of some keys; those of mappings below them follow, joined by dots.

    Args:
        fields: The keys.
        anchor: What the name of each key's anchor begins with.
        apart: A key whose own keys have a table elsewhere.
    """
    return table(_HEADER, _rows(fields, anchor, "", apart))


def groups(described: Object) -> str:
    """Return sentences about the keys of a mapping that exclude each other; often none."""
    lines = [f"Exactly one of {_names(group)} is needed." for group in described.exactly_one]
    lines += [f"At most one of {_names(group)} can be given." for group in described.at_most_one]
    return "\n".join(lines)


def below(kind: Kind) -> Object | None:
    """Return the mapping that a key leads to, if any."""
    return _found(kind)[0]


def _rows(
    fields: Iterable[Field], anchor: str, above: str, apart: str = ""
) -> Iterator[tuple[str, str, str]]:
    for field in fields:
        path = f"{above}{field.name}"
        yield anchored(f"{anchor}-{path}", path), _value(field.kind), _meaning(field)
        found, link = _found(field.kind)
        if found and field.name != apart:
            yield from _rows(found.fields.values(), anchor, f"{path}{link}")


def _meaning(field: Field) -> str:
    meaning = sentence(field.doc)
    if field.required:
        meaning += " Required."
    if isinstance(field.default, bool | str | int) and "by default" not in meaning:
        meaning += f" Default: {code(to_text(field.default))}."
    return meaning


def _value(kind: Kind) -> str:
    """Return what a key may hold, in words; what is read before templates are is marked."""
    if isinstance(kind, Fixed):
        return f"{_value(kind.kind)} ¹"
    if isinstance(kind, AnyOf):
        words = " or ".join(_value(item).removesuffix(" ¹") for item in kind.kinds)
        return words.replace("true or false or", "true, false or")
    if isinstance(kind, ListOf):
        plural = _PLURALS.get(_value(kind.kind).removesuffix(" ¹"))
        return f"a list of {plural}" if plural else "a list"
    return kind.label


def _found(kind: Kind) -> tuple[Object | None, str]:
    """Return the mapping a key leads to, if any, and what stands between their names."""
    if isinstance(kind, Object):
        return kind, "."
    if isinstance(kind, Fixed):
        return _found(kind.kind)
    if isinstance(kind, ListOf):
        return _found(kind.kind)[0], "[]."
    if isinstance(kind, MapOf):
        return _found(kind.kind)[0], ".NAME."
    if isinstance(kind, AnyOf):
        return next((found for item in kind.kinds if (found := _found(item))[0]), (None, ""))
    return None, ""


def _names(group: Iterable[str]) -> str:
    return ", ".join(map(code, group))
