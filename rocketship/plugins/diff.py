"""Showing the difference of two values, line by line."""

from __future__ import annotations

import json

from rocketship.values import Json

#: Beyond these a diff helps nobody, and takes long to compute.
MAX_DIFF_CHARACTERS = 256 * 1024
MAX_DIFF_LINES = 5000
MAX_SHOWN_LINES = 60
MAX_SHOWN_LINE_CHARACTERS = 400


def diff(expected: Json, actual: Json) -> str | None:
    """Return a unified diff of two lists, two mappings or two texts of several lines, else None.

    Values too large to compare have none either.
    """
    if isinstance(expected, str) and isinstance(actual, str):
        if "\n" not in expected and "\n" not in actual:
            return None
        return _unified(expected, actual)
    if isinstance(expected, list | dict) and type(actual) is type(expected):
        return _unified(_pretty(expected), _pretty(actual))
    return None


def _pretty(value: Json) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)


def _unified(expected: str, actual: str) -> str | None:
    import difflib

    if len(expected) + len(actual) > MAX_DIFF_CHARACTERS:
        return None
    before, after = expected.splitlines(), actual.splitlines()
    if len(before) + len(after) > MAX_DIFF_LINES:
        return None
    lines = list(difflib.unified_diff(before, after, "expected", "actual", lineterm=""))
    shown = [_cut(line) for line in lines[:MAX_SHOWN_LINES]]
    if more := len(lines) - len(shown):
        shown.append(f"… {more} more line{'' if more == 1 else 's'}")
    return "\n".join(shown) or None


def _cut(line: str) -> str:
    if len(line) <= MAX_SHOWN_LINE_CHARACTERS:
        return line
    return line[:MAX_SHOWN_LINE_CHARACTERS] + "…"
