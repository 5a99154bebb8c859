"""Where in a file a character of a YAML value stands."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import cached_property

from rocketship.suite.problem import LINE_BREAK
from rocketship.values import Location


class Positions:
    """Finds template groups in the source, however YAML quotes or folds the text around them.

    Args:
        source: The text of the file.
    """

    def __init__(self, source: str) -> None:
        self._source = source

    def place(self, start: Location, text: str, offset: int) -> Location:
        """Return the location of a character of a value, or `start` when it cannot be told.

        Args:
            start: Where the value begins in the file.
            text: The value.
            offset: The character's offset in it, inside or at the start of a `{{ … }}` group.
        """
        group = text.rfind("{{", 0, offset + 2)
        if group < 0 or not 0 < start.line <= len(self._lines):
            return start
        # The braces of a value are the same in the file, in number and order.
        first = bisect_left(self._braces, self._lines[start.line - 1] + start.column - 1)
        index = first + text.count("{{", 0, group)
        if index >= len(self._braces):
            return start
        found = self._braces[index]
        if self._source[found : found + offset - group] == text[group:offset]:
            found += offset - group
        line = bisect_right(self._lines, found)
        return Location(start.file, line, found - self._lines[line - 1] + 1)

    @cached_property
    def _lines(self) -> list[int]:
        """The offsets at which lines begin."""
        return [0, *(match.end() for match in LINE_BREAK.finditer(self._source))]

    @cached_property
    def _braces(self) -> list[int]:
        """The offsets at which groups open."""
        return [match.start() for match in re.finditer(r"\{\{", self._source)]
