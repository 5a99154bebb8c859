from __future__ import annotations

import base64
import hashlib
import re
import time
from html.parser import HTMLParser

import pytest

from rocketship.reports.html import render
from rocketship.run.events import Failure
from rocketship.run.fold import fold
from rocketship.run.result import RunResult
from tests.builders import (
    StepSpec,
    UnitSpec,
    make_assertion,
    make_failed_step,
    make_failed_unit,
    make_mixed_events,
    make_result,
)

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)></pre></style><!--\u202e\x1b[2J"
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "script"),
    *("header", "main", "footer", "h1", "h4", "p", "div", "pre", "span", "small", "b"),
    *("ul", "li", "dl", "dt", "dd", "table", "tr", "th", "td", "details", "summary"),
    *("input", "button", "output", "svg", "rect"),
}


class Page(HTMLParser):
    """The elements and the visible text of a page."""

    def __init__(self, *results: RunResult) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.parts: list[str] = []
        self.source = render(results).decode()
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.parts)


def hostile_result() -> RunResult:
    step = make_failed_step(
        failure=Failure(HOSTILE, HOSTILE, HOSTILE),
        assertions=(
            make_assertion(
                type=HOSTILE, target=HOSTILE, message=HOSTILE, expected=HOSTILE, actual=HOSTILE
            ),
            make_assertion(diff=f"-{HOSTILE}\n+{HOSTILE}"),
        ),
        request={"method": HOSTILE, "url": HOSTILE, "headers": {HOSTILE: HOSTILE}, "body": HOSTILE},
        response={"status": HOSTILE, "body": HOSTILE},
        timings={HOSTILE: 0.1},
        reproduce=HOSTILE,
        saved={HOSTILE: HOSTILE},
        contract={"spec": HOSTILE, "operation": HOSTILE, "total": 2, "operations": [HOSTILE, "x"]},
    )
    plain = StepSpec(HOSTILE, plugin=HOSTILE, logs=(HOSTILE,), attempts=(Failure("x", HOSTILE),))
    return make_result(
        [UnitSpec(HOSTILE, (plain, step), message=HOSTILE)],
        run_id=HOSTILE,
        suite=HOSTILE,
        file=HOSTILE,
        message=HOSTILE,
        context={HOSTILE: HOSTILE},
    )


def test_hostile_text_is_text_everywhere() -> None:
    page = Page(hostile_result())
    assert {tag for tag, _ in page.elements} <= ALLOWED
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    attributes = {name for _, attributes in page.elements for name in attributes}
    assert not {name for name in attributes if name.startswith("on")}
    assert "\x1b" not in page.source
    assert "\u202e" not in page.source
    assert page.text.count("<script>alert(1)</script>") > 20


def test_page_needs_nothing_from_outside_and_its_policy_says_so() -> None:
    page = Page(fold("r", make_mixed_events()))
    attributes = {name for _, attributes in page.elements for name in attributes}
    assert not attributes & {"src", "href", "style", "action", "srcset"}
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page.source)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; ")
    for name in ("style", "script"):
        content = re.search(f"<{name}>(.*?)</{name}>", page.source, re.DOTALL)
        assert content is not None
        digest = base64.b64encode(hashlib.sha256(content[1].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy[1]


def test_failures_come_first_and_are_open() -> None:
    page = Page(fold("r", make_mixed_events()))
    tests = [
        (attributes["class"], "open" in attributes)
        for tag, attributes in page.elements
        if tag == "details" and (attributes.get("class") or "").startswith("test ")
    ]
    assert [kind for kind, _ in tests][:3] == ["test bad", "test bad", "test warn"]
    assert all(opened == (kind == "test bad") for kind, opened in tests)


def test_failed_step_shows_everything_known() -> None:
    items = "\n".join(f"line {n}" for n in range(100))
    step = make_failed_step(
        response={"status": 500, "body": items}, assertions=(make_assertion(diff="-a\n+b"),)
    )
    text = Page(make_result([UnitSpec("t", (step,))])).text
    for part in (
        ".rocketship/users.yaml:12",
        "AssertionError: Assertion failed: status_code: expected 200, got 500",
        "-a",
        "+b",
        "POST http://127.0.0.1:8080/users",
        '"roles": [',
        "… 70 more lines",
        "response: all of it",
        "line 99",
        "connect 1ms",
        "curl -X POST",
    ):
        assert part in text


def test_coverage_of_contracts_is_listed() -> None:
    told = {
        "spec": "api.yaml",
        "operation": "GET /a",
        "total": 2,
        "operations": ["GET /a", "GET /b"],
    }
    page = Page(make_result([UnitSpec("t", (StepSpec(extra={"contract": told}),))]))
    assert "Contract api.yaml: 1 of 2 operations used" in page.text
    assert "✓ GET /a" in page.text
    assert "– GET /b" in page.text


@pytest.mark.parametrize("results", [[], [make_result([])]])
def test_nothing_executed_is_not_green(results: list[RunResult]) -> None:
    page = Page(*results)
    assert "Failed" in page.text
    assert "No test was executed." in page.text


def test_thousand_tests_take_a_second_at_most() -> None:
    units = [make_failed_unit(f"t {n}") if n % 10 == 0 else UnitSpec(f"t {n}") for n in range(1000)]
    run = make_result(units)
    begun = time.process_time()
    render([run])
    # Measured at 0.2 s; the bound leaves room for a slower machine.
    assert time.process_time() - begun < 1
