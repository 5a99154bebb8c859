"""Text from suites, servers and scripts made safe to show on a terminal.

A response body must not be able to move the cursor, change the window title or hide what follows,
so everything that people see of it passes through `printable`.
"""

from __future__ import annotations

import re

from rocketship.values import to_utf8

#: Whole escape sequences (colours, titles), so that their parameters vanish with them.
_SEQUENCES = (
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # OSC, DCS, …
    r"|\x1b[ -/]*[0-~]"
)
#: What is left afterwards: control characters, and marks that reorder the text after them.
_CONTROLS = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"


def printable(text: str) -> str:
    """Return the text without terminal control; tabs and line ends stay, in the form of Unix."""
    if text.isprintable():
        return text
    text = re.sub(_SEQUENCES, "", text).replace("\r\n", "\n").replace("\r", "\n")
    return to_utf8(re.sub(_CONTROLS, "", text))
