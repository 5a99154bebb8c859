from __future__ import annotations

import json

from tests.fixtures.history import History


def test_get_shows_facts_units_and_failures(history: History):
    text = history.call("get", history.run_id())
    details, _, rest = text.partition("\n\n✗ Books\n")
    assert (
        details
        == """\
Test Run Details
Run ID:     {id}
Suite:      Booking
File:       booking.yaml
Status:     TIMEOUT
Started:    {time}
Ended:      {time}
Duration:   {took}
Tests:      1 passed, 1 failed, 1 timed out, 1 skipped
Context:
  branch: main
  source: cli-local
  team: core
  trigger: manual

✓ suite init  {took}
    ✓ Create account  {took}
    - Not needed  skipped  `if: false` is false
✗ Books  {took}  cleanup failed
    ✓ Log in  {took}  (init)
    ✗ Book  {took}  (2 attempts)
    ✓ Report  {took}  (cleanup on failure)
    ⚠ Cancel  {took}  (cleanup)
✗ Waits  timed out after {took}
    ✗ Wait  timed out after {took}
- Pays  skipped  not ready
✓ Looks  {took}
    ✓ Look  {took}
⚠ suite cleanup  {took}
    ⚠ Drop  {took}"""
    )
    titles = [line for line in rest.splitlines() if line[:1] in ("✗", "⚠")]
    assert titles == ["✗ Waits", '⚠ cleanup of "Books" failed', "⚠ suite cleanup failed"]
    assert "  ScriptError: Error: sold out (line 1)\n" in rest


def test_get_accepts_the_beginning_of_an_id(history: History):
    assert "Suite:      Booking" in history.call("get", history.run_id()[:8].upper())


def test_get_json_is_the_report_of_the_run(history: History):
    document = json.loads(history.call("get", history.run_id(), "--format", "json"))
    (run,) = document["runs"]
    assert (run["suite"], run["status"], run["cleanup_failures"]) == ("Booking", "TIMEOUT", 2)
    assert [test["name"] for test in run["tests"]] == ["Books", "Waits", "Pays", "Looks"]


def test_get_unknown_run_or_format_is_a_usage_error(history: History):
    assert history.call("get", "7zzzzzzz", code=2).startswith("error: ")
    said = history.call("get", history.run_id(), "--format", "yaml", code=2)
    assert said == 'error: there is no format "yaml"\nhint: use table or json\n'
