"""Engines and workers as processes: routing, sizes, ends, and what is told to people."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import urllib.request
from collections import Counter
from contextlib import closing

import pytest

from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.temporal import Cluster, TemporalServer, free_port
from tests.fixtures.workbench import Workbench, case, fail, log, suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(110)]

PRINT_MUCH = "python3 -c \"print('x' * 1_500_000)\""


def test_run_is_told_as_in_one_process(cluster: Cluster):
    bench = cluster.bench
    seed = bench.say("seed", "echo number=7 >> $ROCKETSHIP_OUTPUT")
    tests = [
        case("A", log("{{ number }}"), cleanup={"always": [log("tidy")]}),
        case("B", log("b"), fail(), cleanup={"on_failure": [log("alarm")]}),
        case("C", log("c"), skip="later"),
    ]
    bench.write("shop.yaml", suite(*tests, init=[seed], cleanup={"always": [log("close")]}))
    cluster.worker()

    there = bench.run("run", "shop.yaml", "--concurrency", "1")
    here = bench.run(
        "run", "shop.yaml", "--concurrency", "1", "--auto", env={"ROCKETSHIP_ENGINE": ""}
    )

    assert there.code == here.code == 1
    assert sorted(_plain(there.out)) == sorted(_plain(here.out))


def test_labels_route_tests_and_say_when_nobody_has_them(cluster: Cluster):
    bench = cluster.bench
    tests = [
        case("A", bench.say("a")),
        case("B", bench.say("b"), runs_on="gpu"),
        case("C", bench.say("c"), runs_on=["gpu", "eu-west"]),
    ]
    bench.write("shop.yaml", suite(*tests))
    cluster.worker()
    running = bench.start("run", "shop.yaml")
    running.wait_for_output("no worker has the label gpu; what runs on it waits")
    running.wait_for_output("no worker has the labels eu-west, gpu; what runs on it waits")

    cluster.worker(ROCKETSHIP_WORKER_LABELS="gpu, eu-west")
    ended = running.end()

    assert ended.code == 0, ended.err + cluster.logs()
    assert len(bench.words()) == 3


def test_run_without_workers_says_so_and_can_be_cancelled(cluster: Cluster):
    bench = cluster.bench
    bench.write("shop.yaml", suite(case("A", bench.say("a"))))
    running = bench.start("run", "shop.yaml")
    running.wait_for_output("no worker is connected")
    metrics = f"http://127.0.0.1:{cluster.engine.http_port}/metrics"
    with urllib.request.urlopen(metrics, timeout=10) as answer:
        counted = b"\nrocketship_runs_running 1.0\n" in answer.read()

    running.interrupt()
    running.wait_for_note("Cancelling")
    cluster.worker()
    ended = running.end()

    assert counted
    assert ended.code == 130
    assert bench.words() == []
    assert bench.result(bench.run_ids()[0])["status"] == "CANCELLED"


def test_cancel_cleans_up_and_force_does_not(cluster: Cluster):
    bench = cluster.bench
    cleanup = {"always": [bench.hold("tidy"), bench.say("gone")]}
    bench.write("shop.yaml", suite(case("A", bench.hold("work"), cleanup=cleanup)))
    cluster.worker()
    running = bench.start("run", "shop.yaml")
    bench.wait_for("work")

    running.interrupt()
    bench.wait_for("tidy")
    bench.run("cancel", bench.run_ids()[0], "--force")
    ended = running.end()

    assert ended.code == 130
    assert bench.words() == ["work", "tidy"]
    assert bench.result(bench.run_ids()[0])["status"] == "CANCELLED"


def test_large_values_go_where_they_are_needed(cluster: Cluster):
    bench = cluster.bench
    much = {"language": "shell", "script": f'echo "much=$({PRINT_MUCH})" >> $ROCKETSHIP_OUTPUT'}
    make = {"name": "Make", "plugin": "script", "config": much}
    count = {
        "language": "javascript",
        "script": "assert(state.much.length === 1500000, 'lost some')",
    }
    check = {"name": "Check", "plugin": "script", "config": count}
    tests = [case("A", make, bench.hold("made", replay="safe"), check), case("B", check)]
    bench.write("shop.yaml", suite(*tests, init=[make]))
    first = cluster.worker()
    running = bench.start("run", "shop.yaml")
    bench.wait_for("made")
    cluster.worker()

    first.kill()
    bench.wait_for_again("made")
    bench.release("made", "made")
    ended = running.end()

    assert ended.code == 0, ended.out[-2000:] + cluster.logs()


@pytest.mark.timeout(180)
def test_very_many_tests_all_end(cluster: Cluster):
    bench = cluster.bench
    tests = [case(f"T{number}", log("m")) for number in range(2500)]
    tests[7]["skip"] = "later"
    bench.write("many.yaml", suite(*tests))
    cluster.worker(ROCKETSHIP_WORKER_SLOTS="50")

    running = bench.start("run", "many.yaml")
    code = running.process.wait(150)

    assert code == 0, running.out[-2000:] + cluster.logs()[-3000:]
    # On a busy machine a worker may be given up too early; then what is safe is done once more.
    result = bench.result(bench.run_ids()[0])
    assert result["status"] == "PASSED"
    assert Counter(test["status"] for test in result["tests"]) == {"PASSED": 2499, "SKIPPED": 1}


def test_temporal_keeps_nothing_that_can_be_read(bench: Workbench, tmp_path):
    server = TemporalServer(tmp_path)
    server.start()
    cluster = Cluster(bench, tmp_path / "own", server.address)
    try:
        keep = bench.say("keep", "echo token=xyzzy-saved >> $ROCKETSHIP_OUTPUT")
        bench.write("shop.yaml", suite(case("A", keep, bench.say("more"), log("{{ .env.KEY }}"))))
        bench.write("shop.env", "KEY=xyzzy-given\n")
        cluster.worker()
        assert bench.run("run", "shop.yaml", "--env-file", "shop.env").code == 0
    finally:
        cluster.close()
        server.kill()
    files = [path.read_bytes() for path in tmp_path.glob("temporal.db*")]
    assert files
    assert not any(b"xyzzy" in content for content in files)


def test_worker_answers_probes_until_it_stops(cluster: Cluster):
    port = free_port()
    worker = cluster.worker(ROCKETSHIP_WORKER_HTTP_ADDRESS=f"127.0.0.1:{port}")
    cluster.bench.write("shop.yaml", suite(case("A", log("a"))))
    assert cluster.bench.run("run", "shop.yaml").code == 0

    for path in ("healthz", "readyz"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
            assert json.load(answer)["status"] == "ok"
    worker.process.send_signal(signal.SIGTERM)
    assert worker.end() == 0


def test_engine_starts_a_server_for_development_of_its_own(bench: Workbench, tmp_path):
    port = free_port()
    settings = {"ROCKETSHIP_BACKEND": "temporal", "ROCKETSHIP_TEMPORAL_DEV_PORT": str(port)}
    engine = EngineProcess(tmp_path / "engine", settings)
    try:
        engine.start()
        assert f"temporal_started address=127.0.0.1:{port}" in engine.log
        assert engine.stop() == 0
    finally:
        engine.close()
    with closing(sqlite3.connect(tmp_path / "engine" / "data" / "temporal.db")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _plain(output: str) -> list[str]:
    """Return the lines of an output without what takes time and where it stands."""
    lines = [re.split(" in | after ", line)[0] for line in output.splitlines()]
    return [line for line in lines if not line.startswith("Duration")]
