"""What statements gave back: bounded, as JSON, and as it is shown after a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.values import Json, JsonObject, to_json

#: What is kept of all results of a step; rows beyond are counted and thrown away.
MAX_ROWS = 10_000
MAX_BYTES = 16 << 20
#: A value that is larger fails its statement.
MAX_VALUE_BYTES = 64 << 20
#: What a report shows of each result, and of all of a step together.
MAX_SHOWN_ROWS = 200
MAX_SHOWN_CHARACTERS = 32 * 1024


@dataclass(slots=True)
class Room:
    """How much a step may still keep."""

    rows: int = MAX_ROWS
    bytes: int = MAX_BYTES

    def take(self, row: JsonObject) -> bool:
        """Return whether a row still fits, and make the room smaller by it."""
        size = len(to_json(row))
        if self.rows < 1 or size > self.bytes:
            self.rows = 0
            return False
        self.rows -= 1
        self.bytes -= size
        return True


@dataclass(slots=True)
class Query:
    """One entry of `commands`, or one statement of a file, and what came of it.

    Attributes:
        statement: Its text.
        columns: The names of the columns, when it returned rows.
        rows: The rows that were kept.
        row_count: How many rows there were.
        rows_affected: How many rows it changed.
        error: Why the database refused it.
        seconds: How long it took.
    """

    statement: str
    columns: Sequence[str] = ()
    rows: list[JsonObject] = field(default_factory=list)
    row_count: int = 0
    rows_affected: int = 0
    error: str | None = None
    seconds: float = 0.0

    def fill(
        self,
        columns: Sequence[str],
        rows: Iterable[Any],
        room: Room,
        convert: Callable[[Any], Iterable[Json]] = iter,
    ) -> None:
        """Take rows as long as there is room, and count the others.

        Args:
            columns: Their names.
            rows: What a driver has of each row.
            room: What the step may still keep.
            convert: Makes it the values of a row that is kept.
        """
        self.columns, self.rows, self.row_count = columns, [], 0
        for found in rows:
            self.row_count += 1
            if room.rows:
                row = dict(zip(columns, convert(found), strict=True))
                if room.take(row):
                    self.rows.append(row)

    @property
    def truncated(self) -> bool:
        """Whether there were more rows than were kept."""
        return self.row_count > len(self.rows)

    def document(self) -> JsonObject:
        """Return the entry of `.queries`."""
        return {
            "query": self.statement,
            "columns": [*self.columns],
            "rows": [*self.rows],
            "row_count": self.row_count,
            "rows_affected": self.rows_affected,
            "truncated": self.truncated,
            "error": self.error,
            "duration": self.seconds,
        }

    def summary(self, room: int) -> JsonObject:
        """Return what a report shows of the entry in so many characters: its first rows."""
        if self.error is not None:
            return {"error": self.error}
        if not self.columns:
            return {"rows_affected": self.rows_affected}
        shown: list[Json] = []
        for row in self.rows[:MAX_SHOWN_ROWS]:
            room -= len(to_json(row))
            if room < 0:
                break
            shown.append(row)
        entry: JsonObject = {"row_count": self.row_count, "rows": shown}
        if rest := self.row_count - len(shown):
            entry["rows_not_shown"] = rest
        return entry


@dataclass(slots=True)
class Results:
    """What all statements of a step gave back."""

    queries: list[Query] = field(default_factory=list)
    connection_seconds: float = 0.0

    @property
    def success_count(self) -> int:
        """How many statements the database carried out."""
        return sum(query.error is None for query in self.queries)

    def document(self) -> JsonObject:
        """Return what `json_path` and `sql_result` look into."""
        stats: JsonObject = {
            "total_queries": len(self.queries),
            "success_count": self.success_count,
            "error_count": len(self.queries) - self.success_count,
            "total_duration": sum(query.seconds for query in self.queries),
            "connection_time": self.connection_seconds,
        }
        return {"queries": [query.document() for query in self.queries], "stats": stats}

    def describe(self) -> JsonObject:
        """Return what reports show: the beginning of every result."""
        shown: list[Json] = []
        room = MAX_SHOWN_CHARACTERS
        for number, query in enumerate(self.queries, start=1):
            entry = query.summary(room)
            room -= len(to_json(entry))
            shown.append(entry)
            if room < 0 and number < len(self.queries):
                shown.append(f"… {len(self.queries) - number} more results are not shown")
                break
        return {"body": shown}
