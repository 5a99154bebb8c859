"""A terminal for tests: a real pseudo-terminal, and a small screen that shows what it was sent."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
import threading
from types import TracebackType
from typing import TextIO

_TOKEN = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])|([\s\S])")


class Terminal:
    """A pseudo-terminal of a given size; everything written to `out` is read and kept.

    `columns` and `rows` can be changed at any time with `resize`.
    """

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self._master, slave = pty.openpty()
        # The screen understands bare line feeds, so the kernel need not add carriage returns.
        attributes = termios.tcgetattr(slave)
        attributes[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        self.out: TextIO = os.fdopen(slave, "w", encoding="utf-8")
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read)
        self.resize(columns, rows)

    def resize(self, columns: int, rows: int) -> None:
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self.out.fileno(), termios.TIOCSWINSZ, size)

    def __enter__(self) -> Terminal:
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.hang_up()
        os.close(self._master)

    def hang_up(self) -> None:
        """Close the writing side and wait until everything written is read."""
        if not self.out.closed:
            self.out.close()
            self._reader.join()

    @property
    def written(self) -> str:
        """Everything written so far, escape sequences included."""
        return self._written.decode("utf-8", "replace")

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._master, 65536)
            except OSError:  # how Linux says that the other side hung up
                return
            if not chunk:
                return
            self._written += chunk


def show(written: str) -> list[str]:
    """Return the lines a terminal of endless height shows after so much was written to it."""
    lines: list[list[str]] = [[]]
    row = column = 0
    for private, parameters, command, char in _TOKEN.findall(written):
        if char == "\n":
            row, column = row + 1, 0
            lines += [[] for _ in range(row + 1 - len(lines))]
        elif char == "\r":
            column = 0
        elif char:
            line = lines[row]
            line += " " * (column + 1 - len(line))
            line[column] = char
            column += 1
        elif command == "A":
            row = max(0, row - int(parameters or 1))
        elif command == "J":
            del lines[row + 1 :], lines[row][column:]
        elif command == "K":
            lines[row][0 if parameters == "2" else column :] = []
        else:
            assert private or command == "m", f"the screen does not know {command}"
    return ["".join(line).rstrip() for line in lines]
