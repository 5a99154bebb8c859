"""What the process tells its operator, on stderr; results for users go other ways.

A log record is an event name with fields, never a sentence made of values: names can be counted,
and a value from outside cannot pass for a line of its own.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Iterable
from typing import Any

from rocketship.redaction import Redactor
from rocketship.values import format_time

#: What every record has; the rest are the fields of the event.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_PLAIN = re.compile(r"[\w.:/@%+\[\]-]+", re.ASCII)


def log_to_stderr(level: str, form: str = "console", secrets: Iterable[str] = ()) -> None:
    """Send the program's own log records to stderr, one line each, and others' from warnings on.

    Args:
        level: debug, info, warning or error.
        form: console or json.
        secrets: Values to be replaced by stars wherever they turn up.
    """
    handler = logging.StreamHandler(sys.stderr)
    formatter = JsonFormatter if form == "json" else ConsoleFormatter
    handler.setFormatter(formatter(Redactor(secrets)))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("rocketship").setLevel(level.upper())


class ConsoleFormatter(logging.Formatter):
    """Time, level, event, and fields as name=value, for people."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        head = f"{clock}.{int(record.msecs):03d} {record.levelname:<7} {_event(record)}"
        words = [head, *(f"{name}={_plain(value)}" for name, value in _fields(record).items())]
        if record.exc_info:
            words.append("\n" + self.formatException(record.exc_info))
        return self._redactor.text(" ".join(words))


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": format_time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _event(record),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return self._redactor.text(json.dumps(line, default=str))


def _event(record: logging.LogRecord) -> str:
    """Return the event's name; libraries write sentences instead, with whatever in them."""
    return " ".join(record.getMessage().splitlines())


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _plain(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
