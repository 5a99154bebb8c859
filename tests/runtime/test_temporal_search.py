"""Runs are found in Temporal's own index by what they are and where they come from."""

from __future__ import annotations

import asyncio
import time

import pytest
from temporalio.client import Client

from tests.fixtures.temporal import PATIENCE_SECONDS, Cluster, TemporalServer
from tests.fixtures.workbench import case, fail, log, suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(110)]


def found(server: TemporalServer, query: str) -> set[str]:
    """Return the ids of the workflows that Temporal finds."""

    async def ask() -> set[str]:
        client = await Client.connect(server.address)
        return {item.id async for item in client.list_workflows(query)}

    return asyncio.run(ask())


def until_found(server: TemporalServer, query: str, expected: set[str]) -> None:
    """Return once a query finds these; the index is a little later than what it is about."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (ids := found(server, query)) != expected:
        assert time.monotonic() < deadline, f"{query} finds {ids}"
        time.sleep(0.1)


def test_runs_are_found_by_suite_status_branch_and_trigger(
    cluster: Cluster, temporal_server: TemporalServer
) -> None:
    bench = cluster.bench
    name = f"Shop {cluster.engine.grpc_port}"
    bench.write("good.yaml", suite(case("A", log("a")), name=name))
    bench.write("bad.yaml", suite(case("A", fail()), name=name))
    bench.write("slow.yaml", suite(case("A", bench.hold("slow")), name=name))
    cluster.worker()

    assert bench.run("run", "good.yaml", "--branch", "main", "--trigger", "schedule").code == 0
    assert bench.run("run", "bad.yaml", "--branch", "fix/it", "--trigger", "manual").code == 1
    going_on = bench.start("run", "slow.yaml", "--branch", "main", "--trigger", "manual")
    bench.wait_for("slow")
    good, bad, slow = (f"rk-run-{run_id}" for run_id in bench.run_ids())

    mine = f'rkSuite = "{name}"'
    until_found(temporal_server, mine, {good, bad, slow})
    until_found(temporal_server, f'{mine} AND rkStatus = "PASSED"', {good})
    until_found(temporal_server, f'{mine} AND rkStatus = "FAILED"', {bad})
    until_found(temporal_server, f'{mine} AND rkStatus = "RUNNING"', {slow})
    until_found(temporal_server, f'{mine} AND rkBranch = "main"', {good, slow})
    until_found(temporal_server, f'{mine} AND rkTrigger = "manual"', {bad, slow})

    bench.release("slow")
    assert going_on.end().code == 0
    until_found(temporal_server, f'{mine} AND rkStatus = "PASSED"', {good, slow})
