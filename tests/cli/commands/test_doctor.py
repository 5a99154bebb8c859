"""`rocketship doctor`: one line for each check, and the exit code."""

from __future__ import annotations

import json

from tests.fixtures.engine_process import EngineProcess
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
