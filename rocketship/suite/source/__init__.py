"""From the bytes of a YAML file to nodes that know where they stood, or to plain words why not."""

from __future__ import annotations

from rocketship.suite.node import Node
from rocketship.suite.problem import Problems
from rocketship.suite.source.compose import compose
from rocketship.suite.source.text import MAX_FILE_BYTES, read_bounded, read_text

__all__ = ["MAX_FILE_BYTES", "load", "read_bounded"]


def load(data: bytes, file: str, problems: Problems) -> Node | None:
    """Return the first document of a YAML file, or None when it cannot be read.

    A file with nothing in it has the value null.

    Duplicate keys, keys that are not text and unknown tags are reported, and the rest of the
    document is still returned, so that everything wrong with a file can be told at once.

    Args:
        data: The content of the file: UTF-8, or UTF-16 with a byte order mark.
        file: The file's name in messages.
        problems: Takes what is wrong.
    """
    text = read_text(data, file, problems)
    return None if text is None else compose(text, file, problems)
