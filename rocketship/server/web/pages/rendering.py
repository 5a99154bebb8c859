"""Templates to pages: what templates can use, and the headers every page has.

Whatever a suite, a server under test or a person wrote is text here: everything is escaped, and the
browser is told to run nothing that does not come from this engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from rocketship._version import __version__
from rocketship.reports.exchange import Limits, exchange_lines, value_text
from rocketship.run.printable import printable
from rocketship.values import Json, format_duration, format_time

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "vary": "accept, authorization",
    "x-content-type-options": "nosniff",
}
#: What a page shows of a body; the report has all that was kept.
LIMITS = Limits(lines=400, characters=2000)
SHORT_ID = 10
_AGES = ((86_400, "d"), (3600, "h"), (60, "m"))


def render(template: str, /, status: int = 200, **values: Any) -> HTMLResponse:
    """Return the page a template makes of the values."""
    text = _environment().get_template(template).render(**values)
    return HTMLResponse(text, status_code=status, headers=HEADERS)


def age(at: float) -> str:
    """Return how long ago a time is, in words for a list."""
    seconds = time.time() - at
    for unit, letter in _AGES:
        if seconds >= unit:
            return f"{int(seconds // unit)}{letter} ago"
    return "just now"


@cache
def asset(name: str) -> str:
    """Return the address of a static file, which changes with its content."""
    digest = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., Any]] = {
        "duration": format_duration,
        "exchange": _exchange,
        # Slashes as well, or the browser would take `..` between them for a way up.
        "segment": partial(quote, safe=""),
        "short": lambda run_id: run_id[:SHORT_ID],
        "shown": printable,
        "value": value_text,
        "when": _when,
    }
    environment.filters.update(filters)
    environment.globals |= {"asset": asset, "version": __version__}
    return environment


def _when(at: float) -> Markup:
    """Return a time as people say it, with the exact one behind it."""
    exact = format_time(at)
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(exact, age(at))


def _exchange(value: Json) -> str:
    return "\n".join(exchange_lines(value, LIMITS))
