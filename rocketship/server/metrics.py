"""Numbers for Prometheus: what runs did, and how requests fare."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from rocketship._version import __version__
from rocketship.engine.hub import Hub
from rocketship.run.events import Recorded, RunFinished, TestFinished

_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)


class Metrics:
    """The numbers of one engine; runs are counted from their events, as everything else is.

    Args:
        hub: Where the events of this engine pass by.
        running: Tells how many runs go on, those of workers included.
    """

    def __init__(self, hub: Hub, running: Callable[[], int] | None = None) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        build = Gauge("rocketship_build_info", "The version.", ["version"], registry=registry)
        build.labels(__version__).set(1)
        what = "Runs that go on: of this engine, and of all workers, which every engine counts."
        gauge = Gauge("rocketship_runs_running", what, registry=registry)
        gauge.set_function(running or (lambda: len(hub.run_ids)))
        watchers = Gauge("rocketship_watchers", "Streams that follow runs.", registry=registry)
        watchers.set_function(lambda: hub.watchers)
        self._events = Counter("rocketship_events", "Events recorded.", registry=registry)
        self._runs = Counter("rocketship_runs", "Runs that ended.", ["status"], registry=registry)
        self._tests = Counter(
            "rocketship_tests", "Tests that ended.", ["status"], registry=registry
        )
        self._rpcs = Histogram(
            "rocketship_rpc_seconds",
            "Remote calls, streams from their first to their last message.",
            ["method", "code"],
            buckets=_BUCKETS,
            registry=registry,
        )
        hub.tap(self._count)

    def rpc(self, method: str, code: str, seconds: float) -> None:
        """Count a remote call that has ended."""
        self._rpcs.labels(method, code).observe(seconds)

    def text(self) -> bytes:
        """Return all numbers in the format Prometheus reads."""
        return generate_latest(self._registry)

    def _count(self, run_id: str, events: Sequence[Recorded]) -> None:
        self._events.inc(len(events))
        for item in events:
            event = item.event
            if isinstance(event, TestFinished) and event.unit.startswith("t-"):
                self._tests.labels(event.status.value).inc()
            elif isinstance(event, RunFinished):
                self._runs.labels(event.status.value).inc()
