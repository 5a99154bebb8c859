"""The pages as the server draws them, without a browser."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from rocketship.wire._generated import engine_pb2 as pb
from tests.fixtures.engine import RunningEngine, engine_stub, running_engine
from tests.fixtures.workbench import case, fail, log
from tests.server.rpc.test_servicer import create, lines, source
from tests.server.web.test_app import fetch

HOSTILE = "<script>alert('x')</script>\"'&"
WAIT = {"name": "Wait", "plugin": "delay", "config": {"duration": "10m"}}


class Visitor:
    """Somebody who looks at an engine's pages, and a client that fills them."""

    def __init__(self, engine: RunningEngine, stub: Any) -> None:
        self.stub = stub
        self._engine = engine

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[Any, str]:
        headers = {"accept": "text/html", **headers}
        response, body = await asyncio.to_thread(
            lambda: fetch(self._engine, path, method, b"", **headers)
        )
        return response, body.decode()

    async def ran(self, *tests: Any, name: str = "Shop", **fields: Any) -> str:
        run_id = await create(self.stub, source(*tests, name=name), **fields)
        await lines(self.stub, run_id)
        return run_id


def visit(folder: Path, body: Callable[[Visitor], Awaitable[None]]) -> None:
    async def main() -> None:
        async with running_engine(folder) as engine, engine_stub(engine) as stub:
            await body(Visitor(engine, stub))

    asyncio.run(main())


def run_ids(page: str) -> list[str]:
    return re.findall(r'<tr data-run="(\w+)"', page)


def test_overview_shows_what_runs_and_what_ran(tmp_path: Path) -> None:
    async def body(visitor: Visitor) -> None:
        _, empty = await visitor.get("/")
        assert "Nothing runs at the moment" in empty
        done = [await visitor.ran(case("A", log("hello"))), await visitor.ran(case("A", fail()))]
        going_on = await create(visitor.stub, source(case("B", WAIT), name="Nightly"))
        _, page = await visitor.get("/")
        assert f'<li data-run="{going_on}">' in page
        assert run_ids(page) == done[::-1]
        assert "50 %" in page
        assert "1 of the last 2 runs" in page
        assert "store: ok" in page

    visit(tmp_path, body)


def test_runs_are_filtered_and_paged_by_their_address(tmp_path: Path) -> None:
    async def body(visitor: Visitor) -> None:
        for number in range(52):
            context = pb.RunContext(branch="main" if number % 2 else "other", source="ci")
            await visitor.ran(case("A", log("x")), name=f"Suite {number}", context=context)
        failed = await visitor.ran(case("A", fail()), name="Broken")
        _, first = await visitor.get("/runs")
        assert len(run_ids(first)) == 50
        assert "53 runs" in first
        older = re.search(r'href="(/runs\?[^"]*)" rel="next"', first)
        assert older
        _, second = await visitor.get(unescape(older[1]))
        assert len(run_ids(second)) == 3
        assert not set(run_ids(first)) & set(run_ids(second))
        assert 'rel="first"' in second
        _, red = await visitor.get("/runs?status=failed")
        assert run_ids(red) == [failed]
        _, branch = await visitor.get("/runs?branch=MAIN&source=ci&suite=suite&text=51")
        assert len(run_ids(branch)) == 1
        assert '<input name="branch" value="MAIN">' in branch
        _, none = await visitor.get("/runs?text=nothing-like-it")
        assert "No run matches." in none

    visit(tmp_path, body)


def test_run_shows_failures_first_with_everything_about_them(tmp_path: Path) -> None:
    async def body(visitor: Visitor) -> None:
        run_id = await visitor.ran(case("Good", log("hello")), case("Bad", fail()))
        _, page = await visitor.get(f"/runs/{run_id}")
        assert page.index("Bad") < page.index("Good")
        assert "suite.yaml:" in page
        assert "Run what failed again" in page
        assert "1/2" in page
        assert 'Test run: "Shop" finished.' in unescape(page)
        _, test = await visitor.get(f"/runs/{run_id}/tests/t-0")
        assert "hello" in test

    visit(tmp_path, body)


