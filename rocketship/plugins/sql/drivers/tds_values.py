"""Columns of SQL Server, and their values as the server prints them.

python-tds reads times to the microsecond, while the server has 100 nanoseconds, drops the zeros at
the end of decimals, reads a value of any length into memory, and knows no collations of UTF-8.
"""

from __future__ import annotations

import codecs
import contextlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from struct import pack
from typing import Any
from uuid import UUID

from rocketship.plugins.sql.result import MAX_VALUE_BYTES
from rocketship.values import Json

#: Numbers of types in the protocol.
_TIME, _DATETIME2, _DATETIMEOFFSET = 0x29, 0x2A, 0x2B
_SMALLDATETIME, _REAL, _MONEY, _DATETIME, _SMALLMONEY = 0x3A, 0x3B, 0x3C, 0x3D, 0x7A
#: Bytes that follow the time of day: three of a date, two of an offset in minutes.
_BYTES_AFTER_TIME = {_TIME: 0, _DATETIME2: 3, _DATETIMEOFFSET: 5}
_BINARY = (0x22, 0xA5)
_MONEY_SCALE = 4
#: The bit of the fourth byte of a collation that says that its text is UTF-8.
_UTF8 = 0x04
#: Digits that tell every `real` from its neighbours.
_REAL_DIGITS = range(6, 10)

#: Stands for a value that was too large to be kept.
TOO_LARGE = object()


class Column:
    """A column of a result, whose values are read exactly from now on."""

    def __init__(self, column: Any) -> None:
        self.name: str = column.column_name
        serializer = column.serializer
        kind = serializer.get_typeid()
        if kind in _BYTES_AFTER_TIME:
            column.serializer = _Moments(kind, serializer.precision)
        # Types with a limit of their own have no use for it.
        with contextlib.suppress(ValueError):
            serializer.set_chunk_handler(_Pieces(b"" if kind in _BINARY else ""))
        self._scale = _MONEY_SCALE if kind in (_MONEY, _SMALLMONEY) else serializer.scale
        self._special: Callable[[Any], Json] | None = {
            _REAL: _shortest,
            _DATETIME: lambda value: value.isoformat(" ", "milliseconds"),
            _SMALLDATETIME: lambda value: value.isoformat(" ", "seconds"),
        }.get(kind)

    def json(self, value: Any) -> Json:
        """Return a value as it is kept."""
        if value is None or isinstance(value, str | bool | int):
            return value
        if self._special is not None:
            return self._special(value)
        if isinstance(value, Decimal):
            return f"{value:f}" if self._scale is None else f"{value:.{self._scale}f}"
        return _json(value)


class _Moments:
    """Reads times to the last digit, as text."""

    def __init__(self, kind: int, scale: int) -> None:
        self._kind = kind
        self._scale = scale

    def read(self, reader: Any) -> str | None:
        from pytds.tds_base import readall

        size = reader.get_byte()
        return self._text(bytes(readall(reader, size))) if size else None

    def _text(self, raw: bytes) -> str:
        end = len(raw) - _BYTES_AFTER_TIME[self._kind]
        seconds, rest = divmod(int.from_bytes(raw[:end], "little"), 10**self._scale)
        fraction = f".{rest:0{self._scale}}" if self._scale else ""
        if self._kind == _TIME:
            return f"{_moment(1, seconds):%H:%M:%S}{fraction}"
        day = 1 + int.from_bytes(raw[end : end + 3], "little")
        minutes = int.from_bytes(raw[end + 3 :], "little", signed=True)
        text = _moment(day, seconds + 60 * minutes).isoformat(" ", "seconds") + fraction
        if self._kind == _DATETIME2:
            return text
        hours, minutes_left = divmod(abs(minutes), 60)
        return f"{text} {'-' if minutes < 0 else '+'}{hours:02}:{minutes_left:02}"


class _Pieces:
    """Puts a value together of its pieces, as long as it does not become too large."""

    def __init__(self, empty: Any) -> None:
        self._empty = empty
        self._pieces: list[Any] = []
        self._size = 0

    def add_chunk(self, piece: Any) -> None:
        """Take a piece of text or of bytes."""
        self._size += len(piece)
        if self._size <= MAX_VALUE_BYTES:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def end(self) -> Any:
        """Return the value, and begin with the next one."""
        pieces, size = self._pieces, self._size
        self._pieces, self._size = [], 0
        return TOO_LARGE if size > MAX_VALUE_BYTES else self._empty.join(pieces)


def read_collation(reader: Any) -> Any:
    """Return the collation that follows, as python-tds has it."""
    from pytds.collate import Collation
    from pytds.tds_base import readall

    raw = readall(reader, Collation.wire_size)
    collation = Collation.unpack(raw)
    if raw[3] & _UTF8:
        collation.get_codec = lambda: codecs.lookup("utf-8")
    return collation


def _moment(day: int, seconds: int) -> datetime:
    return datetime.combine(date.fromordinal(day), clock()) + timedelta(seconds=seconds)


def _shortest(value: float) -> float:
    """Return the number of the fewest digits that is the same `real`."""
    exact = pack("<f", value)
    return next(
        found
        for digits in _REAL_DIGITS
        if pack("<f", found := float(f"{value:.{digits}g}")) == exact
    )


def _json(value: Any) -> Json:
    if isinstance(value, float):
        return value
    if isinstance(value, UUID):
        return str(value).upper()
    if isinstance(value, bytes | bytearray):
        return f"0x{value.hex().upper()}"
    if isinstance(value, datetime | clock | date):
        return value.isoformat(*(" ",) if isinstance(value, datetime) else ())
    return str(value)
