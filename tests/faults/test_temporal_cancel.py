"""Runs cancelled in each of their phases, with engine and worker as processes of their own."""

from __future__ import annotations

import pytest

from tests.fixtures.temporal import Cluster
from tests.fixtures.workbench import Workbench, case, suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(110)]

ORDER = ["open", "start", "work", "more", "tidy", "tidy-more", "close", "close-more"]
#: The phase a run is cancelled in, by the step it is in; what is done in all; how the test ends.
PHASES = {
    "open": (["open", "close", "close-more"], "CANCELLED"),
    "start": (["open", "start", "tidy", "tidy-more", "close", "close-more"], "CANCELLED"),
    "work": (["open", "start", "work", "tidy", "tidy-more", "close", "close-more"], "CANCELLED"),
    "tidy": (ORDER, "PASSED"),
    "close": (ORDER, "PASSED"),
}
CLEANUP = ("tidy", "close")


def write_shop(bench: Workbench, where: str, **keys: str) -> None:
    """Write a suite of all phases that holds in one of them; cleanup may not be repeated."""

    def step(word: str) -> dict[str, object]:
        return bench.hold(word, **keys) if word == where else bench.say(word)

    test = case(
        "A",
        step("work"),
        step("more"),
        init=[step("start")],
        cleanup={"always": [step("tidy"), step("tidy-more")]},
    )
    cleanup = {"always": [step("close"), step("close-more")]}
    bench.write("shop.yaml", suite(test, init=[step("open")], cleanup=cleanup))


@pytest.mark.parametrize(
    ("where", "replay"), [*((phase, "once") for phase in PHASES), ("work", "safe")]
)
def test_cancelled_run_is_cleaned_up_whatever_phase_it_is_in(
    where: str, replay: str, cluster: Cluster
) -> None:
    bench = cluster.bench
    write_shop(bench, where, replay=replay)
    cluster.worker()
    running = bench.start("run", "shop.yaml")
    bench.wait_for(where)

    run_id = bench.run_ids()[0]
    assert bench.run("cancel", run_id).code == 0
    if where in CLEANUP:
        # What cleans up is not interrupted; anything else is, and ends by itself.
        bench.release(where)
    ended = running.end()

    words, status = PHASES[where]
    assert bench.words() == words, ended.out + cluster.logs()
    result = bench.result(run_id)
    # The verdict of a run whose suite cleanup has begun is known, and stays.
    decided = where == "close"
    assert result["status"] == ("PASSED" if decided else "CANCELLED")
    assert [test["status"] for test in result["tests"]] == [status]
    assert ended.code == (0 if decided else 130)


def test_test_that_waits_for_a_slot_is_cancelled_before_it_begins(cluster: Cluster) -> None:
    bench = cluster.bench
    tests = [
        case(name, bench.hold(f"work-{name}"), cleanup={"always": [bench.say(f"tidy-{name}")]})
        for name in ("A", "B")
    ]
    bench.write("shop.yaml", suite(*tests, cleanup={"always": [bench.say("close")]}))
    worker = cluster.worker(ROCKETSHIP_WORKER_SLOTS="1")
    running = bench.start("run", "shop.yaml")
    running.wait_until(lambda: bool(bench.words()))
    begun = bench.words()[0].removeprefix("work-")

    running.interrupt()
    ended = running.end()

    assert ended.code == 130, ended.err + worker.log
    assert bench.words() == [f"work-{begun}", f"tidy-{begun}", "close"]
    result = bench.result(bench.run_ids()[0])
    assert result["status"] == "CANCELLED"
    assert [test["status"] for test in result["tests"]] == ["CANCELLED"] * 2
