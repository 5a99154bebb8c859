from __future__ import annotations

from rocketship.engine.hub import Hub
from rocketship.run.events import Recorded
from rocketship.server.metrics import Metrics
from tests.builders import make_mixed_events


def test_runs_tests_and_events_are_counted_by_their_status() -> None:
    hub = Hub()
    metrics = Metrics(hub)
    events = [Recorded(seq, event) for seq, event in enumerate(make_mixed_events(), 1)]

    hub.open("r")
    subscription = hub.subscribe("r")
    hub.publish("r", events)
    numbers = metrics.text().decode()

    assert f"\nrocketship_events_total {float(len(events))}\n" in numbers
    assert '\nrocketship_runs_total{status="TIMEOUT"} 1.0\n' in numbers
    assert '\nrocketship_tests_total{status="PASSED"} 2.0\n' in numbers
    assert '\nrocketship_tests_total{status="FAILED"} 1.0\n' in numbers
    assert "\nrocketship_runs_running 1.0\n" in numbers
    assert "\nrocketship_watchers 1.0\n" in numbers
    assert subscription


def test_calls_are_counted_with_their_code_and_duration() -> None:
    metrics = Metrics(Hub())

    metrics.rpc("GetRun", "OK", 0.02)
    metrics.rpc("GetRun", "NOT_FOUND", 0.02)
    numbers = metrics.text().decode()

    assert 'rocketship_rpc_seconds_count{code="OK",method="GetRun"} 1.0' in numbers
    assert 'rocketship_rpc_seconds_bucket{code="OK",le="0.025",method="GetRun"} 1.0' in numbers
    assert 'rocketship_rpc_seconds_count{code="NOT_FOUND",method="GetRun"} 1.0' in numbers