def test_address_with_part_of_an_id_leads_to_the_run(tmp_path: Path) -> None:
    async def body(visitor: Visitor) -> None:
        run_id = await visitor.ran()
        response, _ = await visitor.get(f"/runs/{run_id[:20]}")
        assert (response.status, response.headers["location"]) == (302, f"/runs/{run_id}")

    visit(tmp_path, body)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/runs/01zzzzzzzz", 404),
        ("/runs/no", 400),
        ("/runs/01zzzzzzzz/tests/t-0", 404),
        ("/suites/none", 404),
        ("/runs?status=purple", 400),
        ("/runs?cursor=!", 400),
        ("/runs/01zzzzzzzz/report?format=pdf", 400),
    ],
)
def test_what_cannot_be_shown_is_explained_on_a_page(
    tmp_path: Path, path: str, status: int
) -> None:
    async def body(visitor: Visitor) -> None:
        response, page = await visitor.get(path)
        assert response.status == status
        assert "That did not work" in page
        assert "Traceback" not in page

    visit(tmp_path, body)


def test_hostile_text_is_text_on_every_page(tmp_path: Path) -> None:
    async def body(visitor: Visitor) -> None:
        name = HOSTILE
        hostile = {**fail(), "name": HOSTILE}
        context = pb.RunContext(
            branch=HOSTILE, source=HOSTILE, commit_sha=HOSTILE, metadata={HOSTILE: HOSTILE}
        )
        run_id = await visitor.ran(case(HOSTILE, log(HOSTILE), hostile), name=name, context=context)
        asked = quote(HOSTILE, safe="")
        for path in (
            "/",
            "/runs",
            f"/runs?text={asked}&branch={asked}",
            f"/runs?status={asked}",
            f"/runs/{run_id}",
            f"/runs/{run_id}/tests/t-0",
            f"/suites/{asked}",
            f"/suites/{asked}no",
        ):
            _, page = await visitor.get(path)
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert" in page, path

    visit(tmp_path, body)


def test_pages_forbid_everything_that_is_not_of_this_engine(tmp_path: Path) -> None:
    async def body(visitor: Visitor) -> None:
        response, page = await visitor.get("/")
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", page)
        for address in re.findall(r'(?:src|href)="([^"]+)"', page):
            assert address.startswith(("/", "#"))
        for address in re.findall(r'"(/static/[^"]+)"', page):
            found, _ = await visitor.get(address)
            assert found.status == 200
            assert "immutable" in found.headers["cache-control"]

    visit(tmp_path, body)


@pytest.mark.parametrize("name", ["json", "junit"])
def test_report_is_a_download(tmp_path: Path, name: str) -> None:
    async def body(visitor: Visitor) -> None:
        run_id = await visitor.ran()
        response, text = await visitor.get(f"/runs/{run_id}/report?format={name}")
        assert response.headers["content-disposition"].startswith("attachment")
        if name == "json":
            assert json.loads(text)
        else:
            assert ElementTree.fromstring(text).tag == "testsuites"

    visit(tmp_path, body)


def test_log_is_a_download_of_every_line(tmp_path: Path) -> None:
    async def body(visitor: Visitor) -> None:
        run_id = await visitor.ran(case("A", *(log(f"line {number}") for number in range(600))))
        _, text = await visitor.get(f"/runs/{run_id}/log")
        _, page = await visitor.get(f"/runs/{run_id}")
        assert [line for line in text.splitlines() if line == "line 0"]
        assert "earlier lines are in the download" in page

    visit(tmp_path, body)


