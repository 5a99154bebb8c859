from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

import rocketship.reports.json
from rocketship import __version__
from rocketship.reports.json import render
from rocketship.run.fold import fold
from rocketship.run.result import RunResult
from rocketship.run.status import Status
from tests.builders import StepSpec, UnitSpec, make_failed_step, make_mixed_events, make_result

SCHEMA_FILE = Path(rocketship.reports.json.__file__).with_name("report.schema.json")
SCHEMA: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)


def parse(*runs: RunResult) -> Any:
    """Render, validate, and return the document."""
    document = json.loads(render(runs), parse_constant=_no_constant)
    VALIDATOR.validate(document)
    return document


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield every schema below and including the given one."""
    if isinstance(schema, dict):
        yield schema
        for item in schema.values():
            yield from objects(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from objects(item)


def test_json_schema_is_valid_and_closed_and_describes_every_field():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for schema in objects(SCHEMA):
        for name, field in schema.get("properties", {}).items():
            assert field.get("description"), name
        if "properties" in schema:
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])


def test_json_report_of_a_mixed_run_fits_the_schema_and_tells_all():
    document = parse(fold("r1", make_mixed_events()), make_result(run_id="r2"))
    assert document["version"] == 1
    assert document["tool"] == {"name": "rocketship", "version": __version__}
    assert [run["run_id"] for run in document["runs"]] == ["r1", "r2"]
    run = document["runs"][0]
    assert run["started_at"] == "2024-01-02T03:04:05.100Z"
    assert run["totals"] == {
        "total": 5,
        "executed": 4,
        "passed": 2,
        "failed": 1,
        "timeout": 1,
        "cancelled": 0,
        "skipped": 1,
        "unfinished": 0,
    }
    assert (run["init"]["status"], run["cleanup_failures"]) == ("PASSED", 1)
    flaky, failed = run["tests"][0]["steps"][0], run["tests"][1]["steps"][1]
    assert flaky["failed_attempts"][0]["failure"]["message"] == "connection refused"
    assert [line["message"] for line in flaky["logs"]] == ["polled once", "polled twice"]
    assert failed["assertions"][0]["expected"] == 200
    assert failed["response"]["body"] == "database is down"
    assert failed["timings"] == {"connect": 0.001, "total": 0.02}
    assert failed["reproduce"].startswith("curl")


def test_json_report_of_unfinished_and_empty_runs_fits_the_schema():
    document = parse(RunResult("r0"), make_result(finished=False))
    assert [run["ended_at"] for run in document["runs"]] == [None, None]
    assert parse()["runs"] == []


def test_json_report_with_numbers_json_lacks_writes_them_as_text():
    extra = {"saved": {"a": float("nan"), "b": [float("inf")]}}
    run = make_result([UnitSpec(steps=[StepSpec(extra=extra)])])
    step = parse(run)["runs"][0]["tests"][0]["steps"][0]
    assert step["saved"] == {"a": "nan", "b": ["inf"]}


@given(st.text(st.characters()))
def test_json_report_with_any_text_is_utf8_json(text):
    step = make_failed_step(response={"body": text})
    run = make_result([UnitSpec(text, (step,), Status.FAILED, text)])
    test = parse(run)["runs"][0]["tests"][0]
    assert test["name"] == test["message"] == test["steps"][0]["response"]["body"] == text


def test_json_report_is_readable_by_people():
    assert "日本".encode() in render([make_result(suite="日本")])
