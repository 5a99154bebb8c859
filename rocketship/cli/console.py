"""Where and how the command line prints: results to stdout, everything else to stderr.

One object decides once about colour, marks and width, so that no command asks the terminal again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TextIO

from rocketship.errors import InvalidSuite, RocketshipError
from rocketship.run.printable import printable

DEFAULT_WIDTH = 80
DEFAULT_HEIGHT = 24

_CODES = {"red": "31", "green": "32", "yellow": "33", "purple": "35", "cyan": "36"}
#: What stands in for our marks where the terminal's encoding has no room for them.
_ASCII = {"✓": "+", "✗": "x", "⚠": "!", "…": "...", "›": ">", "·": "-"}
_MARKS = "".join(_ASCII)
_TO_ASCII = str.maketrans(_ASCII)


class Console:
    """Two text streams and what they can show.

    Args:
        out: Where results go.
        err: Where notes, warnings and errors go.
        environment: The process environment; `NO_COLOR`, `FORCE_COLOR`, `TERM`, `CI` and `COLUMNS`
            are respected.
    """

    def __init__(self, out: TextIO, err: TextIO, environment: Mapping[str, str]) -> None:
        self.out = out
        self.err = err
        self.environment = environment
        self.unicode = _shows_unicode(out)
        self.colour = _has_colour(out, environment)
        self.error_colour = _has_colour(err, environment)
        #: Why results could not be written; a reader that has gone away is no reason.
        self.failure: OSError | None = None
        #: Entered around everything written; a live view uses it to get out of the way.
        self.guard: Callable[[], AbstractContextManager[object]] = nullcontext
        for stream in (out, err):
            _tolerate_any_text(stream)

    @property
    def width(self) -> int:
        """The terminal's columns at this moment; without a terminal `COLUMNS`, else 80."""
        return self.size[0]

    @property
    def size(self) -> tuple[int, int]:
        """The terminal's columns and rows at this moment."""
        try:
            columns, rows = os.get_terminal_size(self.out.fileno())
        except (OSError, ValueError):
            wanted = self.environment.get("COLUMNS", "")
            columns, rows = int(wanted) if wanted.isdecimal() else 0, 0
        return columns or DEFAULT_WIDTH, rows or DEFAULT_HEIGHT

    @property
    def interactive(self) -> bool:
        """Whether somebody is likely to sit before a terminal that can redraw lines."""
        in_ci = self.environment.get("CI", "").lower() not in ("", "0", "false", "no")
        return self.can_redraw and not in_ci

    @property
    def can_redraw(self) -> bool:
        """Whether stdout is a terminal that understands cursor movement."""
        return self.out.isatty() and self.environment.get("TERM") not in ("dumb", "")

    def marks(self, text: str) -> str:
        """Return the text with marks the terminal can show."""
        return text if self.unicode else text.translate(_TO_ASCII)

    def paint(self, text: str, color: str = "", *, bold: bool = False, dim: bool = False) -> str:
        """Return the text in a colour, when colours are on for stdout."""
        return _paint(text, color, bold, dim) if self.colour else text

    def print(self, text: str = "") -> None:
        """Write a line of results; the text is taken as it is, so pass user text by `printable`."""
        with self.guard():
            self.write(self.marks(text) + "\n")

    def write(self, text: str) -> None:
        """Write to stdout as it is; once that has failed, nowhere, so that runs can go on."""
        error = _write(self.out, text)
        if error is not None and not isinstance(error, BrokenPipeError):
            self.failure = self.failure or error

    def note(self, text: str) -> None:
        """Tell something that is not a result."""
        self._tell("", "", text)

    def draw(self, text: str) -> None:
        """Write something made here, such as a picture, to stderr as it is."""
        with self.guard():
            _write(self.err, text)

    def warning(self, text: str, hint: str | None = None) -> None:
        """Tell something that may need attention and, when it is known, what to do about it."""
        self._tell("warning: ", "yellow", text)
        self._hint(hint)

    def error(self, error: RocketshipError) -> None:
        """Tell what went wrong and, when it is known, what to do about it."""
        if isinstance(error, InvalidSuite) and error.report:
            self._tell("", "", error.report.rstrip("\n"))
        self._tell("error: ", "red", error.message)
        self._hint(error.hint)

    def _hint(self, text: str | None) -> None:
        if text:
            self._tell("hint: ", "cyan", text)

    def _tell(self, label: str, color: str, text: str) -> None:
        if self.error_colour and label:
            label = _paint(label, color, True, False)
        with self.guard():
            _write(self.err, label + self.marks(printable(text)) + "\n")


@cache
def standard_console() -> Console:
    """Return the console of this process."""
    return Console(sys.stdout, sys.stderr, os.environ)


def _paint(text: str, color: str, bold: bool, dim: bool) -> str:
    codes = ["1"] * bold + ["2"] * dim + ([_CODES[color]] if color else [])
    return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if codes and text else text


def _write(stream: TextIO, text: str) -> OSError | None:
    """Write and flush; a stream that refuses leads to nowhere from then on."""
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        return error
    return None


def _has_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR", "0") not in ("", "0", "false"):
        return True
    return stream.isatty() and environment.get("TERM") not in ("dumb", "")


def _shows_unicode(stream: TextIO) -> bool:
    try:
        _MARKS.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _tolerate_any_text(stream: TextIO) -> None:
    """Make characters the encoding lacks show as escapes instead of ending the program."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
