"""From bytes to text, refusing what cannot be a YAML file before a parser sees it."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from rocketship.errors import UsageError
from rocketship.suite.problem import LINE_BREAK, Problems
from rocketship.values import Location

MAX_FILE_BYTES = 4 * 1024 * 1024

_NOT_ALLOWED = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]",
)
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_bounded(path: Path) -> bytes:
    """Return the content of a file of values.

    Raises:
        OSError: It cannot be read.
        UsageError: It is larger than a suite may be.
    """
    with path.open("rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(
            f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB",
            hint="split it into several files, or keep in it only what suites mention",
        )
    return data


def read_text(data: bytes, file: str, problems: Problems) -> str | None:
    """Return the text of a file without its byte order mark, or None after reporting why not."""
    if len(data) > MAX_FILE_BYTES:
        problems.error(
            Location(file, 1, 1),
            f"the file is larger than {MAX_FILE_BYTES >> 20} MiB",
            "split it into several files",
        )
        return None
    encoding = "utf-16" if data.startswith(_UTF_16_MARKS) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        good = error.object[: error.start].decode(encoding, "ignore")
        name = encoding.upper().removesuffix("-SIG")
        message = f"the byte 0x{error.object[error.start]:02x} is not {name}"
        problems.error(place(good, len(good), file), message, "save the file as UTF-8")
        return None
    bad = _NOT_ALLOWED.search(text)
    if bad is None:
        return text
    message, hint = _complaint(bad[0])
    problems.error(place(text, bad.start(), file), message, hint)
    return None


def place(text: str, offset: int, file: str) -> Location:
    """Return the location of a character of a text by its offset from 0."""
    line, start = 1, 0
    for match in LINE_BREAK.finditer(text, 0, offset):
        line, start = line + 1, match.end()
    return Location(file, line, offset - start + 1)


def _complaint(character: str) -> tuple[str, str]:
    if character == "\0":
        return "the file is not text: it contains a NUL character", "point to a YAML file"
    code = f"U+{ord(character):04X}"
    escape = f"\\u{ord(character):04X}"
    return (
        f"the character {code} cannot stand in a YAML file",
        f'remove it, or write {escape} in a text in "double quotes"',
    )
