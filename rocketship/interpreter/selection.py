"""Which tests of a suite a run includes: name patterns, tag expressions, exact ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from fnmatch import fnmatchcase

from rocketship.errors import UsageError
from rocketship.run.spec import Selection
from rocketship.suite.model import Test

TagMatch = Callable[[Collection[str]], bool]
_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")
#: Far more than anybody writes, and far less than what recursion can bear.
MAX_TAGS_CHARACTERS = 2000
MAX_TAGS_DEPTH = 50
_EXAMPLE = "write tags joined by and, or, not and parentheses: 'smoke and not slow'"


def select(
    tests: Collection[Test], selection: Selection, suite_tags: Collection[str]
) -> list[Test]:
    """Return the selected tests in document order.

    Raises:
        UsageError: The tag expression cannot be read.
    """
    has_tags = parse_tags(selection.tags) if selection.tags else None
    chosen = []
    for test in tests:
        if selection.ids and test.id not in selection.ids:
            continue
        if selection.patterns and not any(_matches(test, text) for text in selection.patterns):
            continue
        if has_tags is not None and not has_tags({*suite_tags, *test.tags}):
            continue
        chosen.append(test)
    return chosen


def _matches(test: Test, pattern: str) -> bool:
    # Names of tests have brackets, which would stand for sets of characters.
    pattern = pattern.lower().replace("[", "[[]")
    return fnmatchcase(test.name.lower(), pattern) or fnmatchcase(test.id, pattern)


def parse_tags(text: str) -> TagMatch:
    """Return a predicate over a test's tags for an expression such as `smoke and not slow`.

    Raises:
        UsageError: The expression cannot be read; the message says where.
    """
    if len(text) > MAX_TAGS_CHARACTERS:
        message = (
            f"tag expression of {len(text):,} characters: the limit is {MAX_TAGS_CHARACTERS:,}"
        )
        raise UsageError(message, hint="say which tests you mean with --test, or give them a tag")
    parser = _TagParser(text)
    match = parser.alternatives()
    parser.expect_end()
    return match


class _TagParser:
    """Recursive descent over `or`, `and`, `not`, parentheses and tag names."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _TOKEN.findall(text)
        self._at = 0
        self._depth = 0

    def alternatives(self) -> TagMatch:
        parts = [self._conjunction()]
        while self._take("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda tags: any(part(tags) for part in parts)

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise self._error(f'"{self._tokens[self._at]}" is not expected here')

    def _conjunction(self) -> TagMatch:
        parts = [self._term()]
        while self._take("and"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else lambda tags: all(part(tags) for part in parts)

    def _term(self) -> TagMatch:
        if self._take("not"):
            inner = self._nested(self._term)
            return lambda tags: not inner(tags)
        if self._take("("):
            inner = self._nested(self.alternatives)
            if not self._take(")"):
                raise self._error('a ")" is missing')
            return inner
        if self._at == len(self._tokens) or self._tokens[self._at] in ("and", "or", ")"):
            raise self._error("a tag is missing")
        tag = self._tokens[self._at]
        self._at += 1
        return lambda tags: tag in tags

    def _nested(self, parse: Callable[[], TagMatch]) -> TagMatch:
        self._depth += 1
        if self._depth > MAX_TAGS_DEPTH:
            # Not with the expression: that would be all that is seen of the message.
            message = f"tag expression is nested too deeply: the limit is {MAX_TAGS_DEPTH} levels"
            raise UsageError(message, hint=_EXAMPLE)
        match = parse()
        self._depth -= 1
        return match

    def _take(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False

    def _error(self, what: str) -> UsageError:
        return UsageError(f'tag expression "{self._text}": {what}', hint=_EXAMPLE)
