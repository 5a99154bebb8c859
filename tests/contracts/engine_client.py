"""What every EngineClient promises, in this process or over the wire.

Subclass the contract and provide `open_client`. Clients may share an engine with other tests, so
every test names its suites and projects by itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from rocketship.client.base import EngineClient
from rocketship.errors import Conflict, InvalidSuite, NotFound, UsageError
from rocketship.run.events import LogEmitted, Recorded, RunFinished, RunStarted
from rocketship.run.fold import fold
from rocketship.run.ids import new_run_id
from rocketship.run.spec import RunSpec, Selection
from rocketship.run.status import Status
from rocketship.store.base import RunFilter


def log(message: str) -> dict[str, Any]:
    return {"name": "Say", "plugin": "log", "config": {"message": message}}


def shell(script: str) -> dict[str, Any]:
    config = {"language": "shell", "script": script}
    return {"name": "Do", "plugin": "script", "config": config}


def wait() -> dict[str, Any]:
    return {"name": "Wait", "plugin": "delay", "config": {"duration": "10m"}}


def spec(*steps: dict[str, Any], name: str = "", **changes: Any) -> RunSpec:
    """Return a run of one suite with one test of the steps."""
    tests = changes.pop("tests", [{"name": "first", "steps": list(steps)}])
    suite = {"name": name or f"suite {new_run_id()}", "tests": tests, **changes.pop("keys", {})}
    return RunSpec(**{"file": "suite.yaml", "source": json.dumps(suite).encode(), **changes})


async def follow(client: EngineClient, run_id: str, after_seq: int = 0) -> list[Recorded]:
    return [item async for item in client.watch(run_id, after_seq)]


async def until(client: EngineClient, run_id: str, message: str) -> None:
    """Return once a run has said something."""
    async for item in client.watch(run_id):
        if isinstance(item.event, LogEmitted) and item.event.message == message:
            return
    raise AssertionError(f"never said: {message}")


def said(events: list[Recorded]) -> list[str]:
    return [item.event.message for item in events if isinstance(item.event, LogEmitted)]


#: What can be done with one run.
CALLS: dict[str, Callable[[EngineClient, str], Awaitable[Any]]] = {
    "cancel": lambda client, run_id: client.cancel_run(run_id, reason="why not"),
    "delete": lambda client, run_id: client.delete_run(run_id),
    "get": lambda client, run_id: client.get_run(run_id),
    "spec": lambda client, run_id: client.get_spec(run_id),
    "watch": follow,
}


class EngineClientContract:
    """Every test opens a client of its own."""

    def open_client(self, folder: Path) -> AbstractAsyncContextManager[EngineClient]:
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def run(self, body: Callable[[EngineClient], Awaitable[None]]) -> None:
        async def main() -> None:
            async with asyncio.timeout(30), self.open_client(self.folder) as client:
                await body(client)

        asyncio.run(main())

    def test_run_is_followed_from_its_start_to_its_end_without_gaps(self) -> None:
        async def body(client: EngineClient) -> None:
            run_id = await client.create_run(spec(log("hello"), name="greets"), {})
            events = await follow(client, run_id)

            assert [item.seq for item in events] == list(range(1, len(events) + 1))
            assert isinstance(events[0].event, RunStarted)
            assert isinstance(events[-1].event, RunFinished)
            assert said(events) == ["hello"]
            result = fold(run_id, (item.event for item in events))
            assert result.green
            assert result.suite == "greets"

        self.run(body)

    def test_run_is_followed_from_any_event_on_and_by_anybody(self) -> None:
        async def body(client: EngineClient) -> None:
            run_id = await client.create_run(spec(log("a"), log("b")), {})
            everything, again = await asyncio.gather(follow(client, run_id), follow(client, run_id))
            assert again == everything
            for seen in (1, 3, len(everything) - 1):
                assert await follow(client, run_id, seen) == everything[seen:]

        self.run(body)

    def test_variables_secrets_and_files_reach_the_run(self) -> None:
        async def body(client: EngineClient) -> None:
            keys = {"vars": {"who": "nobody"}}
            script = {
                "name": "Do",
                "plugin": "script",
                "config": {"language": "shell", "file": "do.sh"},
            }
            given = spec(
                log("{{ .vars.who }} {{ .env.WORD }}"),
                script,
                keys=keys,
                vars={"who": "Ada"},
                env_names=("WORD",),
                files={"do.sh": b"echo ran\n"},
            )
            run_id = await client.create_run(given, {"WORD": "xyzzy-secret"})
            events = await follow(client, run_id)

            words = said(events)
            assert words[0].startswith("Ada ")
            assert "xyzzy-secret" not in words[0]
            assert "ran" in words
            assert fold(run_id, (item.event for item in events)).green

        self.run(body)

    def test_half_of_a_surrogate_pair_is_saved_told_and_read_again(self) -> None:
        async def body(client: EngineClient) -> None:
            # Half an emoji is what a script gets that cuts a text, and a server that does.
            script = "save('short', 'party \\u{1f389}'.slice(0, 7)); throw new Error('odd \\ud800')"
            config = {"language": "javascript", "script": script}
            cut = {"name": "Cut", "plugin": "script", "config": config}
            made = spec(cut, vars={"mood": "a\ud800"}, context={"team": "b\udfff"})
            run_id = await client.create_run(made, {})
            events = await follow(client, run_id)

            assert isinstance(events[-1].event, RunFinished)
            found = await client.get_run(run_id)
            assert found.record.status is Status.FAILED
            assert found.result == fold(run_id, (item.event for item in events))
            assert found.result.tests[0].steps[0].saved == {"short": "party \ud83c"}
            assert (await client.get_spec(run_id)).vars == {"mood": "a\ud800"}
            page = await client.list_runs(RunFilter(suite=found.record.suite))
            assert [record.id for record in page.runs] == [run_id]

        self.run(body)

    def test_selection_and_options_reach_the_run(self) -> None:
        async def body(client: EngineClient) -> None:
            tests = [{"name": name, "steps": [log(name)]} for name in ("one", "two")]
            chosen = spec(tests=tests, selection=Selection(patterns=("two",)), concurrency=1)
            run_id = await client.create_run(chosen, {})
            assert said(await follow(client, run_id)) == ["two"]

            slow = spec(wait(), timeout_seconds=0.05)
            run_id = await client.create_run(slow, {})
            events = await follow(client, run_id)
            assert fold(run_id, (item.event for item in events)).status is Status.TIMEOUT

        self.run(body)

    def test_key_seen_before_returns_the_earlier_run(self) -> None:
        async def body(client: EngineClient) -> None:
            key, given = new_run_id(), spec(log("once"))
            first = await client.create_run(given, {}, idempotency_key=key)
            assert await client.create_run(given, {}, idempotency_key=key) == first
            assert await client.create_run(given, {}) != first

        self.run(body)

    def test_invalid_suite_is_refused_with_every_problem(self) -> None:
        async def body(client: EngineClient) -> None:
            steps = [{"plugin": "nosuch"}, {"name": "b"}]
            suite = {"name": "x", "tests": [{"name": "a", "steps": steps}]}
            source = json.dumps(suite, indent=1).encode()
            with pytest.raises(InvalidSuite) as caught:
                await client.create_run(RunSpec(file="bad.yaml", source=source), {})
            for line, word in ((8, "nosuch"), (10, "plugin")):
                assert any(
                    problem.startswith(f"bad.yaml:{line}:") and word in problem
                    for problem in caught.value.report.splitlines()
                )

        self.run(body)

    def test_selection_of_nothing_is_a_usage_error(self) -> None:
        async def body(client: EngineClient) -> None:
            with pytest.raises(UsageError, match="no test of"):
                await client.create_run(spec(log("a"), selection=Selection(patterns=("zzz",))), {})

        self.run(body)

    def test_run_is_found_by_the_beginning_of_its_id_with_everything_in_it(self) -> None:
        async def body(client: EngineClient) -> None:
            context = {"branch": "main", "project_id": "shop", "team": "core"}
            run_id = await client.create_run(spec(log("a"), name="named", context=context), {})
            events = await follow(client, run_id)

            found = await client.get_run(run_id[:24])
            assert found.record.id == run_id
            assert found.record.context == context
            assert found.result == fold(run_id, (item.event for item in events))
            assert found.seq == events[-1].seq
            assert found.record.totals == found.result.totals

        self.run(body)

    def test_specification_is_kept_without_secrets(self) -> None:
        async def body(client: EngineClient) -> None:
            given = spec(log("{{ .env.WORD }}"), vars={"a": [1, None]}, env_names=("WORD",))
            run_id = await client.create_run(given, {"WORD": "secret"})
            await follow(client, run_id)
            kept = await client.get_spec(run_id)
            assert (kept.source, kept.vars, kept.file) == (given.source, given.vars, given.file)
            assert kept.env_names == ("WORD",)

        self.run(body)

    @pytest.mark.parametrize("call", sorted(CALLS))
    def test_unknown_run_is_not_found(self, call: str) -> None:
        async def body(client: EngineClient) -> None:
            unknown = new_run_id(1.0)
            with pytest.raises(NotFound, match=f'there is no run "{unknown}"'):
                await CALLS[call](client, unknown)

        self.run(body)

    def test_text_that_is_no_run_id_is_a_usage_error(self) -> None:
        async def body(client: EngineClient) -> None:
            with pytest.raises(UsageError, match="is not a run id"):
                await client.get_run("ab")

        self.run(body)

    def test_list_is_filtered_ordered_and_paged(self) -> None:
        async def body(client: EngineClient) -> None:
            project = new_run_id()
            ids = []
            for number in range(3):
                context = {"project_id": project, "branch": f"b{number}"}
                ids.append(await client.create_run(spec(log("a"), context=context), {}))
                await follow(client, ids[-1])

            first = await client.list_runs(RunFilter(project=project, limit=2))
            assert [run.id for run in first.runs] == [ids[2], ids[1]]
            assert first.total == 3
            query = RunFilter(project=project, limit=2, cursor=first.cursor)
            rest = await client.list_runs(query)
            assert [run.id for run in rest.runs] == [ids[0]]
            assert rest.cursor == ""
            oldest = await client.list_runs(RunFilter(project=project, ascending=True, limit=1))
            assert [run.id for run in oldest.runs] == [ids[0]]
            branch = await client.list_runs(RunFilter(project=project, branch="B1"))
            assert [run.id for run in branch.runs] == [ids[1]]
            none = await client.list_runs(RunFilter(project=project, status="failed"))
            assert (none.runs, none.total) == ((), 0)

        self.run(body)

    def test_cancelled_run_cleans_up_and_tells_why(self) -> None:
        async def body(client: EngineClient) -> None:
            cleanup = {"always": [log("cleaned")]}
            tests = [{"name": "t", "steps": [log("begun"), wait()], "cleanup": cleanup}]
            run_id = await client.create_run(spec(tests=tests), {})
            await until(client, run_id, "begun")

            assert (await client.cancel_run(run_id, reason="enough")).stopped
            events = await follow(client, run_id)
            result = fold(run_id, (item.event for item in events))
            assert (result.status, result.message) == (Status.CANCELLED, "enough")
            assert "cleaned" in said(events)
            late = await client.cancel_run(run_id, reason="late")
            assert "ended already" in late.message

        self.run(body)

    def test_forced_cancel_skips_cleanup(self) -> None:
        async def body(client: EngineClient) -> None:
            cleanup = {"always": [log("cleaned")]}
            tests = [{"name": "t", "steps": [log("begun"), wait()], "cleanup": cleanup}]
            run_id = await client.create_run(spec(tests=tests), {})
            await until(client, run_id, "begun")
            await client.cancel_run(run_id, reason="now", force=True)
            assert "cleaned" not in said(await follow(client, run_id))

        self.run(body)

    def test_ended_run_can_be_deleted_and_a_running_one_cannot(self) -> None:
        async def body(client: EngineClient) -> None:
            run_id = await client.create_run(spec(wait()), {})
            with pytest.raises(Conflict, match="is still running"):
                await client.delete_run(run_id)
            await client.cancel_run(run_id, reason="enough")
            await follow(client, run_id)
            assert await client.delete_run(run_id) == run_id
            with pytest.raises(NotFound):
                await client.get_run(run_id)

        self.run(body)

    def test_watch_that_is_left_early_leaves_the_run_alone(self) -> None:
        async def body(client: EngineClient) -> None:
            run_id = await client.create_run(spec(log("begun"), shell("echo over")), {})
            await until(client, run_id, "begun")
            assert "over" in said(await follow(client, run_id))

        self.run(body)

    def test_nothing_was_taken_over(self) -> None:
        async def body(client: EngineClient) -> None:
            assert client.recovered == ()

        self.run(body)
