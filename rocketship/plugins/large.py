"""Comparing texts that are too large to be read here.

However it is done, to put a text of 60 MB together keeps everything else in the process waiting. So
a child reads it, compares, and sends back the verdict and the beginning.
"""

from __future__ import annotations

from rocketship.dataclass import dataclass
from rocketship.errors import AssertionFailed
from rocketship.plugins.api import Large
from rocketship.plugins.operators import COMPARISONS, Mismatch, same
from rocketship.template import pattern
from rocketship.values import Json, to_text

#: How long reading one, and comparing it, may take.
MAX_SECONDS = 30.0
#: How much of the text comes back, to be shown.
MAX_BEGINNING_CHARACTERS = 32 * 1024


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a child found.

    Attributes:
        passed: Whether the comparison holds.
        reason: Why it does not, when the text alone does not show it.
        beginning: The beginning of the text.
        length: How many characters the text has.
    """

    passed: bool
    reason: str | None
    beginning: str
    length: int


async def compare(text: Large, operator: str, expected: Json) -> Comparison:
    """Compare a text in a child.

    Raises:
        AssertionFailed: It takes too long, or too much memory.
    """
    from rocketship.processes.call import LimitExceeded, call

    try:
        return await call(MAX_SECONDS, compare_here, text, operator, expected)
    except LimitExceeded as limit:
        raise AssertionFailed(f"to read and compare the text {limit}") from None


def compare_here(large: Large, operator: str, expected: Json) -> Comparison:
    """Compare a text, however long it takes."""
    text = large.read()
    passed, reason = False, None
    try:
        passed = _holds(text, operator, expected)
    except (Mismatch, pattern.PatternError) as error:
        reason = str(error)
    return Comparison(passed, reason, text[:MAX_BEGINNING_CHARACTERS], len(text))


def _holds(text: str, operator: str, expected: Json) -> bool:
    if operator == "matches":
        # This process can be killed; it needs no other one to search in.
        return pattern.search(to_text(expected), text, None)
    verdict = COMPARISONS[operator].holds(text, expected, same)
    assert isinstance(verdict, bool)
    return verdict
