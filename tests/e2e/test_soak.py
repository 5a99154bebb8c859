"""The same green suite, again and again: nothing may be green only most of the time."""

from __future__ import annotations

import pytest

from tests.fixtures.workbench import Workbench, case, log, suite

TESTS, TIMES = 30, 20


@pytest.mark.slow
def test_green_suite_stays_green(bench: Workbench, sample_api: str):
    bench.write("shop.yaml", suite(*(make_test(number, sample_api) for number in range(TESTS))))

    ended = [bench.run("run", "shop.yaml") for _ in range(TIMES)]

    assert [(end.code, end.err) for end in ended] == [(0, "")] * TIMES
    assert all(f"✓ Passed Tests: {TESTS}\n" in end.out for end in ended)
    assert len(bench.run_ids()) == TIMES


def make_test(number: int, url: str) -> dict[str, object]:
    """Return a test that writes, reads, computes and cleans up."""
    create = {
        "name": "Create",
        "plugin": "http",
        "config": {"method": "POST", "url": f"{url}/echo", "json": {"number": number}},
        "assertions": [
            {"type": "status_code", "expected": 200},
            {"type": "json_path", "path": ".json.number", "expected": number},
        ],
        "save": [{"json_path": ".json.number", "as": "number"}],
    }
    compute = {
        "name": "Compute",
        "plugin": "script",
        "config": {"language": "javascript", "script": f"assert(saved.number === {number})"},
    }
    steps = [create, compute] if number % 3 == 0 else [create]
    return case(f"Test {number}", *steps, cleanup={"always": [log("{{ number }} is gone")]})
