"""`rocketship doctor`: one line for each check, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.fleet import engines
from tests.fixtures.postgres import Cluster
from tests.fixtures.workbench import Workbench


def test_machine_without_an_engine_elsewhere_is_healthy(bench: Workbench):
    ended = bench.run("doctor")

    assert (ended.code, ended.err) == (0, "")
    assert [line.split()[:2] for line in ended.out.splitlines()] == [
        ["✓", "version"],
        ["✓", "settings"],
        ["✓", "configuration"],
        ["✓", "permissions"],
        ["✓", "keyring"],
        ["✓", "data"],
        ["✓", "local"],
        ["✓", "target"],
    ]


def test_engine_is_checked_layer_by_layer(bench: Workbench, shared_engine: EngineProcess):
    ended = bench.run("doctor", "-e", f"127.0.0.1:{shared_engine.grpc_port}", "--format", "json")
    document = json.loads(ended.out)

    assert (ended.code, document["healthy"]) == (0, True)
    assert [(check["name"], check["outcome"]) for check in document["checks"]][7:] == [
        ("target", "ok"),
        ("proxy", "ok"),
        ("dns", "ok"),
        ("tcp", "ok"),
        ("tls", "ok"),
        ("grpc", "ok"),
        ("clock", "ok"),
        ("engine", "ok"),
        ("auth", "ok"),
    ]


def test_lost_database_of_an_engine_is_no_matter_of_who_calls(
    bench: Workbench, tmp_path: Path, postgres_cluster: Cluster
):
    name = postgres_cluster.new_database()
    with engines(tmp_path, postgres_cluster.url(name), 1) as fleet:
        postgres_cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")

        ended = bench.run("doctor", "-e", f"127.0.0.1:{fleet[0].grpc_port}", "--format", "json")

    checks = json.loads(ended.out)["checks"]
    assert ended.code == 1
    assert [(check["name"], check["outcome"]) for check in checks][-2:] == [
        ("auth", "ok"),
        ("store", "failed"),
    ]
    assert f"the PostgreSQL database {name}" in checks[-1]["message"]


def test_failure_exits_one_with_the_next_thing_to_try(
    bench: Workbench, shared_engine: EngineProcess
):
    ended = bench.run("doctor", "-e", f"127.0.0.1:{shared_engine.http_port}")

    assert ended.code == 1
    assert "✗ grpc" in ended.out
    assert "try: " in ended.out
    assert "a web server answers there: HTTP 200" in ended.out


def test_address_that_is_none_is_a_failure_of_its_own(bench: Workbench):
    ended = bench.run("doctor", "-e", "tcp://h")

    assert ended.code == 1
    assert ended.out.splitlines()[-2].startswith("✗ target")
