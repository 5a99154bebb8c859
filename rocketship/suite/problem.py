"""What is wrong with a suite file, where, and what to do about it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import field
from enum import Enum
from functools import lru_cache
from itertools import islice

from rocketship.dataclass import dataclass
from rocketship.values import JsonObject, Location

#: What the YAML parser counts as the end of a line.
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
#: Nobody reads more of them, and a file of nonsense can have very many.
MAX_PROBLEMS = 1000
#: Comparing words takes time, and the first ones are as good a guess as any.
MAX_WORDS_COMPARED = 500
#: How many columns excerpts take where nobody knows the terminal.
DEFAULT_WIDTH = 100
#: Excerpts become no narrower than this, however small the terminal is.
MIN_EXCERPT_CHARACTERS = 40


class Severity(str, Enum):
    """Errors stop a run; warnings are shown, and fail `validate --strict`."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint with its position, and the next step to take."""

    location: Location
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR


@dataclass(slots=True)
class Problems:
    """Collects the problems of one file in the order they are found.

    What stands in one place of the file can be looked at several times (an anchor, a default), so a
    problem that is already known is not added again.
    """

    allow_unknown_keys: bool = False
    found: list[Problem] = field(default_factory=list)
    _known: set[Problem] = field(default_factory=set)

    def error(self, location: Location, message: str, hint: str | None = None) -> None:
        """Add a problem that makes the file unusable."""
        self._add(Problem(location, message, hint))

    def warning(self, location: Location, message: str, hint: str | None = None) -> None:
        """Add a problem worth telling."""
        self._add(Problem(location, message, hint, Severity.WARNING))

    def unknown_key(self, location: Location, message: str, hint: str | None = None) -> None:
        """Add a problem about a key that means nothing: a warning when such keys are allowed."""
        (self.warning if self.allow_unknown_keys else self.error)(location, message, hint)

    def extend(self, others: Problems) -> None:
        """Add the problems somebody else collected."""
        for problem in others.found:
            self._add(problem)

    @property
    def failed(self) -> bool:
        """Whether there is at least one error."""
        return any(problem.severity is Severity.ERROR for problem in self.found)

    @property
    def full(self) -> bool:
        """Whether more problems would be dropped, so that finding hints for them is wasted."""
        return len(self.found) > MAX_PROBLEMS

    def in_order(self) -> tuple[Problem, ...]:
        """Return the problems by their place in the file."""
        return tuple(sorted(self.found, key=lambda p: (p.location.line, p.location.column)))

    def _add(self, problem: Problem) -> None:
        if problem in self._known or self.full:
            return
        if len(self.found) == MAX_PROBLEMS:
            problem = Problem(
                problem.location, f"there are more problems than these {MAX_PROBLEMS}"
            )
        self._known.add(problem)
        self.found.append(problem)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return `did you mean "x"?` for the nearest known word, or None when nothing is near."""
    near = nearest(word, known)
    return f'did you mean "{near}"?' if near else None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word a misspelled one was probably meant to be, or None."""
    import difflib

    spellings = {name.lower(): name for name in islice(known, MAX_WORDS_COMPARED)}
    near = difflib.get_close_matches(word.lower(), spellings, n=1, cutoff=0.6)
    return spellings[near[0]] if near else None


def format_problem(problem: Problem, source: bytes, *, width: int = DEFAULT_WIDTH) -> str:
    """Return a problem as text for people: position, the line it is about with a caret, and help.

    Args:
        problem: The problem.
        source: The bytes of the file the problem is in.
        width: The columns there are; the line is cut to them, so that the caret stands below it.
    """
    location = problem.location
    lines = [f"{location}: {problem.severity.value}: {problem.message}"]
    text = _lines(source)
    if 0 < location.line <= len(text):
        lines += _excerpt(text[location.line - 1], location, width)
    if problem.hint:
        lines.append(f"help: {problem.hint}")
    return "\n".join(lines)


def problem_json(problem: Problem) -> JsonObject:
    """Return a problem as JSON: severity, file, line, column, message, help."""
    return {
        "severity": problem.severity.value,
        "file": problem.location.file,
        "line": problem.location.line,
        "column": problem.location.column,
        "message": problem.message,
        "help": problem.hint,
    }


def decode(source: bytes) -> str:
    """Return the text of a file however broken it is, for showing parts of it."""
    if source.startswith((b"\xff\xfe", b"\xfe\xff")):
        return source.decode("utf-16", "replace")
    return source.decode("utf-8-sig", "replace")


@lru_cache(maxsize=2)
def _lines(source: bytes) -> list[str]:
    """Return the lines of a file; its problems are formatted one after the other."""
    return LINE_BREAK.split(decode(source))


def _excerpt(line: str, location: Location, width: int) -> list[str]:
    """Return the line behind its number, cut to what fits, and a caret under the column."""
    gutter = f"{location.line:5} | "
    at = max(location.column - 1, 0)
    # One column stays free for a caret behind the line.
    line, at = _window(line, at, max(width - len(gutter) - 1, MIN_EXCERPT_CHARACTERS))
    shown = "".join(_printable(character) for character in line)
    if not location.column:
        return [gutter + shown]
    return [gutter + shown, " " * (len(gutter) - 2) + "| " + _blank(shown[:at]) + "^"]


def _window(line: str, at: int, room: int) -> tuple[str, int]:
    """Return the part of a line around a character, and where the character is in it."""
    # Two thirds of it lie before the character, because that is where its key is.
    start = max(0, min(at - room * 2 // 3, len(line) - room))
    end = start + room
    window = line[start:end]
    if start:
        window = "…" + window[1:]
    if end < len(line):
        window = window[:-1] + "…"
    return window, at - start


def _printable(character: str) -> str:
    """Keep what is in a file from doing things to a terminal."""
    return character if character == "\t" or unicodedata.category(character)[0] != "C" else "\ufffd"


def _blank(text: str) -> str:
    """Return white space as wide as the text."""
    return "".join(map(_blank_character, text))


def _blank_character(character: str) -> str:
    if character == "\t":
        return character
    if unicodedata.combining(character):
        return ""
    return "  " if unicodedata.east_asian_width(character) in "WF" else " "
