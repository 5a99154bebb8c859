from __future__ import annotations

import json

from tests.fixtures.history import History


def test_list_is_a_table_with_aligned_columns(history: History):
    head, row = history.call("list").splitlines()
    assert head.split() == ["RUN", "ID", "STATUS", "TESTS", "DURATION", "STARTED", "SUITE"]
    assert row.split() == [
        history.run_id()[:12], "✗", "TIMEOUT", "1/4", "{took}", "just", "now", "Booking"
    ]  # fmt: skip
    assert row.index("✗") == head.index("STATUS")
    assert row.index("Booking") - row.index("just") == head.index("SUITE") - head.index("STARTED")


def test_list_json_has_all_facts(history: History):
    document = json.loads(history.call("list", "--format", "json"))
    (run,) = document["runs"]
    assert (document["total"], document["cursor"]) == (1, "")
    assert (run["run_id"], run["suite"], run["file"]) == ("{id}", "Booking", "booking.yaml")
    assert (run["status"], run["started_at"], run["ended_at"]) == ("TIMEOUT", "{time}", "{time}")
    assert run["tests"] == {
        "total": 4, "passed": 1, "failed": 1, "timeout": 1, "cancelled": 0, "skipped": 1
    }  # fmt: skip
    assert run["context"] == {
        "branch": "main", "source": "cli-local", "team": "core", "trigger": "manual"
    }  # fmt: skip


def test_list_without_a_matching_run_says_so(history: History):
    assert history.call("list", "--status", "passed") == "No test runs found.\n"
    assert json.loads(history.call("list", "--suite", "x", "--format", "json"))["runs"] == []


def test_list_options_that_make_no_sense_are_usage_errors(history: History):
    assert "--limit must be between 1 and" in history.call("list", "--limit", "0", code=2)
    assert 'no status "green"' in history.call("list", "--status", "green", code=2)
    assert 'no format "xml"' in history.call("list", "--format", "xml", code=2)
