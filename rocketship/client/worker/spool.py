"""Reports that wait to be sent: in memory, and beyond a limit in a file that nobody else sees.

An engine may be away for long, and what happens meanwhile must neither be lost nor fill the memory.
"""

from __future__ import annotations

import struct
import tempfile
from collections import deque
from typing import IO

from rocketship.wire._generated.engine_pb2 import ReportedEvent

MEMORY_BYTES = 8 * 1024 * 1024
DISK_BYTES = 512 * 1024 * 1024
_LENGTH = struct.Struct("!I")


class Spool:
    """A queue of reports with bounds.

    Args:
        memory_bytes: What is kept in memory; the rest goes to a file.
        disk_bytes: When the file has grown to this, the spool is full.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES, disk_bytes: int = DISK_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._disk_bytes = disk_bytes
        self._memory: deque[ReportedEvent] = deque()
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._read = 0
        self._written = 0

    def __bool__(self) -> bool:
        return bool(self._memory)

    @property
    def full(self) -> bool:
        """Whether only what cannot be left out should be put in."""
        return self._written >= self._disk_bytes

    def put(self, report: ReportedEvent) -> None:
        """Add a report at the end."""
        if self._written == self._read and self._bytes < self._memory_bytes:
            self._remember(report)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="rocketship-")  # noqa: SIM115  # closed by `drop`
        data = report.SerializeToString()
        self._file.seek(self._written)
        self._file.write(_LENGTH.pack(len(data)) + data)
        self._written += _LENGTH.size + len(data)

    def head(self, count: int, size: int) -> list[ReportedEvent]:
        """Return the first reports, at most so many and about so many bytes."""
        found: list[ReportedEvent] = []
        for report in self._memory:
            if len(found) >= count or size <= 0:
                break
            found.append(report)
            size -= report.ByteSize()
        return found

    def drop(self, count: int) -> None:
        """Forget the first reports."""
        for _ in range(count):
            self._bytes -= self._memory.popleft().ByteSize()
        while self._read < self._written and self._bytes < self._memory_bytes:
            self._remember(self._read_one())
        if self._file is not None and self._read == self._written:
            self._file.close()
            self._file, self._read, self._written = None, 0, 0

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _remember(self, report: ReportedEvent) -> None:
        self._memory.append(report)
        self._bytes += report.ByteSize()

    def _read_one(self) -> ReportedEvent:
        assert self._file is not None
        self._file.seek(self._read)
        (length,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
        self._read += _LENGTH.size + length
        return ReportedEvent.FromString(self._file.read(length))
