"""HTML as values: text is escaped when it becomes markup, and there is no other way to make any."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NewType

from rocketship.run.printable import printable

#: Text that is safe to put into a page.
Markup = NewType("Markup", str)

NOTHING = Markup("")


def text(value: str) -> Markup:
    """Return text as it is, whatever characters it has."""
    return Markup(escape(printable(value)))


def tag(name: str, *inside: Markup, **attributes: str | None) -> Markup:
    """Return an element; attributes without a value are left out, `class_` means `class`.

    The names come from this package, the values from anywhere.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{''.join(inside)}</{name}>")


def join(parts: Iterable[Markup]) -> Markup:
    """Return elements one after the other."""
    return Markup("".join(parts))


def fold(
    summary: Markup, *inside: Markup, opened: bool = False, **attributes: str | None
) -> Markup:
    """Return something that opens when its summary is clicked."""
    if opened:
        attributes["open"] = ""
    return tag("details", tag("summary", summary), *inside, **attributes)
