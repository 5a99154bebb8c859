"""What assertions can check and saves can keep of results."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rocketship.plugins import json_path
from rocketship.plugins.api import Absent, Found, Observable, Observation, Outcome
from rocketship.plugins.operators import same
from rocketship.plugins.sql.result import Query, Results
from rocketship.suite.fields import Field, Integer, Jq, Object, Text
from rocketship.values import Json, to_text

_PLAIN_NUMBER = r"-?(0|[1-9]\d*)(\.\d+)?"


def value_matches(actual: Json, expected: Json) -> bool:
    """Return whether a column has the expected value: as it is written, numbers by their value."""
    if actual is None or expected is None or isinstance(expected, list | dict):
        return same(actual, expected)
    if isinstance(actual, bool) or isinstance(expected, bool):
        return to_text(actual) == to_text(expected)
    if isinstance(expected, int | float) and isinstance(actual, str):
        if not re.fullmatch(_PLAIN_NUMBER, actual):
            return False
        from decimal import Decimal

        return Decimal(actual) == Decimal(to_text(expected))
    return same(actual, expected) or to_text(actual) == to_text(expected)


def _results(outcome: Outcome) -> Results:
    results: Results = outcome.subject
    return results


def _document(outcome: Outcome) -> Json:
    return _results(outcome).document()


def _query(outcome: Outcome, options: Mapping[str, Any]) -> Query | Absent:
    queries = _results(outcome).queries
    index: int = options["query_index"]
    if index < len(queries):
        return queries[index]
    return Absent(f"there is no query {index}; {_count(len(queries))} carried out, from 0")


def _count(queries: int) -> str:
    return "1 was" if queries == 1 else f"{queries} were"


def _row_count(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    query = _query(outcome, options)
    return query if isinstance(query, Absent) else Found(query.row_count)


def _column_value(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    query = _query(outcome, options)
    if isinstance(query, Absent):
        return query
    index, column = options["row_index"], options["column"]
    if index >= query.row_count:
        return Absent(f"there is no row {index}; the query has {query.row_count}, from 0")
    if index >= len(query.rows):
        return Absent(f"row {index} was not kept: the result is too large")
    row = query.rows[index]
    if column not in row:
        return Absent(f"there is no column {column}, but {', '.join(query.columns)}")
    return Found(row[column])


def _query_count(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    return Found(len(_results(outcome).queries))


def _success_count(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    return Found(_results(outcome).success_count)


_QUERY_INDEX = Field(
    "query_index", Integer(minimum=0), "Which query, counted from 0.", required=True
)

ASSERTIONS: Mapping[str, Observable] = {
    "row_count": Observable(
        "How many rows a query returned.",
        _row_count,
        options=Object(_QUERY_INDEX),
        target="query_index",
        matches=value_matches,
    ),
    "query_count": Observable(
        "How many queries were carried out, failed ones included.",
        _query_count,
        matches=value_matches,
    ),
    "success_count": Observable(
        "How many queries did not fail; a step that asserts it goes on after a failed one.",
        _success_count,
        matches=value_matches,
    ),
    "column_value": Observable(
        "A value of a row; it equals a text that is what the database prints.",
        _column_value,
        options=Object(
            _QUERY_INDEX,
            Field("row_index", Integer(minimum=0), "Which row, counted from 0.", required=True),
            Field("column", Text(empty=False), "The name of the column.", required=True),
        ),
        target="column",
        matches=value_matches,
    ),
    "json_path": json_path.for_assertions(_document),
}


async def _save(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    return await _AS_JSON_PATH.look(outcome, {"json_path": options["sql_result"]})


_AS_JSON_PATH = json_path.for_saves(_document)

SAVES: Mapping[str, Observable] = {
    "sql_result": Observable(
        "The first output of a jq program over {queries: [{rows, rows_affected, …}], stats}.",
        _save,
        argument=Jq(),
    ),
}
