"""What every RunStore promises; subclass it and provide `open_store`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from rocketship.errors import Disowned, NotFound, UsageError
from rocketship.run.events import Recorded, RunFinished, RunStarted, TestFinished, TestInfo
from rocketship.run.ids import new_run_id
from rocketship.run.result import Totals
from rocketship.run.spec import RunSpec, Selection
from rocketship.run.status import Status
from rocketship.store.base import (
    ORDERS,
    KeyedEvent,
    NewRun,
    RunFilter,
    RunRecord,
    RunStore,
    UnitCheckpoint,
)

SPEC = RunSpec(
    file="suite.yaml",
    source=b"name: x\n",
    vars={"a": {"b": [1, None, "ü"]}},
    env_names=("TOKEN",),
    files={"body.bin": b"\x00\xff"},
    selection=Selection(patterns=("a*",), tags="smoke", ids=("t",)),
    concurrency=3,
    timeout_seconds=1.5,
    fail_fast=True,
    context={"branch": "Main"},
    workdir="/tmp",
)
STARTED = RunStarted(1.0, "shop", "suite.yaml", (TestInfo("a", "A", 3),))


def record(created_at: float = 1000.0, **changes: Any) -> RunRecord:
    values = {"suite": "shop", "file": "suite.yaml", "status": Status.RUNNING, "owner": "me"}
    return RunRecord(
        **{"id": new_run_id(created_at), "created_at": created_at, **values, **changes}
    )


def new_run(run: RunRecord, **changes: Any) -> NewRun:
    return NewRun(**{"record": run, "spec": SPEC, "events": (STARTED,), **changes})


def ended(run: RunRecord, status: Status = Status.PASSED, ended_at: float = 2000.0) -> RunRecord:
    totals = Totals(total=1, passed=1)
    return RunRecord(
        id=run.id,
        suite=run.suite,
        file=run.file,
        status=status,
        created_at=run.created_at,
        ended_at=ended_at,
        duration_seconds=2.5,
        message="why",
        totals=totals,
        context=run.context,
        owner=run.owner,
    )


class RunStoreContract:
    """Every test opens an empty store of its own."""

    def open_store(self, folder: Any) -> AbstractAsyncContextManager[RunStore]:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Any) -> None:
        self.folder = tmp_path

    def run(self, body: Any) -> Any:
        async def main() -> Any:
            async with self.open_store(self.folder) as store:
                return await body(store)

        coroutine: Coroutine[Any, Any, Any] = main()
        return asyncio.run(coroutine)

    def test_created_run_is_found_with_its_first_event_and_its_specification(self) -> None:
        run = record(context={"branch": "Main"})

        async def body(store: RunStore) -> None:
            assert await store.create_run(new_run(run, secrets=b"sealed")) == run.id
            assert await store.find(run.id) == [run]
            assert await store.events(run.id) == [Recorded(1, STARTED)]
            assert await store.spec(run.id) == (SPEC, b"sealed")

        self.run(body)

    def test_working_store_passes_its_check_also_after_a_refusal(self) -> None:
        run = record(owner="me")

        async def body(store: RunStore) -> None:
            await store.check()
            await store.create_run(new_run(run))
            with pytest.raises(Disowned):
                await store.append(run.id, [Recorded(2, STARTED)], owner="other")
            await store.check()

        self.run(body)

    def test_run_created_twice_with_one_key_is_one_run(self) -> None:
        first, second = record(), record()

        async def body(store: RunStore) -> None:
            await store.create_run(new_run(first, idempotency_key="k"))
            assert await store.create_run(new_run(second, idempotency_key="k")) == first.id
            assert await store.find(second.id) == []

        self.run(body)

    def test_events_come_back_in_sequence_and_in_pages(self) -> None:
        run = record()
        more = [
            Recorded(seq, TestFinished(float(seq), "t-0", 1, "A", Status.PASSED, 0.1))
            for seq in range(2, 12)
        ]

        async def body(store: RunStore) -> None:
            await store.create_run(new_run(run))
            await store.append(run.id, more[:5])
            await store.append(run.id, more[5:])
            assert await store.events(run.id, after_seq=1) == more
            assert await store.events(run.id, after_seq=3, limit=2) == more[2:4]

        self.run(body)

    def test_event_stored_twice_is_one_event(self) -> None:
        run = record()
        event = Recorded(2, TestFinished(1.0, "t-0", 1, "A", Status.PASSED, 0.1))

        async def body(store: RunStore) -> None:
            await store.create_run(new_run(run))
            await store.append(run.id, [event])
            await store.append(run.id, [event])
            assert await store.events(run.id, after_seq=1) == [event]

        self.run(body)

    def test_checkpoint_is_replaced_and_kept_with_its_attempt(self) -> None:
        run = record()

        async def body(store: RunStore) -> None:
            await store.create_run(new_run(run))
            assert await store.load_unit(run.id, "t-0") is None
            for attempt, state in ((1, b"a"), (2, b"b")):
                await store.append(run.id, [], UnitCheckpoint("t-0", attempt, state))
            assert await store.load_unit(run.id, "t-0") == UnitCheckpoint("t-0", 2, b"b")

        self.run(body)

    def test_attempts_are_those_of_the_units_that_begin_so_in_one_run(self) -> None:
        run, other = record(), record(1000.0)

        async def body(store: RunStore) -> None:
            for one in (run, other):
                await store.create_run(new_run(one))
            assert await store.attempts(run.id, "a.") == {}
            for unit, attempt in (("a.1", 1), ("a.1", 3), ("a.%", 2), ("a", 4), ("b.1", 5)):
                await store.append(run.id, [], UnitCheckpoint(unit, attempt, b""))
            await store.append(other.id, [], UnitCheckpoint("a.1", 6, b""))
            assert await store.attempts(run.id, "a.") == {"a.1": 3, "a.%": 2}

        self.run(body)

    def test_end_of_run_is_recorded_once_and_removes_secrets_and_checkpoints(self) -> None:
        run = record()
        finished = Recorded(2, RunFinished(2000.0, Status.PASSED, 2.5))

        async def body(store: RunStore) -> None:
            await store.create_run(new_run(run, secrets=b"sealed"))
            await store.append(run.id, [], UnitCheckpoint("t-0", 1, b"a"))
            await store.append(run.id, [finished], end=ended(run))
            await store.append(run.id, [], end=ended(run, Status.FAILED))
            assert await store.find(run.id) == [ended(run)]
            assert (await store.spec(run.id))[1] == b""
            assert await store.load_unit(run.id, "t-0") is None
            assert await store.unfinished() == []

        self.run(body)

    def test_find_takes_a_prefix_and_knows_nothing_of_others(self) -> None:
        runs = [record(created_at) for created_at in (1000.0, 500_000.0)]

        async def body(store: RunStore) -> None:
            for run in runs:
                await store.create_run(new_run(run))
            assert await store.find(runs[0].id[:10]) == [runs[0]]
            assert await store.find("zzzzzz") == []

        self.run(body)

    def test_list_is_newest_first_in_pages_with_the_real_total(self) -> None:
        runs = [record(1000.0 + number) for number in range(5)]

        async def body(store: RunStore) -> None:
            for run in runs:
                await store.create_run(new_run(run))
            first = await store.list_runs(RunFilter(limit=2))
            assert [run.id for run in first.runs] == [runs[4].id, runs[3].id]
            assert first.total == 5
            rest = await store.list_runs(RunFilter(limit=3, cursor=first.cursor))
            assert [run.id for run in rest.runs] == [runs[2].id, runs[1].id, runs[0].id]
            assert rest.cursor == ""
            oldest = await store.list_runs(RunFilter(limit=1, ascending=True))
            assert [run.id for run in oldest.runs] == [runs[0].id]

        self.run(body)

    @pytest.mark.parametrize("ascending", [False, True])
    @pytest.mark.parametrize("order_by", ORDERS)
    def test_list_in_any_order_has_every_run_once_however_it_is_paged(
        self, order_by: str, ascending: bool
    ) -> None:
        # Created in this order; the last two go on, and the first two cannot be told apart.
        ends = [(50.0, 7.0), (50.0, 7.0), (40.0, 9.0), (60.0, 1.0), None, None]
        runs = [record(1000.0 + number) for number in range(len(ends))]
        expected = {
            "started_at": [0, 1, 2, 3, 4, 5],
            "ended_at": [2, 0, 1, 3, 4, 5],
            "duration": [3, 0, 1, 2, 4, 5],
        }[order_by]

        async def body(store: RunStore) -> None:
            for run, end in zip(runs, ends, strict=True):
                await store.create_run(new_run(run))
                if end:
                    over = replace(ended(run, ended_at=end[0]), duration_seconds=end[1])
                    await store.append(run.id, [], end=over)
            for limit in (1, 2, 5, 6):
                found, cursor = [], ""
                while True:
                    query = RunFilter(
                        order_by=order_by, ascending=ascending, limit=limit, cursor=cursor
                    )
                    page = await store.list_runs(query)
                    found += [run.id for run in page.runs]
                    assert page.total == len(runs)
                    if not (cursor := page.cursor):
                        break
                ordered = [runs[index].id for index in expected]
                assert found == (ordered if ascending else ordered[::-1])

        self.run(body)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("pay", True),
            ("PAY", True),
            ("checkout.y", True),
            ("main", True),
            ("c0ffee", True),
            ("why", True),
            ("payments suite.yaml", False),
            ("%", False),
            ("_", False),
            ("'", False),
        ],
    )
    def test_list_searches_names_branch_commit_and_message(self, text: str, found: bool) -> None:
        async def body(store: RunStore) -> None:
            context = {"branch": "Main", "commit": "C0FFEE11"}
            run = record(suite="Payments", file="checkout.yaml", context=context)
            await store.create_run(new_run(run))
            await store.append(run.id, [], end=ended(run))
            page = await store.list_runs(RunFilter(text=text))
            assert [item.id for item in page.runs] == [run.id][: int(found)]
            by_id = await store.list_runs(RunFilter(text=run.id[:12]))
            assert by_id.total == 1

        self.run(body)

    @pytest.mark.parametrize(
        ("order_by", "cursor"),
        [("started_at", "!"), ("started_at", "-"), ("duration", "abc"), ("ended_at", "abc-x")],
    )
    def test_list_refuses_a_cursor_it_has_not_made(self, order_by: str, cursor: str) -> None:
        async def body(store: RunStore) -> None:
            with pytest.raises(UsageError, match="is not a cursor"):
                await store.list_runs(RunFilter(order_by=order_by, cursor=cursor))

        self.run(body)

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            (RunFilter(status="passed"), [1]),
            (RunFilter(status="RUNNING"), [0, 2]),
            (RunFilter(suite="SHO"), [0, 1]),
            (RunFilter(suite_name="blog"), [2]),
            (RunFilter(suite_name="blo"), []),
            (RunFilter(suite_name="Blog"), []),
            (RunFilter(branch="main"), [0]),
            (RunFilter(project="p"), [2]),
            (RunFilter(file="other.yaml"), [2]),
            (RunFilter(suite="shop", branch="main"), [0]),
            (RunFilter(branch="nothing"), []),
            (RunFilter(suite="%"), []),
        ],
    )
    def test_list_filters_are_joined(self, query: RunFilter, found: list[int]) -> None:
        runs = [
            record(1000.0, context={"branch": "Main"}),
            record(1001.0, context={"branch": "dev"}),
            record(1002.0, suite="blog", file="other.yaml", context={"project_id": "P"}),
        ]

        async def body(store: RunStore) -> None:
            for run in runs:
                await store.create_run(new_run(run))
            await store.append(runs[1].id, [], end=ended(runs[1]))
            page = await store.list_runs(query)
            assert [run.id for run in reversed(page.runs)] == [runs[index].id for index in found]
            assert page.total == len(found)

        self.run(body)

    def test_adoption_moves_only_unfinished_runs_of_one_owner(self) -> None:
        mine, lost, over = record(owner="me"), record(owner="gone"), record(owner="gone")

        async def body(store: RunStore) -> None:
            for run in (mine, lost, over):
                await store.create_run(new_run(run))
            await store.append(over.id, [], end=ended(over))
            assert await store.adopt("gone", "me") == [lost.id]
            assert await store.adopt("gone", "me") == []
            assert {run.owner for run in await store.unfinished()} == {"me"}

        self.run(body)

    def test_deleted_run_leaves_nothing(self) -> None:
        run = record()

        async def body(store: RunStore) -> None:
            await store.create_run(new_run(run))
            assert await store.delete_run(run.id)
            assert not await store.delete_run(run.id)
            assert await store.events(run.id) == []
            with pytest.raises(NotFound):
                await store.spec(run.id)

        self.run(body)

    def test_retention_removes_only_runs_that_ended_before(self) -> None:
        old, young, running = record(1.0), record(2.0), record(3.0)

        async def body(store: RunStore) -> None:
            for run in (old, young, running):
                await store.create_run(new_run(run))
            await store.append(old.id, [], end=ended(old, ended_at=10.0))
            await store.append(young.id, [], end=ended(young, ended_at=20.0))
            assert await store.delete_ended_before(15.0) == 1
            page = await store.list_runs(RunFilter())
            assert {run.id for run in page.runs} == {young.id, running.id}

        self.run(body)

    def test_run_takes_nothing_from_whom_it_does_not_belong_to(self) -> None:
        run = record(owner="frozen")
        late = Recorded(2, TestFinished(1.0, "t-0", 1, "A", Status.FAILED, 0.1))
        fresh = Recorded(2, TestFinished(2.0, "t-0", 2, "A", Status.PASSED, 0.1))

        async def body(store: RunStore) -> None:
            await store.create_run(new_run(run))
            await store.append(run.id, [], UnitCheckpoint("t-0", 1, b"a"), owner="frozen")
            await store.adopt("frozen", "thief")
            over = replace(ended(run, Status.FAILED), owner="thief")
            checkpoint = UnitCheckpoint("t-0", 1, b"late")
            with pytest.raises(Disowned):
                await store.append(run.id, [late], checkpoint, over, owner="frozen")
            await store.append(run.id, [fresh], owner="thief")
            assert await store.events(run.id, after_seq=1) == [fresh]
            assert await store.load_unit(run.id, "t-0") == UnitCheckpoint("t-0", 1, b"a")
            assert [item.id for item in await store.unfinished()] == [run.id]

        self.run(body)

    def test_added_events_are_numbered_and_kept_once(self) -> None:
        run = record(owner="")
        items = [
            KeyedEvent(
                f"t-0/1/{number}", TestFinished(1.0, f"t-{number}", 1, "A", Status.PASSED, 0)
            )
            for number in range(6)
        ]

        async def body(store: RunStore) -> None:
            await store.create_run(new_run(run))
            first = await store.add(run.id, items[:3])
            again = await store.add(run.id, [*items[1:4], items[3]])
            assert [item.seq for item in first + again] == [2, 3, 4, 5]
            assert await store.add(run.id, items[:4]) == []
            last = await store.add(run.id, items[4:5], replace(ended(run), owner=""))
            assert await store.add(run.id, items[5:]) == []
            assert await store.events(run.id, after_seq=1) == first + again + last
            assert [item.event for item in first + again + last] == [
                item.event for item in items[:5]
            ]

        self.run(body)

    def test_events_added_at_once_have_one_sequence_without_gaps(self) -> None:
        run = record(owner="")
        event = TestFinished(1.0, "t-0", 1, "A", Status.PASSED, 0.1)
        reports = [[KeyedEvent(f"{who}/{n}", event) for n in range(4)] for who in range(8)]

        async def body(store: RunStore) -> None:
            await store.create_run(new_run(run))
            added = await asyncio.gather(*(store.add(run.id, items) for items in reports))
            assert sorted(item.seq for items in added for item in items) == list(range(2, 34))
            assert [item.seq for item in await store.events(run.id)] == list(range(1, 34))

        self.run(body)

    def test_odd_texts_are_kept_as_far_as_they_can_be(self) -> None:
        run = record(suite="a\0b\ud800", file="ü\0.yaml", context={"branch": "x\0\ud800"})
        event = Recorded(2, TestFinished(1.0, "t-0", 1, "\0\ud800", Status.FAILED, 0.1, "\0"))

        async def body(store: RunStore) -> None:
            await store.create_run(new_run(run, idempotency_key="k"))
            await store.append(run.id, [event])
            assert await store.events(run.id, after_seq=1) == [event]
            assert [item.id for item in await store.find(run.id)] == [run.id]
            assert (await store.list_runs(RunFilter(suite="\0", branch="\0"))).total == 0

        self.run(body)
