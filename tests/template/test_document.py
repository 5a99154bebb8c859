from __future__ import annotations

import asyncio
import json

import pytest

from rocketship.template import document
from rocketship.template.query import QueryError
from rocketship.values import Json
from tests.fixtures.waiting import result_of

ITEMS = [{"id": 9007199254740993 + number, "name": "item"} for number in range(60_000)]
LARGE = json.dumps({"items": ITEMS}).encode()


def first(program: str, text: bytes = LARGE) -> tuple[Json, ...]:
    return result_of(document.first(program, text))


@pytest.mark.parametrize(
    ("program", "found"),
    [
        (".items[-1]", (ITEMS[-1],)),
        (".items | length", (60_000,)),
        (".items[1:3]", (ITEMS[1:3],)),
        (".nothing", (None,)),
        ("empty", ()),
    ],
)
def test_large_text_is_looked_into_like_a_value(program: str, found: tuple[Json, ...]):
    assert first(program) == found


@pytest.mark.parametrize("program", [".items.name", ".items | error"])
def test_program_that_fails_on_a_large_text_is_told(program: str):
    with pytest.raises(QueryError):
        first(program)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"<html>", "is not JSON"),
        (b"NaN", "is not JSON"),
        (b"", "is not JSON"),
        (b"[" * 100_000, "cannot be used: there are more than 200 levels of lists and objects"),
        (b'{"a": 1e400}', "cannot be used: the number 1e400 is too large"),
    ],
)
def test_text_that_is_no_json_is_told(text: bytes, reason: str):
    with pytest.raises(document.NotJson, match=f"^{reason}$"):
        first(".", text)


def test_finding_most_of_a_huge_text_is_refused_with_a_way_out():
    with pytest.raises(QueryError, match="more than 4 MiB; let the program choose or count"):
        first(".", json.dumps("x" * (document.MAX_FOUND_BYTES + 1)).encode())


def test_others_go_on_while_a_large_text_is_read():
    async def rounds() -> int:
        reading = asyncio.ensure_future(document.first(".items[0].id", LARGE))
        rounds = 0
        while not reading.done():
            await asyncio.sleep(0)
            rounds += 1
        assert await reading == (ITEMS[0]["id"],)
        return rounds

    # Read in this process, it would be there after the first round.
    assert asyncio.run(rounds()) > 10
