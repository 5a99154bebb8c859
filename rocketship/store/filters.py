"""What lists filter by and search in, taken from a run when it begins and when it ends.

It is stored in lower case beside the run: to compute it for every run there is, for every list,
took most of the time of a list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rocketship.store.base import RunRecord

#: The filters on where a run comes from, and the names of their values in a run's context.
ORIGINS = {
    "project": "project_id",
    "source": "source",
    "branch": "branch",
    "schedule": "schedule_name",
}
#: Between the texts that are searched; it is in no name.
_SEPARATOR = "\x1f"


def origins(context: Mapping[str, Any]) -> list[str]:
    """Return where a run comes from, in the order of `ORIGINS`."""
    return [_folded(context.get(name)) for name in ORIGINS.values()]


def searched(record: RunRecord) -> str:
    """Return what a search for text looks in; the message follows when the run ends."""
    texts = (record.suite, record.file, record.context.get("branch"), record.context.get("commit"))
    return _SEPARATOR.join(map(_folded, texts))


def searched_at_end(message: str) -> str:
    """Return what is added to it then."""
    return _SEPARATOR + _folded(message)


def _folded(value: Any) -> str:
    return str(value or "").lower()
