"""Runs cancelled in each of their phases, with engine and worker as processes of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rocketship.run.events import RunFinished, TestFinished
from tests.fixtures.temporal import PATIENCE_SECONDS, Cluster, TemporalServer
from tests.fixtures.workbench import Running, Workbench, case, suite

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
    assert "unit_lost" not in worker.log
    result = bench.result(bench.run_ids()[0])
    assert result["status"] == "CANCELLED"
    assert [test["status"] for test in result["tests"]] == ["CANCELLED"] * 2


def begin_without_a_worker(cluster: Cluster, *options: str) -> Running:
    """Start a run of two tests, one of them skipped, that nobody takes up."""
    bench = cluster.bench
    cleanup = {"always": [bench.say("close")]}
    tests = [case("A", bench.say("work")), case("B", bench.say("never"), skip="not today")]
    bench.write("shop.yaml", suite(*tests, init=[bench.say("open")], cleanup=cleanup))
    running = bench.start("run", "shop.yaml", *options)
    running.wait_for_output("no worker is connected")
    return running


def check_nothing_done(cluster: Cluster, status: str) -> None:
    """Check how a run ended that nobody took up, and that nobody takes it up later."""
    bench = cluster.bench
    (run_id,) = bench.run_ids()
    result = bench.result(run_id)
    assert result["status"] == status
    assert [test["status"] for test in result["tests"]] == [status, "SKIPPED"]
    told = [type(event) for event in bench.events(run_id)]
    ends = [kind for kind in told if kind in (TestFinished, RunFinished)]
    assert ends == [TestFinished, TestFinished, RunFinished]
    cluster.worker()
    bench.write("other.yaml", suite(case("A", bench.say("other"))))
    assert bench.run("run", "other.yaml").code == 0, cluster.logs()
    assert bench.words() == ["other"]


def test_run_that_no_worker_has_begun_ends_when_it_is_cancelled(cluster: Cluster) -> None:
    running = begin_without_a_worker(cluster)

    running.interrupt()
    ended = running.end()

    assert ended.code == 130, ended.err + cluster.logs()
    check_nothing_done(cluster, "CANCELLED")


def test_run_that_no_worker_has_begun_ends_at_its_deadline(cluster: Cluster) -> None:
    ended = begin_without_a_worker(cluster, "--timeout", "3s").end()

    assert ended.code == 1, ended.err + cluster.logs()
    (run_id,) = cluster.bench.run_ids()
    message = cluster.bench.result(run_id)["message"]
    assert message.startswith("the run took longer than its timeout")
    check_nothing_done(cluster, "TIMEOUT")


def lose_the_only_worker(cluster: Cluster, *options: str) -> Running:
    """Start a run whose only worker is killed in the middle of its test."""
    bench = cluster.bench
    write_shop(bench, "work")
    worker = cluster.worker()
    running = bench.start("run", "shop.yaml", *options)
    bench.wait_for("work")
    worker.kill()
    bench.release("work")
    return running


def test_cancelled_run_that_has_begun_says_that_its_cleanup_waits_for_a_worker(
    cluster: Cluster,
) -> None:
    bench = cluster.bench
    running = lose_the_only_worker(cluster)

    cancelled = bench.run("cancel", bench.run_ids()[0])

    assert cancelled.code == 0
    assert "no worker answers" in cancelled.out
    running.wait_for_output("the run is cancelled, but no worker answers")
    cluster.worker()
    assert running.end().code == 130, cluster.logs()
    assert bench.words() == ["open", "start", "work", "tidy", "tidy-more", "close", "close-more"]
    assert bench.result(bench.run_ids()[0])["status"] == "CANCELLED"


def test_run_that_has_begun_ends_without_a_worker_when_it_is_forced(cluster: Cluster) -> None:
    bench = cluster.bench
    running = lose_the_only_worker(cluster)
    (run_id,) = bench.run_ids()

    cancelled = bench.run("cancel", run_id, "--force")
    ended = running.end()

    assert cancelled.code == 0
    assert "no worker was there to clean up" in cancelled.out
    assert ended.code == 130, ended.err + cluster.logs()
    assert bench.result(run_id)["status"] == "CANCELLED"
    assert bench.words() == ["open", "start", "work"]


def test_run_out_of_time_says_that_its_cleanup_waits_for_a_worker(cluster: Cluster) -> None:
    bench = cluster.bench
    running = lose_the_only_worker(cluster, "--timeout", "10s")

    running.wait_for_output("the run has reached its deadline, but no worker answers")
    cluster.worker()

    assert running.end().code == 1, cluster.logs()
    assert bench.words() == ["open", "start", "work", "tidy", "tidy-more", "close", "close-more"]
    assert bench.result(bench.run_ids()[0])["status"] == "TIMEOUT"


def test_run_that_temporal_has_not_heard_of_ends_when_it_is_cancelled(
    bench: Workbench, tmp_path: Path
) -> None:
    server = TemporalServer(tmp_path)
    server.start()
    cluster = Cluster(bench, tmp_path / "own", server.address)
    try:
        bench.write("shop.yaml", suite(case("A", bench.say("work"))))
        server.kill()
        running = bench.start("run", "shop.yaml")
        running.wait_for_output("the run begins as soon as it can")
        (run_id,) = bench.run_ids()
        server.start()
        # Before the engine has looked for what it could not start.
        with_patience(lambda: bench.run("cancel", run_id).code == 0)

        assert running.end().code == 130, cluster.logs()
        assert bench.result(run_id)["status"] == "CANCELLED"
        cluster.worker()
        bench.write("other.yaml", suite(case("A", bench.say("other"))))
        assert bench.run("run", "other.yaml").code == 0, cluster.logs()
        assert bench.words() == ["other"]
    finally:
        cluster.close()
        server.kill()


def with_patience(done: Callable[[], bool]) -> None:
    """Do something again until it is done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline
