"""Removes secrets from events before anybody else sees them."""

from __future__ import annotations

import dataclasses
from typing import Any

from rocketship.redaction import Redactor
from rocketship.run.events import Event

# Fields whose values come from this program or from the shape of the suite, and which consumers
# rely on: a secret that happens to equal one of them must not break the record.
_STRUCTURE = frozenset(
    {
        "at",
        "attempt",
        "attempts",
        "cleanup_failures",
        "duration_seconds",
        "file",
        "id",
        "level",
        "line",
        "maximum",
        "number",
        "operator",
        "passed",
        "path",
        "phase",
        "plugin",
        "soft",
        "source",
        "status",
        "type",
        "unit",
        "wait_seconds",
    }
)


def scrub(event: Event, redactor: Redactor) -> Event:
    """Return the event with every secret the redactor knows replaced by stars."""
    scrubbed: Event = _scrub(event, redactor)
    return scrubbed


def _scrub(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, tuple):
        return tuple(_scrub(item, redactor) for item in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            item.name: _scrub(getattr(value, item.name), redactor)
            for item in dataclasses.fields(value)
            if item.name not in _STRUCTURE
        }
        return dataclasses.replace(value, **changes)
    return redactor.json(value)
