"""Lines that one engine is told for the log of a run which another one carries out.

Whoever carries the run out takes a line by storing it: the line is gone from here in the same
transaction, so that it is in the log once, whichever engine is lost in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from rocketship.dataclass import dataclass
from rocketship.run.events import Event, decode, encode
from rocketship.store.base import UnitCheckpoint
from rocketship.store.postgres.database import Connection, Database
from rocketship.store.postgres.listener import CHANNEL, ENGINES
from rocketship.values import to_ascii_json

#: A checkpoint of this name and a number is the receipt of a line, and not a checkpoint.
_RECEIPT = "mail."
_PUT = """
INSERT INTO mail (run_id, body) SELECT id, %s FROM run WHERE id = %s AND ended_at IS NULL
RETURNING id
"""
_FOR = """
SELECT mail.id, run_id, body FROM mail JOIN run ON run.id = run_id
WHERE owner = %s AND ended_at IS NULL ORDER BY mail.id
"""
_TAKE_BACK = """
DELETE FROM mail USING run
WHERE mail.id = %s AND run.id = run_id AND (ended_at IS NOT NULL OR %s)
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A line on its way to a run."""

    number: int
    run_id: str
    event: Event

    @property
    def receipt(self) -> UnitCheckpoint:
        """What is appended together with the line, so that it is taken once."""
        return UnitCheckpoint(f"{_RECEIPT}{self.number}", 1, b"")


class Mail:
    """The lines between the engines of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, run_id: str, event: Event) -> int | None:
        """Leave a line for whoever carries a run out; return its number, or None after the end."""

        async def work(connection: Connection) -> int | None:
            async with connection.transaction():
                cursor = await connection.execute(_PUT, (to_ascii_json(encode(event)), run_id))
                row = await cursor.fetchone()
                await connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, ENGINES))
            return row[0] if row else None

        return await self._database.perform(work)

    async def waiting(self, owner: str) -> list[Letter]:
        """Return what is to be taken by an engine, oldest first."""

        async def work(connection: Connection) -> list[Letter]:
            rows = await (await connection.execute(_FOR, (owner,))).fetchall()
            return [Letter(number, run, decode(json.loads(body))) for number, run, body in rows]

        return await self._database.perform(work)

    async def taken(self, number: int, *, give_up: bool = False) -> bool | None:
        """Return whether a line is stored, or None as long as that is open.

        One that is not is taken back once its run has ended, or if whoever asks gives up.
        """

        async def work(connection: Connection) -> bool | None:
            if (await connection.execute(_TAKE_BACK, (number, give_up))).rowcount:
                return False
            cursor = await connection.execute("SELECT FROM mail WHERE id = %s", (number,))
            return None if cursor.rowcount else True

        return await self._database.perform(work)


def is_receipt(unit: UnitCheckpoint) -> bool:
    """Return whether a checkpoint is the receipt of a line."""
    return unit.unit.startswith(_RECEIPT)


def receipts(units: Iterable[UnitCheckpoint]) -> list[int]:
    """Return the numbers of the lines whose receipts are among checkpoints."""
    return [int(unit.unit.removeprefix(_RECEIPT)) for unit in units if is_receipt(unit)]
