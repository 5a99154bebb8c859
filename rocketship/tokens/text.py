"""Tokens as texts: they travel in a header, where a stray line end makes libraries fail oddly."""

from __future__ import annotations

from rocketship.errors import UsageError


def check_token(text: str, source: str) -> str:
    """Return a token without the white space around it.

    Args:
        text: What was given.
        source: Where it is from, for the message; the token itself is never shown.

    Raises:
        UsageError: It is none that can be sent.
    """
    token = text.strip()
    if not token:
        raise UsageError(f"{source} holds no token", hint="it is empty")
    if "\n" in token or "\r" in token:
        raise UsageError(
            f"{source} holds more than one line, and a token is one",
            hint="keep nothing but the token there",
        )
    if not all("!" <= char <= "~" for char in token):
        raise UsageError(
            f"{source} holds characters that no token has, such as spaces or control characters",
            hint="was it copied completely, and without quotes or the word Bearer?",
        )
    return token
