"""Our client drives an engine of the original kind, of whatever age."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from rocketship.client.address import Address
from rocketship.client.channel import Endpoint
from rocketship.client.legacy import LegacyClient
from rocketship.client.remote import open_remote
from rocketship.errors import Infrastructure, InvalidSuite, UsageError
from rocketship.run.events import LogEmitted, Recorded, RunFinished, RunStarted, TestFinished
from rocketship.run.fold import fold
from rocketship.run.result import RunResult
from rocketship.run.spec import RunSpec, Selection
from rocketship.run.status import Status
from rocketship.store.base import MAX_PAGE, RunFilter
from tests.client.fake_original import RUN_ID, FakeOriginal, serve

SUITE = b"""\
name: shop  # comments are lost
vars: &v {who: nobody}
tests:
  - name: first
    steps: [{name: Say, plugin: log, config: {message: "{{ .vars.who }} 5"}}]
"""
SPEC = RunSpec(
    file="shop.yaml",
    source=SUITE,
    vars={"who": "Ada\u00fc", "n": 1.5},
    context={"project_id": "p", "branch": "main", "team": "core"},
)
LINES = (
    ("", "", "starting", "purple"),
    ("first", "", "test begins", ""),
    ("first", "Say", "hello", "green"),
    ("second", "", "it broke", "red"),
    ("", "", 'Test run: "shop" finished. All 9 tests passed.', ""),
)


class Talk:
    """A conversation with a fake of the original engine."""

    def __init__(self, **original: Any) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self._options = original

    def run(self, body: Callable[[LegacyClient, FakeOriginal], Awaitable[Any]]) -> Any:
        """Return what a coroutine function makes of client and engine."""

        async def main() -> Any:
            original = FakeOriginal(**self._options)
            async with (
                asyncio.timeout(20),
                serve(original) as port,
                self._connect(port) as client,
            ):
                assert isinstance(client, LegacyClient)
                client._silence_seconds = 0.02
                return await body(client, original)

        return asyncio.run(main())

    def watch(self, after_seq: int = 0) -> list[Recorded]:
        """Return the events of a run from its creation on."""

        async def body(client: LegacyClient, original: FakeOriginal) -> list[Recorded]:
            run_id = await client.create_run(SPEC, {})
            return [item async for item in client.watch(run_id, after_seq)]

        seen: list[Recorded] = self.run(body)
        return seen

    def _connect(self, port: int) -> Any:
        endpoint = Endpoint(Address("127.0.0.1", port))
        return open_remote(endpoint, note=self.notes.append, warn=self.warnings.append)


def result(events: list[Recorded]) -> RunResult:
    return fold(RUN_ID, (item.event for item in events))


@pytest.mark.parametrize(
    ("unknown", "version"),
    [
        ((), "version v0.5.0"),
        (("GetServerInfo",), "an unknown version"),
        (("GetServerInfo", "GetAuthConfig"), "an unknown version"),
    ],
)
def test_run_is_told_from_its_lines_and_judged_by_its_record(
    unknown: tuple[str, ...], version: str
) -> None:
    talk = Talk(lines=LINES, tests={"first": "PASSED", "second": "PASSED"}, unknown=unknown)

    events = talk.watch()

    assert [item.seq for item in events] == list(range(1, len(events) + 1))
    assert isinstance(events[0].event, RunStarted)
    assert [test.name for test in events[0].event.tests] == ["first", "second"]
    logs = [item.event for item in events if isinstance(item.event, LogEmitted)]
    assert [(log.unit, log.message, log.level) for log in logs] == [
        ("", "starting", "info"),
        ("t-0", "test begins", "info"),
        ("t-0", "[Say] hello", "info"),
        ("t-1", "it broke", "error"),
        ("", 'Test run: "shop" finished. All 9 tests passed.', "info"),
    ]
    assert logs[0].at == 1767323045.6
    assert result(events).green
    assert result(events).totals.passed == 2
    (warning,) = talk.warnings
    assert version in warning
    assert "of the original kind" in warning


@pytest.mark.parametrize(
    ("status", "tests"),
    [
        ("FAILED", {"first": "PASSED", "second": "FAILED"}),
        # The original's own client called this one green.
        ("FAILED", {"first": "PASSED", "second": "TIMEOUT"}),
        ("PASSED", {"first": "PASSED", "second": "PENDING"}),
    ],
)
def test_line_that_says_all_is_well_decides_nothing(status: str, tests: dict[str, str]) -> None:
    assert not result(Talk(lines=LINES, tests=tests, status=status).watch()).green


def test_status_nobody_knows_is_no_end() -> None:
    async def body(client: LegacyClient, original: FakeOriginal) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_drain(client), 0.3)

    Talk(lines=LINES, status="SOMETHING-NEW").run(body)


async def _drain(client: LegacyClient) -> None:
    async for _ in client.watch(RUN_ID):
        pass


def test_cancelled_run_ends_although_its_stream_does_not() -> None:
    talk = Talk(lines=LINES, tests={"first": "PASSED", "second": "PENDING"}, status="CANCELLED")

    events = talk.watch()

    assert isinstance(events[-1].event, RunFinished)
    assert events[-1].event.status is Status.CANCELLED
    assert [item.event.name for item in events if isinstance(item.event, TestFinished)] == ["first"]


def test_stream_that_breaks_off_continues_without_loss_or_repetition() -> None:
    whole = Talk(lines=LINES, tests={"first": "PASSED", "second": "PASSED"}).watch()
    talk = Talk(lines=LINES, tests={"first": "PASSED", "second": "PASSED"}, cuts=(2, 0, 4))

    events = talk.watch()

    assert [item.seq for item in events] == [item.seq for item in whole]
    assert [item.event for item in events[:-3]] == [item.event for item in whole[:-3]]
    assert [note.rpartition("; ")[2] for note in talk.notes[:1]] == ["trying again"]
    assert "again" in talk.notes[-1]


def test_run_is_watched_from_any_event_on() -> None:
    events = Talk(lines=LINES).watch(after_seq=3)

    assert events[0].seq == 4


def test_suite_is_sent_with_all_its_variables_and_its_context() -> None:
    async def body(client: LegacyClient, original: FakeOriginal) -> None:
        assert await client.create_run(SPEC, {}) == RUN_ID
        assert original.vars() == SPEC.vars
        context = original.created[0].context
        assert (context.project_id, context.branch) == ("p", "main")
        assert dict(context.metadata) == {"team": "core"}

    Talk().run(body)


@pytest.mark.parametrize(
    "changes",
    [
        {"selection": Selection(patterns=("a",))},
        {"concurrency": 2},
        {"timeout_seconds": 1.0},
        {"fail_fast": True},
    ],
)
def test_options_it_would_ignore_are_refused(changes: dict[str, Any]) -> None:
    async def body(client: LegacyClient, original: FakeOriginal) -> None:
        with pytest.raises(UsageError, match="of the original kind and cannot select tests"):
            await client.create_run(replace(SPEC, **changes), {})
        assert original.created == []

    Talk().run(body)


def test_what_it_cannot_do_is_a_usage_error() -> None:
    async def body(client: LegacyClient, original: FakeOriginal) -> None:
        for call in (client.get_spec, client.delete_run):
            with pytest.raises(UsageError, match="is of the original kind and cannot"):
                await call(RUN_ID)
        with pytest.raises(InvalidSuite):
            await client.create_run(replace(SPEC, source=b"- 1\n"), {})
        assert client.recovered == ()

    Talk().run(body)


def test_run_is_shown_with_its_tests_in_document_order() -> None:
    async def body(client: LegacyClient, original: FakeOriginal) -> None:
        original.ended.set()
        found = await client.get_run(RUN_ID[:12])
        assert found.record.id == RUN_ID
        assert found.record.ended_at is None
        assert [(test.unit, test.name) for test in found.result.tests] == [
            ("t-0", "one"),
            ("t-1", "two"),
        ]
        assert found.result.tests[1].status is Status.TIMEOUT
        with pytest.raises(Infrastructure, match="failed: run not found: zzz"):
            await client.get_run("zzz")

    Talk(tests={"one": "PASSED", "two": "TIMEOUT"}).run(body)


def test_list_is_newest_first_and_filtered_here() -> None:
    async def body(client: LegacyClient, original: FakeOriginal) -> None:
        page = await client.list_runs(RunFilter(suite="SHOP", branch="main", limit=1))
        assert ([run.suite for run in page.runs], page.total, page.cursor) == (["shop"], 2, "")
        assert (await client.list_runs(RunFilter(file="shop.yaml"))).runs == ()
        asked = original.listed[0]
        assert (asked.descending, asked.limit, asked.branch) == (True, MAX_PAGE, "main")

    Talk().run(body)


def test_cancel_tells_whether_it_worked() -> None:
    async def body(client: LegacyClient, original: FakeOriginal) -> None:
        assert (await client.cancel_run(RUN_ID, reason="enough")).stopped
        refused = await client.cancel_run("01zz", reason="enough")
        assert (refused.stopped, refused.message) == (False, "run not found")

    Talk().run(body)
