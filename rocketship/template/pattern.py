"""Regular expressions of suites.

A few characters can keep the library busy for minutes, compiling or searching, or take all memory.
Patterns that are modest are tried here for a moment, which is enough for nearly all; the others are
searched for in a child that can be killed.
"""

from __future__ import annotations

import re

#: How long the search of one text may take,
MAX_SECONDS = 1.0
#: and how much of that everything else here may have to wait for it.
BRIEF_SECONDS = 0.005

_MAX_MODEST_CHARACTERS = 1000
_MAX_MODEST_TEXT_CHARACTERS = 1 << 20
#: Every repeated group may double the size of what is compiled,
_MAX_REPEATED_GROUPS = 8
#: and counts multiply it where they are nested.
_MAX_COUNT_PRODUCT = 10_000

_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_COUNT = re.compile(r"\{[^}]*?([0-9]+)\}")


class PatternError(ValueError):
    """A pattern that is no regular expression, or that needs too much."""


def complaint(pattern: str) -> str | None:
    """Return what is wrong with a pattern in one line, or None when it compiles."""
    try:
        if _is_modest(pattern):
            search(pattern, "", None)
        else:
            _compile_elsewhere(pattern)
    except PatternError as error:
        return str(error)
    return None


async def found(pattern: str, text: str) -> bool:
    """Return whether a pattern is found anywhere in a text.

    Raises:
        PatternError: It does not compile, or needs too long or too much memory.
    """
    if _is_modest(pattern) and len(text) <= _MAX_MODEST_TEXT_CHARACTERS:
        try:
            return search(pattern, text, BRIEF_SECONDS)
        except TimeoutError:  # it needs more
            pass
    from rocketship.processes.call import LimitExceeded, call

    try:
        return await call(MAX_SECONDS, search, pattern, text, None)
    except LimitExceeded as limit:
        raise PatternError(f"the search {limit}; simplify the repetitions of the pattern") from None


def search(pattern: str, text: str, seconds: float | None) -> bool:
    """Return whether a pattern is found, if the search alone takes no longer than allowed.

    Raises:
        PatternError: It does not compile.
        TimeoutError: The search takes longer.
    """
    import regex

    try:
        return regex.search(pattern, text, timeout=seconds) is not None
    except regex.error as error:
        raise PatternError(f"not a regular expression: {error}") from None
    except RecursionError:
        raise PatternError("not a regular expression: it is nested too deeply") from None


def _compile_elsewhere(pattern: str) -> None:
    from rocketship.processes.call import LimitExceeded, call_and_wait

    try:
        call_and_wait(MAX_SECONDS, search, pattern, "", None)
    except LimitExceeded as limit:
        raise PatternError(f"to compile the pattern {limit}") from None


def _is_modest(pattern: str) -> bool:
    """Return whether a pattern compiles soon, by a guess that is right whenever it says so."""
    if len(pattern) > _MAX_MODEST_CHARACTERS:
        return False
    if len(_REPEATED_GROUP.findall(pattern)) > _MAX_REPEATED_GROUPS:
        return False
    product = 1
    for count in _COUNT.findall(pattern):
        product *= max(1, int(count[:6]))
        if product > _MAX_COUNT_PRODUCT:
            return False
    return True
