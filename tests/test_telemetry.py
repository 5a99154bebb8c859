from __future__ import annotations

import json
import logging
import sys
from typing import Any

from rocketship.redaction import Redactor
from rocketship.telemetry import ConsoleFormatter, JsonFormatter


def record(message: str = "rpc", **fields: Any) -> logging.LogRecord:
    made = logging.makeLogRecord({"levelname": "INFO", "name": "rocketship.x", "msg": message})
    vars(made).update(fields)
    return made


def test_console_line_has_event_and_fields() -> None:
    line = ConsoleFormatter(Redactor()).format(record(method="GetRun", ms=1.23456, run_id="01m8"))

    assert line.endswith("INFO    rpc method=GetRun ms=1.235 run_id=01m8")


def test_value_from_outside_cannot_pass_for_a_line_or_a_field() -> None:
    line = ConsoleFormatter(Redactor()).format(
        record("a\nb", path="/\nERROR x=1", name_="\x1b[31m")
    )

    assert "\n" not in line
    assert "\x1b" not in line
    assert 'path="/\\nERROR x=1"' in line


def test_json_line_is_an_object_with_the_same() -> None:
    line = json.loads(JsonFormatter(Redactor()).format(record(method="GetRun", peer=object)))

    assert line["event"] == "rpc"
    assert line["level"] == "info"
    assert line["logger"] == "rocketship.x"
    assert line["method"] == "GetRun"
    assert line["at"].endswith("Z")


def test_secrets_are_replaced_in_fields_and_tracebacks() -> None:
    redactor = Redactor(["s3cret-value"])
    try:
        raise ValueError("s3cret-value")
    except ValueError:
        failed = record("failed", error="s3cret-value", exc_info=sys.exc_info())

    for formatter in (ConsoleFormatter(redactor), JsonFormatter(redactor)):
        line = formatter.format(failed)
        assert "s3cret-value" not in line
        assert "***" in line
        assert "Traceback" in line
