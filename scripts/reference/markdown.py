"""The little Markdown that the reference is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a bar in a cell stays a character of it."""
    lines = [_row(header), "|" + "---|" * len(header)]
    return "\n".join([*lines, *(_row([cell.replace("|", "\\|") for cell in row]) for row in rows)])


def code(text: str) -> str:
    """Return text as code."""
    return f"`{text}`"


def anchored(name: str, shown: str | None = None) -> str:
    """Return a name as code that links can lead to."""
    return f'<a id="{slug(name)}"></a>{code(shown or name)}'


def slug(name: str) -> str:
    """Return what a link to a name ends with."""
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-")


def sentence(text: str) -> str:
    """Return text on one line, as a sentence; signs outside of code stay what they are."""
    parts = " ".join(text.split()).split("`")
    parts[::2] = [part.replace("*", "\\*").replace("<", "&lt;") for part in parts[::2]]
    line = "`".join(parts)
    return line if not line or line[-1] in ".:!?" else f"{line}."


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
