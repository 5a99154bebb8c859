"""Workers, engines and Temporal itself killed, stopped, frozen and cut off while runs go on.

Every step that says a word does so once at the system under test, which is what is counted.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from rocketship.client.worker.spool import MEMORY_BYTES
from rocketship.run.events import LogEmitted, RunFinished, StepFinished, TestFinished
from tests.fixtures.proxy import Proxy
from tests.fixtures.temporal import HEARTBEAT_SECONDS, PATIENCE_SECONDS, Cluster, TemporalServer
from tests.fixtures.workbench import Workbench, case, log, suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(110)]

#: The server notices a lost worker after the timeout of heartbeats, and hands its unit on.
#: The promise is 2 seconds; the rest is for a machine that is busy with other tests.
RESUME_SECONDS = HEARTBEAT_SECONDS + 2 + 3
BACK_SECONDS = 10
#: A script that keeps a worker waiting for as long as it takes to pass for a lost one, twice.
SLOW_SCRIPT = f"sleep {2 * HEARTBEAT_SECONDS}"
#: Steps that do nothing, but take longer together than a worker may be silent.
MANY_STEPS = 25_000


def delay(seconds: float) -> dict[str, object]:
    return {"name": "Wait", "plugin": "delay", "config": {"duration": f"{int(seconds * 1000)}ms"}}


def check_record(cluster: Cluster, run_id: str) -> None:
    """Check that everything is told once, and its end last."""
    events = cluster.bench.events(run_id)
    assert isinstance(events[-1], RunFinished)
    assert sum(isinstance(event, RunFinished) for event in events) == 1
    units = Counter(event.unit for event in events if isinstance(event, TestFinished))
    assert set(units.values()) == {1}, units


def test_worker_that_is_killed_is_followed_by_another_in_the_same_step(cluster: Cluster):
    bench = cluster.bench
    tidy = {"always": [bench.say("tidy")]}
    test = case("A", bench.say("once"), bench.hold("again", replay="safe"), cleanup=tidy)
    bench.write("shop.yaml", suite(test))
    first = cluster.worker()
    running = bench.start("run", "shop.yaml")
    bench.wait_for("again")
    second = cluster.worker()

    before = time.monotonic()
    first.kill()
    bench.wait_for_again("again")
    took = time.monotonic() - before
    # The step that was lost and the one that follows it hold at the same gate.
    bench.release("again", "again")
    ended = running.end()

    assert ended.code == 0, ended.err + second.log
    assert bench.words() == ["once", "again", "tidy"]
    assert took < RESUME_SECONDS, took
    check_record(cluster, bench.run_ids()[0])


def test_step_that_must_not_be_repeated_is_not_after_a_kill(cluster: Cluster):
    bench = cluster.bench
    tidy = {"always": [bench.say("tidy-{{ number }}")]}
    save = bench.say("save", "echo number=7 >> $ROCKETSHIP_OUTPUT")
    bench.write("shop.yaml", suite(case("A", save, bench.hold("once"), cleanup=tidy)))
    first = cluster.worker()
    running = bench.start("run", "shop.yaml")
    bench.wait_for("once")
    cluster.worker()

    first.kill()
    bench.release("once")
    ended = running.end()

    assert ended.code == 1
    assert "the process that ran this step was lost" in ended.out
    assert bench.words() == ["save", "once", "tidy-7"]
    check_record(cluster, bench.run_ids()[0])


def test_worker_killed_in_cleanup_is_followed_by_another(cluster: Cluster):
    bench = cluster.bench
    cleanup = {"always": [bench.say("first"), bench.hold("second"), bench.say("third")]}
    bench.write("shop.yaml", suite(case("A", bench.say("work"), cleanup=cleanup)))
    first = cluster.worker()
    running = bench.start("run", "shop.yaml")
    bench.wait_for("second")
    cluster.worker()

    first.kill()
    bench.wait_for_again("second")
    bench.release("second", "second")

    assert running.end().code == 0
    assert bench.words() == ["work", "first", "second", "third"]


def test_worker_told_to_stop_finishes_its_steps_and_others_go_on(cluster: Cluster):
    bench = cluster.bench
    names = [f"t{number}" for number in range(6)]
    tests = [
        case(name, bench.say(f"{name}-a"), bench.hold(f"{name}-b"), bench.say(f"{name}-c"))
        for name in names
    ]
    bench.write("shop.yaml", suite(*tests))
    first = cluster.worker()
    running = bench.start("run", "shop.yaml")
    bench.wait_for(*(f"{name}-b" for name in names))
    cluster.worker()

    first.process.send_signal(signal.SIGTERM)
    first.wait_for_log("draining")
    bench.release(*(f"{name}-b" for name in names))
    code = first.end()
    ended = running.end()

    assert code == 0
    assert ended.code == 0, ended.out
    words = Counter(bench.words())
    assert set(words.values()) == {1}
    assert len(words) == 3 * len(names)


def test_engine_that_is_killed_finds_everything_when_it_is_back(cluster: Cluster):
    bench = cluster.bench
    tidy = {"always": [bench.say("tidy")]}
    steps = (bench.hold("work"), log("after"), bench.say("more"))
    bench.write("shop.yaml", suite(case("A", *steps, cleanup=tidy)))
    cluster.worker()
    running = bench.start("run", "shop.yaml")
    bench.wait_for("work")

    cluster.engine.kill()
    bench.release("work")
    before = time.monotonic()
    cluster.engine.start()
    ended = running.end()

    assert ended.code == 0, ended.err + cluster.logs()
    assert time.monotonic() - before < BACK_SECONDS
    assert bench.words() == ["work", "more", "tidy"]
    check_record(cluster, bench.run_ids()[0])


def test_temporal_that_is_killed_forgets_nothing(bench: Workbench, tmp_path: Path):
    server = TemporalServer(tmp_path)
    server.start()
    cluster = Cluster(bench, tmp_path / "own", server.address)
    try:
        tidy = {"always": [bench.say("tidy")]}
        steps = (bench.hold("work"), bench.say("more"))
        bench.write("shop.yaml", suite(case("A", *steps, cleanup=tidy), case("B", bench.say("b"))))
        cluster.worker(ROCKETSHIP_WORKER_SLOTS="1")
        running = bench.start("run", "shop.yaml", "--concurrency", "1")
        bench.wait_for("work")

        server.kill()
        bench.release("work")
        server.start()
        before = time.monotonic()
        ended = running.end()

        assert ended.code == 0, ended.err + cluster.logs()
        assert time.monotonic() - before < BACK_SECONDS
        assert bench.words() == ["work", "more", "tidy", "b"]
        check_record(cluster, bench.run_ids()[0])
    finally:
        cluster.close()
        server.kill()


def test_worker_that_was_frozen_changes_nothing_when_it_comes_back(cluster: Cluster):
    bench = cluster.bench
    steps = (bench.hold("work", replay="safe"), bench.say("more"), bench.hold("last"))
    bench.write("shop.yaml", suite(case("A", *steps)))
    frozen = cluster.worker()
    running = bench.start("run", "shop.yaml")
    bench.wait_for("work")
    cluster.worker()

    os.kill(frozen.process.pid, signal.SIGSTOP)
    bench.wait_for_again("work")
    bench.release("work", "work")
    bench.wait_for("last")
    os.kill(frozen.process.pid, signal.SIGCONT)
    frozen.wait_for_log("unit_lost_here")
    bench.release("last")
    ended = running.end()

    assert ended.code == 0, ended.out
    assert bench.words() == ["work", "more", "last"]
    run_id = bench.run_ids()[0]
    check_record(cluster, run_id)
    steps_told = Counter(
        (event.path, event.attempt)
        for event in bench.events(run_id)
        if isinstance(event, StepFinished)
    )
    assert {attempt for _, attempt in steps_told} == {2}
    assert set(steps_told.values()) == {1}


def test_worker_cut_off_from_its_engine_reports_everything_later(cluster: Cluster):
    bench = cluster.bench
    proxy = Proxy(cluster.engine.grpc_port)
    try:
        bench.write(
            "shop.yaml", suite(case("A", bench.hold("work"), *[log(f"n{n}") for n in range(50)]))
        )
        cluster.worker(ROCKETSHIP_ENGINE=f"127.0.0.1:{proxy.port}")
        running = bench.start("run", "shop.yaml")
        bench.wait_for("work")

        proxy.cut()
        bench.release("work")
        cluster.workers[0].wait_for_log("engine_away")
        proxy.mend()
        ended = running.end()

        assert ended.code == 0, ended.err + cluster.logs()
        assert [line for line in ended.out.splitlines() if line.endswith("n49")] != []
        check_record(cluster, bench.run_ids()[0])
    finally:
        proxy.close()


def test_worker_cut_off_for_long_keeps_more_than_its_memory_takes(cluster: Cluster):
    bench = cluster.bench
    proxy = Proxy(cluster.engine.grpc_port)
    lines, line = 5 * MEMORY_BYTES // 4 // 100_000, "x" * 100_000
    floods = [
        step
        for number in range(lines)
        for step in (delay(0.01), log(f"n{number} {{{{ .vars.line }}}}"))
    ]
    try:
        test = case("A", bench.hold("work"), *floods, bench.say("done"))
        bench.write("shop.yaml", suite(test, vars={"line": line}))
        worker = cluster.worker(ROCKETSHIP_ENGINE=f"127.0.0.1:{proxy.port}")
        running = bench.start("run", "shop.yaml")
        bench.wait_for("work")

        proxy.cut()
        bench.release("work")
        worker.wait_for_log("engine_away")
        proxy.mend()
        ended = running.end()

        assert ended.code == 0, ended.err + worker.log
        assert "log_lines_left_out" not in worker.log
        assert bench.words() == ["work", "done"]
        run_id = bench.run_ids()[0]
        check_record(cluster, run_id)
        told = [event.message for event in bench.events(run_id) if isinstance(event, LogEmitted)]
        numbers = [text.split()[0] for text in told if text.endswith(line)]
        assert numbers == [f"n{number}" for number in range(lines)]
    finally:
        proxy.close()


def test_suite_init_of_several_heartbeat_timeouts_is_begun_once(cluster: Cluster):
    bench = cluster.bench
    init = [bench.say("begin"), delay(3 * HEARTBEAT_SECONDS), bench.say("slow", SLOW_SCRIPT)]
    bench.write("shop.yaml", suite(case("A", bench.say("work")), init=init))
    cluster.worker()
    cluster.worker()

    ended = bench.run("run", "shop.yaml")

    assert ended.code == 0, ended.err + cluster.logs()
    assert bench.words() == ["begin", "slow", "work"]
    assert "unit_lost" not in cluster.logs()


def test_workers_that_stop_in_order_use_up_no_attempts_for_lost_ones(cluster: Cluster):
    bench = cluster.bench
    words = ("a", "b", "c")
    steps = [bench.hold(word) for word in words]
    tidy = {"always": [bench.say("tidy")]}
    last = bench.hold("last", replay="safe")
    bench.write("shop.yaml", suite(case("A", *steps, last, cleanup=tidy)))
    worker = cluster.worker()
    running = bench.start("run", "shop.yaml")
    for word in words:
        bench.wait_for(word)
        leaving, worker = worker, cluster.worker()
        leaving.process.send_signal(signal.SIGTERM)
        leaving.wait_for_log("draining")
        bench.release(word)
        assert leaving.end() == 0
    bench.wait_for("last")
    cluster.worker()

    worker.kill()
    bench.wait_for_again("last")
    bench.release("last", "last")
    ended = running.end()

    assert ended.code == 0, ended.out + cluster.logs()
    assert bench.words() == [*words, "last", "tidy"]
    check_record(cluster, bench.run_ids()[0])


def test_unit_of_very_many_fast_steps_is_not_taken_for_lost(cluster: Cluster):
    bench = cluster.bench
    steps = [{"name": "L", "plugin": "log", "config": {"message": "m"}}] * MANY_STEPS
    bench.write("shop.yaml", json.dumps(suite(case("A", *steps))))
    worker = cluster.worker()

    running = bench.start("run", "shop.yaml", "--output", "json")
    running.process.wait(3 * PATIENCE_SECONDS)
    ended = running.end()

    assert ended.code == 0, ended.err[-1000:] + worker.log[-1000:]
    assert "lost" not in worker.log
    ends = [e.attempt for e in bench.events(bench.run_ids()[0]) if isinstance(e, StepFinished)]
    assert ends == [1] * MANY_STEPS
