"""The report in a real browser: whatever a suite, a server or a script says stays text."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.fixtures.browser import chromium, findings, new_page
from tests.fixtures.cli import run_cli
from tests.fixtures.http_server import HttpServer, answer

PAYLOADS = (
    "<script>document.title='run'</script>",
    "</script><script>document.title='run'</script>",
    "</title></style></pre><img src=x onerror=\"document.title='run'\">",
    "\"' onmouseover=document.title='run' autofocus onfocus=document.title='run' x=\"",
    "<svg onload=document.title='run'><details open ontoggle=document.title='run'>",
    "javascript:document.title='run'",
    "<iframe srcdoc=\"<script>parent.document.title='run'</script>\"></iframe>",
    '<meta http-equiv=refresh content="0;url=http://127.0.0.1:9/">',
    "<base href=http://127.0.0.1:9/><link rel=stylesheet href=//127.0.0.1:9/x.css>",
    "]]><![CDATA[--><!--<plaintext>",
    "+ADw-script+AD4-document.title='run'+ADw-/script+AD4-",
)
HOSTILE = "\n".join(PAYLOADS)


def write_suite(folder: Path, url: str) -> None:
    script = f"console.log({json.dumps(HOSTILE)}); throw new Error({json.dumps(HOSTILE)})"
    request = {"method": "POST", "url": url, "headers": {"X-Note": PAYLOADS[0]}, "body": HOSTILE}
    checks = [
        {"type": "body", "expected": HOSTILE + "!"},
        {"type": "json_path", "path": ".x", "expected": {PAYLOADS[0]: PAYLOADS[1]}},
        {"type": "header", "name": "X-Answer", "expected": PAYLOADS[2]},
    ]
    tests = [
        {
            "name": payload,
            "description": payload,
            "tags": [payload],
            "steps": [
                {"name": payload, "plugin": "log", "config": {"message": payload}},
                {"name": HOSTILE, "plugin": "http", "config": request, "assertions": checks},
            ],
        }
        for payload in PAYLOADS
    ]
    failing = {"name": "s", "plugin": "script", "config": {"language": "javascript"}}
    failing["config"] = {"language": "javascript", "script": script}
    tests.append({"name": "script", "steps": [failing]})
    suite = {"name": HOSTILE, "description": HOSTILE, "tests": tests}
    (folder / "suite.yaml").write_text(json.dumps(suite), "utf-8")


def write_report(tmp_path: Path) -> Path:
    hostile = answer(
        json.dumps({"x": HOSTILE, HOSTILE: [PAYLOADS[0]]}),
        headers=[("Content-Type", "text/html"), ("X-Answer", PAYLOADS[3])],
    )
    with HttpServer({"/": hostile}) as server:
        write_suite(tmp_path, server.url("/"))
        arguments = ["run", "suite.yaml", "--report", "html=report.html", "--branch", PAYLOADS[0]]
        ended = run_cli(arguments, cwd=tmp_path, home=tmp_path / "home")
    assert ended.returncode == 1, ended.stderr
    return tmp_path / "report.html"


async def use_everything(page: Page) -> None:
    """Open all there is, search, and move over what could react."""
    await page.evaluate(
        "document.querySelectorAll('details').forEach((item) => (item.open = true))"
    )
    await page.fill("#search", "script")
    await page.click("#failed")
    await page.fill("#search", "")
    for element in await page.locator("summary").all():
        await element.dispatch_event("mouseover")
        await element.dispatch_event("focus")


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["policy", "no policy"])
def test_hostile_run_stays_text_in_a_browser(tmp_path: Path, policy: str) -> None:
    """Escaping alone must be enough; the content security policy is the second line."""
    report = write_report(tmp_path)

    async def look() -> tuple[str, str, list[str], int, list[str]]:
        asked: list[str] = []
        async with (
            chromium() as browser,
            new_page(browser, bypass_csp=policy == "no policy") as page,
        ):
            page.on("request", lambda request: asked.append(request.url))
            await page.goto(report.as_uri())
            title = await page.title()
            await use_everything(page)
            scripts = await page.locator("script").count()
            return title, await page.title(), asked, scripts, await findings(page)

    before, after, asked, scripts, complaints = asyncio.run(look())

    assert before == after != "run"
    assert asked == [report.as_uri()]
    assert scripts == 1
    assert complaints == []