def test_buttons_cancel_a_run_and_run_it_again(tmp_path: Path) -> None:
    async def body(visitor: Visitor) -> None:
        run_id = await create(visitor.stub, source(case("A", WAIT), case("B", log("x"))))
        stream = visitor.stub.StreamLogs(pb.LogStreamRequest(run_id=run_id))
        # A test that has not ended by then would be cancelled, too.
        while "Test passed" not in (await stream.read()).msg:
            pass
        stream.cancel()
        response, _ = await visitor.get(f"/runs/{run_id}/cancel", "POST")
        assert (response.status, response.headers["location"]) == (303, f"/runs/{run_id}")
        await lines(visitor.stub, run_id)
        _, page = await visitor.get(f"/runs/{run_id}")
        assert "cancelled on the web page" in page
        response, _ = await visitor.get(f"/runs/{run_id}/rerun?only=failed", "POST")
        again = response.headers["location"].removeprefix("/runs/")
        details = (await visitor.stub.GetRun(pb.GetRunRequest(run_id=again))).run
        assert [test.name for test in details.tests] == ["A"]
        _, page = await visitor.get(f"/runs/{again}")
        assert f'href="/runs/{run_id}"' in page
        await visitor.stub.CancelRun(pb.CancelRunRequest(run_id=again))

    visit(tmp_path, body)


def test_run_with_secrets_is_not_run_again_without_them(tmp_path: Path) -> None:
    async def body(visitor: Visitor) -> None:
        step = log("{{ .env.TOKEN }}")
        run_id = await visitor.ran(case("A", step), secrets={"TOKEN": "s3cret-value"})
        response, page = await visitor.get(f"/runs/{run_id}/rerun", "POST")
        assert response.status == 400
        assert "TOKEN" in page
        assert f"rocketship rerun {run_id}" in page
        assert "s3cret-value" not in page

    visit(tmp_path, body)


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}]
)
def test_pages_of_other_sites_cannot_press_buttons(tmp_path: Path, headers: dict[str, str]) -> None:
    async def body(visitor: Visitor) -> None:
        run_id = await create(visitor.stub, source(case("A", WAIT)))
        response, _ = await visitor.get(f"/runs/{run_id}/cancel", "POST", **headers)
        assert response.status == 403
        run = (await visitor.stub.GetRun(pb.GetRunRequest(run_id=run_id))).run
        assert run.status == "RUNNING"

    visit(tmp_path, body)


def test_suite_is_found_behind_many_runs_of_others_with_its_name_in_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rocketship.server.web.pages.routes.SUITE_RUNS", 2)

    async def body(visitor: Visitor) -> None:
        run_id = await visitor.ran(name="Checkout")
        for _ in range(3):
            await visitor.ran(name="Checkout smoke")
        _, page = await visitor.get("/suites/Checkout")
        assert run_ids(page) == [run_id]

    visit(tmp_path, body)


@pytest.mark.parametrize("name", ["orders/../payments", "a//b", "/", "50% off?#x", "ü\\y"])
def test_link_to_a_suite_leads_there_whatever_its_name(tmp_path: Path, name: str) -> None:
    async def body(visitor: Visitor) -> None:
        run_id = await visitor.ran(name=name)
        _, page = await visitor.get(f"/runs/{run_id}")
        found = re.search('href="(/suites/[^"/]*)"', page)
        assert found
        response, page = await visitor.get(found[1])
        assert (response.status, run_ids(page)) == (200, [run_id])

    visit(tmp_path, body)


def test_suite_shows_its_history_and_trend(tmp_path: Path) -> None:
    async def body(visitor: Visitor) -> None:
        for step in (log("x"), fail(), log("x")):
            await visitor.ran(case("A", step), name="a/b c")
        await visitor.ran(name="a/b c d")
        response, page = await visitor.get("/suites/a/b%20c")
        assert response.status == 200
        assert len(run_ids(page)) == 3
        assert "2 of 3 runs" in page
        assert page.count("<rect") == 3

    visit(tmp_path, body)
