"""A worker with another encryption key than its engine takes nothing, and everybody hears why."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from rocketship.store.sealing import CHECK_FILE
from tests.fixtures.temporal import ENCRYPTION_KEY, PATIENCE_SECONDS, Cluster, free_port
from tests.fixtures.workbench import case, suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(110)]


def not_ready(port: int) -> dict[str, Any]:
    """Return what a worker that is not ready says of its parts."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=PATIENCE_SECONDS)
    assert refused.value.code == 503
    answer: dict[str, Any] = json.load(refused.value)
    return answer


def test_run_waits_for_a_worker_with_the_right_key_and_says_so(cluster: Cluster) -> None:
    bench, port = cluster.bench, free_port()
    bench.write("shop.yaml", suite(case("A", bench.say("done"))))
    stranger = cluster.start_worker(
        ROCKETSHIP_ENCRYPTION_KEY="another key",
        ROCKETSHIP_WORKER_HTTP_ADDRESS=f"127.0.0.1:{port}",
        ROCKETSHIP_DATA_DIR=str(bench.folder / "data of its own"),
    )
    stranger.wait_for_log("give both the same ROCKETSHIP_ENCRYPTION_KEY")
    assert not_ready(port)["dependencies"] == {"engine": "ok", "key": "failed", "temporal": "ok"}
    running = bench.start("run", "shop.yaml")
    running.wait_for_output("a worker is there, but with another encryption key")
    assert bench.words() == []

    cluster.worker()
    ended = running.end()

    assert ended.code == 0, ended.err + cluster.logs()
    assert bench.words() == ["done"]
    stranger.process.terminate()
    assert stranger.end() == 0
    assert "Traceback" not in stranger.log


def test_worker_without_an_engine_takes_nothing_until_there_is_one(cluster: Cluster) -> None:
    bench = cluster.bench
    bench.write("shop.yaml", suite(case("A", bench.say("done"))))
    cluster.engine.kill()
    worker = cluster.start_worker()
    worker.wait_for_log("engine_away")

    cluster.engine.start()
    worker.wait_ready()

    assert bench.run("run", "shop.yaml").code == 0, cluster.logs()
    assert bench.words() == ["done"]


def test_worker_takes_nothing_while_the_engine_has_another_key(cluster: Cluster) -> None:
    bench, port = cluster.bench, free_port()
    bench.write("shop.yaml", suite(case("A", bench.say("done"))))
    worker = cluster.worker(ROCKETSHIP_WORKER_HTTP_ADDRESS=f"127.0.0.1:{port}")
    give_key(cluster, "a new key")
    worker.wait_for_log("give both the same ROCKETSHIP_ENCRYPTION_KEY")
    worker.wait_for_log("waiting_for_key")
    assert not_ready(port)["dependencies"] == {"engine": "ok", "key": "failed", "temporal": "ok"}

    running = bench.start("run", "shop.yaml", "--detach")
    assert running.end().code == 0
    cancelled = bench.run("cancel", bench.run_ids()[0])
    assert "it had not begun" in cancelled.out
    give_key(cluster, ENCRYPTION_KEY)
    worker.wait_ready()

    assert bench.run("run", "shop.yaml").code == 0, cluster.logs()
    assert bench.words() == ["done"]


def give_key(cluster: Cluster, key: str) -> None:
    """Start the engine anew with another key, in a data folder that does not know the former."""
    cluster.engine.kill()
    (cluster.bench.data / CHECK_FILE).unlink()
    cluster.engine.change(ROCKETSHIP_ENCRYPTION_KEY=key)
    cluster.engine.start()
