"""The environment variables that are read, from the docstrings of the dataclasses they become."""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import getdoc
from typing import Any

from reference.markdown import anchored, code, sentence, table
from rocketship.settings import auth, engine, server, temporal, tokens, web, worker
from rocketship.settings.reader import Address
from rocketship.values import to_text

GROUPS: dict[str, type] = {
    "settings-engine": engine.EngineSettings,
    "settings-listeners": server.ServerSettings,
    "settings-tls": server.TlsSettings,
    "settings-web": web.WebSettings,
    "settings-auth": auth.AuthSettings,
    "settings-oidc": auth.OidcSettings,
    "settings-alb": auth.AlbSettings,
    "settings-temporal": temporal.TemporalSettings,
    "settings-worker": worker.WorkerSettings,
    "settings-logins": tokens.TokenSettings,
}
_NAME = r"ROCKETSHIP_[A-Z_]+"
_NAMES = re.compile(rf" ?\(({_NAME})(?:, or its path in ({_NAME}))?\)")


def regions() -> dict[str, str]:
    """Return the generated parts of the page by their name."""
    linked: set[str] = set()
    return {name: _table(cls, linked) for name, cls in GROUPS.items()}


def _table(cls: type, linked: set[str]) -> str:
    rows = []
    for attribute, text in _attributes(cls):
        match = _NAMES.search(text)
        if match is None:
            continue
        names = [name for name in match.groups() if name]
        # A name that two processes read is linked to where it comes first.
        shown = [code(name) if name in linked else anchored(name) for name in names]
        linked.update(names)
        meaning = sentence(_NAMES.sub("", text))
        rows.append(("<br>".join(shown), meaning + _default(cls, attribute, meaning)))
    return table(("variable", "meaning"), rows)


def _attributes(cls: type) -> Iterator[tuple[str, str]]:
    """Yield the attributes of a class and what its docstring says about each."""
    _, _, listed = (getdoc(cls) or "").partition("Attributes:\n")
    for entry in re.split(r"\n(?=    \w)", listed):
        name, _, text = entry.strip().partition(":")
        yield name, " ".join(text.split())


def _default(cls: Any, attribute: str, meaning: str) -> str:
    """Return a sentence with the default, unless there is none or the docstring tells it."""
    value = cls.__dataclass_fields__[attribute].default
    shown = isinstance(value, bool | int | float | str | tuple | Address) and value not in ("", ())
    if not shown or re.search("unless|default", meaning):
        return ""
    words = value if isinstance(value, tuple) else [value]
    return f" Default: {', '.join(code(_text(word)) for word in words)}."


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}s"
    return to_text(value) if isinstance(value, bool | int) else str(value)
