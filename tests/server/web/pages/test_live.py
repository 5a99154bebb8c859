"""The pages in a real browser: they move while runs go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from rocketship.auth import alb
from rocketship.redaction import Secret
from rocketship.settings.auth import AuthSettings, TokenSettings
from rocketship.settings.reader import Address
from rocketship.wire._generated import engine_pb2 as pb
from tests.auth.test_alb import KEY, NAME, SETTINGS, STRANGER, pem, say
from tests.fixtures.browser import chromium, findings, new_page
from tests.fixtures.engine import RunningEngine, engine_stub, running_engine
from tests.fixtures.http_server import HttpServer, answer
from tests.fixtures.issuer import running_issuer
from tests.fixtures.workbench import case, fail, log
from tests.server.rpc.test_servicer import create, lines, source

pytestmark = pytest.mark.slow
HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>"
TOKEN = "rst_self_" + "u" * 43
USER = TokenSettings(Secret(f"ann:{TOKEN}"))
PHONE = {"width": 390, "height": 800}
Body = Callable[[Browser, RunningEngine, Any], Awaitable[None]]


def browse(folder: Path, body: Body) -> None:
    async def main() -> None:
        async with (
            running_engine(folder) as engine,
            engine_stub(engine) as stub,
            chromium() as browser,
        ):
            await body(browser, engine, stub)

    asyncio.run(main())


def gate(folder: Path, name: str) -> dict[str, Any]:
    """A step that ends when a file of this name appears."""
    script = f"until [ -e '{folder / name}' ]; do sleep 0.02; done"
    return {
        "name": f"Wait for {name}",
        "plugin": "script",
        "config": {"language": "shell", "script": script},
    }


async def open_gate(folder: Path, name: str) -> None:
    await asyncio.to_thread((folder / name).touch)


def test_overview_moves_while_a_run_goes_on(tmp_path: Path) -> None:
    async def body(browser: Browser, engine: RunningEngine, stub: Any) -> None:
        async with new_page(browser) as page:
            await page.goto(engine.url)
            await expect(page.locator("#live")).to_have_text("live")
            steps = (gate(tmp_path, "one"), gate(tmp_path, "two"))
            run_id = await create(
                stub, source(case("A", steps[0]), case("B", steps[1]), name="Nightly")
            )
            row = page.locator(f".running [data-run='{run_id}']")
            await expect(row.locator("[data-field=counts]")).to_have_text("0/2")
            await expect(row.locator("[data-field=doing]")).to_contain_text("B › Wait for two")
            await open_gate(tmp_path, "one")
            await expect(row.locator("[data-field=counts]")).to_have_text("1/2")
            await open_gate(tmp_path, "two")
            await expect(page.locator(f"tr[data-run='{run_id}'] .badge")).to_have_text("passed")
            await expect(row).to_have_count(0)

    browse(tmp_path, body)


def test_run_page_moves_and_ends_complete(tmp_path: Path) -> None:
    async def body(browser: Browser, engine: RunningEngine, stub: Any) -> None:
        gated = case("A", log("before"), gate(tmp_path, "one"), fail())
        run_id = await create(stub, source(gated, case("B", log("x")), init=[log("begin")]))
        async with new_page(browser) as page:
            await page.goto(f"{engine.url}/runs/{run_id}")
            test = page.locator("#test-t-0")
            await expect(test.locator(".badge").first).to_have_text("running")
            await expect(test.locator("[data-field=doing]")).to_have_text("Wait for one")
            await expect(page.locator("#run-counts")).to_contain_text("1/2")
            await open_gate(tmp_path, "one")
            await expect(page.locator("#run-status")).to_have_text("failed")
            await expect(page.locator("#log")).to_contain_text("finished. 1/2 tests passed")
            await expect(page.get_by_role("button", name="Run again")).to_be_visible()
            await expect(test.locator(".checks, .failure").first).to_be_visible()
            opened = page.locator("#test-t-1")
            await opened.locator("summary").first.click()
            await expect(opened.locator(".step .name")).to_have_text("Log")

    browse(tmp_path, body)


def test_five_thousand_lines_follow_and_can_be_searched(tmp_path: Path) -> None:
    async def body(browser: Browser, engine: RunningEngine, stub: Any) -> None:
        steps = [
            {
                "name": f"Talk {first}",
                "plugin": "script",
                "config": {
                    "language": "shell",
                    "script": f"seq -f 'row %.0f' {first} {first + 999}",
                },
            }
            for first in range(1, 5000, 1000)
        ]
        run_id = await create(stub, source(case("A", gate(tmp_path, "go"), *steps)))
        async with new_page(browser) as page:
            await page.goto(f"{engine.url}/runs/{run_id}")
            await expect(page.locator("#live")).to_have_text("live")
            await open_gate(tmp_path, "go")
            await expect(page.locator("#log")).to_contain_text("row 5000", timeout=20_000)
            await expect(page.locator("#log .line", has_text="row ")).to_have_count(5000)
            at_end = "e => e.scrollHeight - e.scrollTop - e.clientHeight < 2"
            assert await page.locator("#log").evaluate(at_end)
            await page.locator("#log-search").fill("row 499")
            await expect(page.locator("#log-found")).to_have_text("11 lines")
            await expect(page.locator("#log .line:visible")).to_have_count(11)

    browse(tmp_path, body)


def test_page_goes_on_after_the_engine_was_restarted(tmp_path: Path) -> None:
    async def main() -> None:
        data = tmp_path / "data"
        async with chromium() as browser, new_page(browser) as page:
            async with running_engine(data, grace_seconds=0.2) as engine:
                async with engine_stub(engine) as stub:
                    run_id = await create(stub, source(case("A", gate(tmp_path, "one"))))
                await page.goto(f"{engine.url}/runs/{run_id}")
                await expect(page.locator("#live")).to_have_text("live")
                address = engine.listening.http
            await expect(page.locator("#live")).to_have_text("connection lost; trying again")
            await open_gate(tmp_path, "one")
            again = Address(address.host, address.port)
            async with running_engine(data, http=again):
                await expect(page.locator("#run-status")).not_to_have_text(
                    "running", timeout=20_000
                )

    asyncio.run(main())


def test_cancel_button_cancels(tmp_path: Path) -> None:
    async def body(browser: Browser, engine: RunningEngine, stub: Any) -> None:
        run_id = await create(stub, source(case("A", gate(tmp_path, "never"))))
        async with new_page(browser) as page:
            await page.goto(f"{engine.url}/runs/{run_id}")
            await page.get_by_role("button", name="Cancel").click()
            await expect(page.locator("#run-status")).to_have_text("cancelled")

    browse(tmp_path, body)


def test_hostile_text_does_nothing_in_a_browser(tmp_path: Path) -> None:
    async def body(browser: Browser, engine: RunningEngine, stub: Any) -> None:
        gated, failing = ({**step, "name": HOSTILE} for step in (gate(tmp_path, "one"), fail()))
        payload = source(case(HOSTILE, log(HOSTILE), gated, failing), name=HOSTILE)
        context = pb.RunContext(branch=HOSTILE, metadata={HOSTILE: HOSTILE})
        run_id = await create(stub, payload, context=context)
        async with new_page(browser) as page:
            await page.goto(engine.url)
            await expect(page.locator(".running .doing")).to_contain_text("onerror")
            await page.goto(f"{engine.url}/runs/{run_id}")
            await expect(page.locator(".test .doing")).to_contain_text("onerror")
            await open_gate(tmp_path, "one")
            await expect(page.locator("#run-status")).to_have_text("failed")
            await expect(page.locator("main img, main script")).to_have_count(0)
            await page.goto(f"{engine.url}/runs")
            await expect(page.locator("main img, main script")).to_have_count(0)

    browse(tmp_path, body)


def test_everything_works_without_javascript(tmp_path: Path) -> None:
    async def body(browser: Browser, engine: RunningEngine, stub: Any) -> None:
        run_id = await create(stub, source(case("A", fail())))
        await lines(stub, run_id)
        async with new_page(browser, java_script_enabled=False) as page:
            await page.goto(engine.url)
            await page.get_by_role("link", name="Shop").first.click()
            await expect(page.locator("#run-status")).to_have_text("failed")
            await page.get_by_role("button", name="Run what failed again").click()
            assert page.url != f"{engine.url}/runs/{run_id}"
            await page.goto(f"{engine.url}/runs")
            await page.get_by_label("Status").select_option("failed")
            await page.get_by_role("button", name="Filter").click()
            assert "status=failed" in page.url

    browse(tmp_path, body)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible_and_fit_a_phone(tmp_path: Path, scheme: str) -> None:
    async def body(browser: Browser, engine: RunningEngine, stub: Any) -> None:
        run_id = await create(stub, source(case("A", log("x"), fail()), case("B", log("y"))))
        await lines(stub, run_id)
        going_on = await create(stub, source(case("C", gate(tmp_path, "never"))))
        async with new_page(browser, color_scheme=scheme, viewport=PHONE) as page:
            for path in (
                "/", "/runs", f"/runs/{run_id}", f"/runs/{going_on}", "/suites/Shop", "/runs/no",
            ):  # fmt: skip
                await page.goto(engine.url + path)
                await page.wait_for_load_state()
                assert await findings(page) == [], path
                fits = "document.documentElement.scrollWidth <= innerWidth"
                assert await page.evaluate(fits), path

    browse(tmp_path, body)


def test_token_signs_a_tab_in_until_it_is_reloaded(tmp_path: Path) -> None:
    async def main() -> None:
        auth = AuthSettings(modes=("token",), token=USER)
        async with (
            running_engine(tmp_path, auth=auth) as engine,
            engine_stub(engine) as stub,
            chromium() as browser,
            new_page(browser) as page,
        ):
            metadata = (("authorization", f"Bearer {TOKEN}"),)
            request = pb.CreateRunRequest(yaml_payload=source(case("A", gate(tmp_path, "one"))))
            run_id = (await stub.CreateRun(request, metadata=metadata)).run_id
            await page.goto(f"{engine.url}/runs/{run_id}")
            await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
            await page.get_by_label("Token").fill("wrong")
            await page.get_by_role("button", name="Log in").click()
            await expect(page.locator("#refused")).to_have_text("the token is not valid here")
            await page.get_by_label("Token").fill(TOKEN)
            await page.get_by_role("button", name="Log in").click()
            await expect(page.locator("#who")).to_have_text("ann")
            await expect(page.locator("#live")).to_have_text("live")
            await page.get_by_role("link", name="Overview").click()
            await expect(page.locator(f".running [data-run='{run_id}']")).to_be_visible()
            await page.get_by_role("link", name="Shop").click()
            async with page.expect_download() as download:
                await page.get_by_role("link", name="json").click()
            assert (await download.value).suggested_filename == f"{run_id}.json"
            await page.get_by_role("button", name="Cancel").click()
            await expect(page.locator("#run-status")).to_have_text("cancelled")
            stored = "JSON.stringify([localStorage, sessionStorage, document.cookie])"
            assert TOKEN not in await page.evaluate(stored)
            await page.reload()
            await expect(page.get_by_role("heading", name="Log in")).to_be_visible()

    asyncio.run(main())


def test_provider_without_a_load_balancer_explains_how_to_get_in(tmp_path: Path) -> None:
    async def main() -> None:
        with running_issuer() as issuer:
            auth = AuthSettings(modes=("oidc",), oidc=issuer.settings())
            async with (
                running_engine(tmp_path, auth=auth) as engine,
                chromium() as browser,
                new_page(browser) as page,
            ):
                await page.goto(engine.url)
                await expect(page.locator("main")).to_contain_text("rocketship login")
                await expect(page.locator("input[name=token]")).to_have_count(0)
                assert await findings(page) == []

    asyncio.run(main())


def test_load_balancer_signs_people_in_and_nobody_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with (
            running_engine(
                tmp_path, auth=AuthSettings(modes=("token",), token=USER, alb=SETTINGS)
            ) as engine,
            chromium() as browser,
        ):
            signed = {"x-amzn-oidc-data": say(KEY, exp=2**32)}
            async with new_page(browser, extra_http_headers=signed) as page:
                await page.goto(engine.url)
                await expect(page.locator("#who")).to_have_text("bob@x.example")
                await expect(page.locator("#live")).to_have_text("live")
            forged = {"x-amzn-oidc-data": say(STRANGER, exp=2**32)}
            for headers in (forged, {"x-amzn-oidc-identity": "bob@x.example"}):
                async with new_page(browser, extra_http_headers=headers) as page:
                    await page.goto(engine.url)
                    await expect(page.get_by_role("heading", name="Log in")).to_be_visible()
                    await expect(page.locator("#who")).to_have_text("")

    with HttpServer({f"/{NAME}": answer(pem(KEY))}) as keys:
        monkeypatch.setattr(alb, "key_server", lambda region: keys.url("").rstrip("/"))
        asyncio.run(main())
