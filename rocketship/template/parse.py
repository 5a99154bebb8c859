"""Templates as written: text with `{{ … }}` groups, taken apart once and remembered.

Backslashes before a group make it literal: one or two give the plain group. Of three or more half
are kept; an odd number is followed by the plain group, an even one by the value.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rocketship.template.model import Expression, Reference, Template, TemplateSyntaxError

__all__ = ["Reference", "Template", "TemplateSyntaxError", "parse"]

#: Longer texts are scripts and file contents: rarely rendered twice, and a lot to hold on to.
MAX_REMEMBERED_CHARACTERS = 16 * 1024

# What backslashes can make literal.
_ESCAPABLE = re.compile(r"\{\{[^}]*\}\}")


def parse(text: str) -> Template:
    """Take a text apart.

    Raises:
        TemplateSyntaxError: A group is not closed, empty, or not a pipeline.
    """
    return _remembered(text) if len(text) <= MAX_REMEMBERED_CHARACTERS else _parse(text)


def _parse(text: str) -> Template:
    from rocketship.template.group import Group

    parts: list[str | Expression] = []
    literal = ""
    position = 0
    while (start := text.find("{{", position)) >= 0:
        before = text[position:start]
        plain = before.rstrip("\\")
        backslashes = len(before) - len(plain)
        group = _ESCAPABLE.match(text, start) if backslashes else None
        if group and (backslashes == 2 or backslashes % 2):
            kept = 0 if backslashes == 2 else backslashes // 2
            literal += plain + "\\" * kept + group[0]
            position = group.end()
            continue
        literal += plain + "\\" * (backslashes // 2 if group else backslashes)
        reader = Group(text, start)
        if reader.trims_before:
            literal = literal.rstrip()
        if literal:
            parts.append(literal)
        parts.append(reader.expression())
        literal, position = "", reader.end
    literal += text[position:]
    if literal:
        parts.append(literal)
    return Template(tuple(parts))


_remembered = lru_cache(maxsize=4096)(_parse)
