"""What the plugin needs from a database, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from rocketship.errors import StepError
from rocketship.plugins.sql.result import Query, Room


class Connection(ABC):
    """An open connection; every call blocks, and all but `interrupt` come from one thread.

    Attributes:
        placeholder: What stands for a bound value in a statement.
        begin: The statement that begins a transaction.
        rollback: The statement that undoes it, if it is still open.
    """

    placeholder: ClassVar[str]
    begin: ClassVar[str] = "BEGIN"
    rollback: ClassVar[str] = "ROLLBACK"

    @abstractmethod
    def execute(self, sql: str, values: Sequence[Any], query: Query, room: Room) -> None:
        """Carry out one statement and put what it gives back into `query`.

        Raises:
            StepError: The database refused it, or the connection is lost.
        """

    @abstractmethod
    def interrupt(self) -> None:
        """End the statement in flight, on the server too, and make the connection unusable."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; never raises."""


class Database(ABC):
    """Where to connect to.

    Attributes:
        dialect: Which SQL it speaks: postgres, mysql, sqlite or sqlserver.
        label: What to call it in messages, without credentials.
        secrets: The passwords in the DSN.
    """

    dialect: ClassVar[str]
    label: str
    secrets: tuple[str, ...] = ()

    @abstractmethod
    def connect(self, timeout: float) -> Connection:
        """Return an open connection.

        Raises:
            StepError: The database cannot be reached, or refuses the connection.
        """


def place(sql: str, position: int) -> str:
    """Return `line 2, column 5` for a position in a statement, which counts from 0."""
    before = sql[:position]
    line = before.count("\n") + 1
    return f"line {line}, column {position - (before.rfind(chr(10)) + 1) + 1}"


def with_label(label: str, error: StepError) -> StepError:
    """Return the error with the database's name in front of its message."""
    return type(error)(f"{label}: {error.message}", hint=error.hint)
