"""A QR code made of half blocks, for a telephone to read from the terminal."""

from __future__ import annotations

#: What scanners want to see free around the code.
_BORDER = 2
_BLACK_ON_WHITE = "\x1b[30;107m"
_RESET = "\x1b[0m"


def qr_code(text: str, *, width: int, height: int, colour: bool) -> str:
    """Return the lines of a code, or nothing when the terminal is too small for it.

    Args:
        text: What the code says.
        width: The columns of the terminal.
        height: Its rows.
        colour: Whether the colours can be set; without, a dark terminal is taken for granted.
    """
    import segno

    rows = [
        list(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=_BORDER)
    ]
    if len(rows[0]) > width or len(rows) // 2 + 1 >= height:
        return ""
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    lines = []
    for above, below in zip(rows[::2], rows[1::2], strict=True):
        marks = "".join(
            _mark(bool(up), bool(down), colour) for up, down in zip(above, below, strict=True)
        )
        lines.append(f"{_BLACK_ON_WHITE}{marks}{_RESET}" if colour else marks)
    return "\n".join(lines) + "\n"


def _mark(up: bool, down: bool, colour: bool) -> str:
    """Return the character for two modules, drawn dark with colours, and light without."""
    drawn = (up, down) if colour else (not up, not down)
    return {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}[drawn]
