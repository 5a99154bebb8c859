"""The part of the terminal that is drawn again and again, below everything that stays.

The frame knows how wide its lines were drawn. A terminal that becomes narrower wraps them, and the
frame can still tell how many rows it has to take back.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from rocketship.cli.console import Console

# A terminal that knows synchronised updates shows each drawing at once; the others ignore it.
_BEGIN_UPDATE, _END_UPDATE = "\x1b[?2026h", "\x1b[?2026l"
_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_ERASE_LINE, _ERASE_RIGHT, _ERASE_BELOW = "\x1b[2K", "\x1b[K", "\x1b[J"


class Frame:
    """Draws lines at the bottom of a terminal; every drawing is a single write."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._widths: list[int] = []

    def draw(self, above: Sequence[str], lines: Sequence[tuple[str, str]]) -> None:
        """Replace the frame.

        Args:
            above: Finished lines that stay, printed above the frame; they may contain colours.
            lines: The new frame: plain text, which is cut to the terminal's width, and the name of
                its colour.
        """
        columns, rows = self._console.size
        # The last column stays empty: some terminals wrap when it is filled, some do not.
        marks = self._console.marks
        fitted = [(fit(marks(text), columns - 1), color) for text, color in lines[-rows:]]
        painted = [self._console.paint(text, color) for text, color in fitted]
        parts = [_BEGIN_UPDATE, _HIDE_CURSOR]
        if lines and not above:
            # Writing over the old frame flickers least.
            parts += [self._rewind(columns), (_ERASE_RIGHT + "\n").join(painted), _ERASE_BELOW]
        else:
            parts += [self._wipe(columns), *(marks(line) + "\n" for line in above)]
            parts += ["\n".join(painted), "" if lines else _SHOW_CURSOR]
        self._widths = [cell_len(text) for text, _ in fitted]
        self._console.write("".join([*parts, _END_UPDATE]))

    def _rows(self, columns: int) -> int:
        """Return the rows the frame takes now, with lines wrapped by a terminal made narrower."""
        return sum(max(1, -(-width // columns)) for width in self._widths)

    def _rewind(self, columns: int) -> str:
        """Return what moves the cursor to the start of the frame."""
        rows = self._rows(columns)
        return "\r" + (f"\x1b[{rows - 1}A" if rows > 1 else "")

    def _wipe(self, columns: int) -> str:
        """Return what clears the frame and moves the cursor to its start.

        Row by row, because some terminals take clearing everything below the first row for clearing
        the screen, and push a copy of it into their history.
        """
        return "\r" + "\x1b[1A".join([_ERASE_LINE] * max(1, self._rows(columns)))


def fit(text: str, columns: int) -> str:
    """Return the text cut to so many columns, with an ellipsis where it was cut."""
    columns = max(columns, 1)
    if cell_len(text) <= columns:
        return text
    return set_cell_size(text, columns - 1).rstrip() + "…"
