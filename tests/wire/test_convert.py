from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketship.errors import UsageError
from rocketship.run.events import Recorded
from rocketship.run.fold import fold
from rocketship.run.narrate import Line, Style
from rocketship.run.result import Totals
from rocketship.run.spec import RunSpec, Selection
from rocketship.run.status import Status
from rocketship.store.base import RunFilter, RunPage, RunRecord
from rocketship.wire import convert
from rocketship.wire._generated import engine_pb2 as pb
from tests.builders import START, make_mixed_events

RECORD = RunRecord(
    id="01m84gm3zyffwqqgg98qh5hhph",
    suite="shop",
    file="shop.yaml",
    status=Status.TIMEOUT,
    created_at=START,
    ended_at=START + 1.5,
    duration_seconds=1.5,
    message="why",
    totals=Totals(21, 1, 2, 3, 4, 5, 6),
    context={"branch": "main", "team": "core"},
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
specs = st.builds(
    RunSpec,
    file=texts.filter(bool),
    source=st.binary(min_size=1, max_size=50),
    vars=st.dictionaries(texts, json_values, max_size=3),
    files=st.dictionaries(texts, st.binary(max_size=20), max_size=3),
    selection=st.builds(
        Selection,
        patterns=st.lists(texts, max_size=2).map(tuple),
        tags=texts,
        ids=st.lists(texts, max_size=2).map(tuple),
    ),
    concurrency=st.none() | st.integers(1, 100),
    timeout_seconds=st.none() | st.floats(0.001, 1e6),
    fail_fast=st.booleans(),
    context=st.dictionaries(st.sampled_from(["branch", "commit", "team"]), texts.filter(bool)),
)


@given(spec=specs, env=st.dictionaries(texts, texts, max_size=3), key=texts)
def test_specification_survives_the_wire(spec: RunSpec, env: dict[str, str], key: str) -> None:
    request = convert.spec_to_request(spec, env, key)
    found, secrets = convert.request_to_spec(pb.CreateRunRequest.FromString(_bytes(request)))

    assert secrets == env
    assert request.idempotency_key == key
    assert found.env_names == tuple(sorted(env))
    for name in ("file", "source", "vars", "files", "selection", "concurrency", "fail_fast"):
        assert getattr(found, name) == getattr(spec, name)
    assert found.timeout_seconds == spec.timeout_seconds
    assert found.context == spec.context


def _bytes(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def test_what_utf8_cannot_express_survives_in_variables_and_is_replaced_elsewhere() -> None:
    half = "a\ud800b"
    made = RunSpec(
        file=half,
        source=b"x",
        vars={half: [half]},
        files={half: b"y"},
        selection=Selection((half,), half, (half,)),
        context={"branch": half, half: half},
    )

    request = convert.spec_to_request(made, {half: half})
    found, secrets = convert.request_to_spec(pb.CreateRunRequest.FromString(_bytes(request)))

    whole = "a\ufffdb"
    assert found.vars == made.vars
    assert (found.file, found.files, secrets) == (whole, {whole: b"y"}, {whole: whole})
    assert found.selection == Selection((whole,), whole, (whole,))
    assert found.context == {"branch": whole, whole: whole}


def test_request_of_an_old_client_has_the_variables_of_its_suite() -> None:
    request = pb.CreateRunRequest(yaml_payload=b"name: x\nvars: {a: {b: 1}}\n")

    spec, env = convert.request_to_spec(request)

    assert (spec.file, spec.vars, env) == ("suite.yaml", {"a": {"b": 1}}, {})


def test_suite_that_cannot_be_read_has_no_variables() -> None:
    for source in (b"\xff", b"[", b"vars: 3", b"- a"):
        assert convert.request_to_spec(pb.CreateRunRequest(yaml_payload=source))[0].vars == {}


@pytest.mark.parametrize("text", [b"{", b"[]", b"3", b'{"a": NaN}', b'{"a": 1e400}', b"\xff"])
def test_variables_that_are_no_json_object_are_refused(text: bytes) -> None:
    with pytest.raises(UsageError, match="vars_json"):
        convert.request_to_spec(pb.CreateRunRequest(yaml_payload=b"x", vars_json=text))


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_timeout_that_is_none_is_refused(seconds: float) -> None:
    options = pb.RunOptions(timeout_seconds=seconds)
    with pytest.raises(UsageError, match="options"):
        convert.request_to_spec(pb.CreateRunRequest(yaml_payload=b"x", options=options))


def test_context_keeps_known_fields_apart_from_metadata() -> None:
    values = {"project_id": "p", "commit": "abc", "schedule_name": "nightly", "pr": "7"}

    message = convert.context({**values, "size": 3})

    assert (message.commit_sha, message.schedule_name) == ("abc", "nightly")
    assert dict(message.metadata) == {"pr": "7", "size": "3"}
    assert convert.context_from(message) == {**values, "size": "3"}


def test_filter_survives_the_wire() -> None:
    query = RunFilter(
        status="FAILED",
        suite="shop",
        file="shop.yaml",
        project="p",
        source="ci",
        branch="main",
        schedule="nightly",
        order_by="duration",
        ascending=True,
        limit=7,
        cursor="abc",
    )

    assert convert.request_to_filter(convert.filter_to_request(query)) == query
    assert convert.request_to_filter(pb.ListRunsRequest()) == RunFilter()


def test_page_survives_the_wire() -> None:
    page = RunPage((RECORD,), 12, "next")

    assert convert.page_from(convert.page(page)) == page


def test_running_run_has_no_end_on_the_wire() -> None:
    record = RunRecord("id", "shop", "f", Status.RUNNING, START)

    assert convert.summary(record).ended_at == ""
    assert convert.record_from_summary(convert.summary(record)) == record


def test_details_with_events_are_folded_from_them() -> None:
    events = [Recorded(seq, event) for seq, event in enumerate(make_mixed_events(), 1)]
    result = fold(RECORD.id, (item.event for item in events))

    message = convert.details(RECORD, result, events)

    assert convert.details_from(message) == (RECORD, result, len(events))
    assert [test.status for test in message.tests] == [test.status.value for test in result.tests]
    assert message.tests[1].error_message


def test_details_of_an_old_server_have_tests_but_no_steps() -> None:
    message = pb.RunDetails(
        run_id="r",
        suite_name="shop",
        status="FAILED",
        started_at="2024-01-02T03:04:05.123456789Z",
        ended_at="0001-01-01T00:00:00Z",
        duration_ms=1500,
        tests=[
            pb.TestDetails(test_id="a", name="A", status="PASSED", duration_ms=5),
            pb.TestDetails(test_id="b", name="B", status="FAILED", error_message="no"),
        ],
    )

    record, result, seq = convert.details_from(message)

    assert (record.status, record.totals.failed, record.ended_at) == (Status.FAILED, 1, None)
    assert record.created_at == pytest.approx(START + 0.123, abs=0.001)
    assert [(test.name, test.message) for test in result.tests] == [("A", ""), ("B", "no")]
    assert seq == 0


def test_event_of_a_later_version_is_passed_over() -> None:
    assert convert.recorded_from(pb.Event(seq=1, json='{"kind": "run_exploded"}')) is None


@pytest.mark.parametrize("style", Style)
def test_line_survives_the_wire(style: Style) -> None:
    line = Line(START, "said", "test", "step", style)

    assert convert.line_from(convert.line(line)) == line


def test_line_in_a_style_we_do_not_have_is_plain_or_strong() -> None:
    assert convert.line_from(pb.LogLine(color="mauve")).style is Style.PLAIN
    assert convert.line_from(pb.LogLine(color="mauve", bold=True)).style is Style.STRONG
