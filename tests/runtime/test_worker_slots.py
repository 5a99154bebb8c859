"""Workers with labels ask many task queues, but have no more slots for that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.temporal import Cluster
from tests.fixtures.workbench import case, suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(110)]

LABELS = "fast,near"
#: What tests ask for: each selection of the labels has a queue of its own.
SELECTIONS: tuple[list[str], ...] = ([], ["fast"], ["near"], ["fast", "near"])


def named(word: str, labels: list[str]) -> str:
    return "-".join([word, *labels])


def of_all_queues(cluster: Cluster, word: str) -> list[dict[str, Any]]:
    """Return a test for each selection of the labels, which says so."""
    return [
        case(named(word, labels), cluster.bench.say(named(word, labels)), runs_on=labels)
        for labels in SELECTIONS
    ]


def test_full_worker_with_labels_leaves_tests_to_the_one_that_is_idle(cluster: Cluster) -> None:
    bench = cluster.bench
    held = [case(f"H{n}", bench.hold(f"held-{n}"), runs_on=["fast"]) for n in range(2)]
    bench.write("held.yaml", suite(*held))
    words = ("one", "two", "three")
    tests = [test for word in words for test in of_all_queues(cluster, word)]
    bench.write("shop.yaml", suite(*tests))
    full = cluster.worker(ROCKETSHIP_WORKER_LABELS=LABELS, ROCKETSHIP_WORKER_SLOTS="2")
    holding = bench.start("run", "held.yaml")
    bench.wait_for("held-0", "held-1")
    cluster.worker(ROCKETSHIP_WORKER_LABELS=LABELS, ROCKETSHIP_WORKER_SLOTS="4")

    ended = bench.run("run", "shop.yaml")

    # The full worker is full all the time.
    assert ended.code == 0, ended.err + cluster.logs()
    bench.release("held-0", "held-1")
    assert holding.end().code == 0, full.log
    expected = [named(word, labels) for word in words for labels in SELECTIONS]
    assert sorted(bench.words()) == sorted([*expected, "held-0", "held-1"])


def test_worker_with_fewer_slots_than_queues_serves_them_all(cluster: Cluster) -> None:
    bench = cluster.bench
    tests = [test for n in range(3) for test in of_all_queues(cluster, f"t{n}")]
    bench.write("shop.yaml", suite(*tests))
    worker = cluster.worker(ROCKETSHIP_WORKER_LABELS=LABELS, ROCKETSHIP_WORKER_SLOTS="1")

    ended = bench.run("run", "shop.yaml")

    assert ended.code == 0, ended.err + worker.log
    assert sorted(bench.words()) == sorted(test["name"] for test in tests)
    worker.process.terminate()
    assert worker.end() == 0
    assert "Traceback" not in worker.log
    assert "Task was destroyed" not in worker.log
