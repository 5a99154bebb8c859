"""The page: verdict and totals, then every test with the failed ones first and opened."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from importlib.resources import files

from rocketship import __version__
from rocketship.reports.html.markup import NOTHING, Markup, fold, join, tag, text
from rocketship.reports.html.room import Room
from rocketship.reports.html.step import bar, step_row
from rocketship.reports.titles import unit_title
from rocketship.run.contracts import coverage
from rocketship.run.result import RunResult, TestResult, Totals
from rocketship.run.status import Status
from rocketship.values import Location, format_duration, format_time, to_text

#: The order in which tests are read.
_ORDER = (Status.FAILED, Status.TIMEOUT, Status.CANCELLED, Status.RUNNING, Status.PENDING)

#: Shown by the script, without which it could do nothing.
_TOOLS = Markup(
    '<p id="tools" hidden><input type="search" id="search" autocomplete="off" aria-label="Search"'
    ' placeholder="Search tests, steps, URLs, messages">'
    '<button type="button" id="failed" aria-pressed="false">Only failed</button>'
    '<output id="shown"></output></p>'
)


def render(results: Sequence[RunResult]) -> bytes:
    """Return the page for one or several runs, in UTF-8."""
    style, script = _resource("page.css"), _resource("page.js")
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    head = (
        Markup('<meta charset="utf-8">')
        + f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        + '<meta name="viewport" content="width=device-width, initial-scale=1">'
        + '<meta name="color-scheme" content="light dark">'
        + '<meta name="referrer" content="no-referrer">'
        + tag("title", text(_title(results)))
        + f"<style>{style}</style>"
    )
    body = join((_header(results), _tests(results), _footer(results)))
    page = f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>{body}'
    return f"{page}<script>{script}</script></body></html>\n".encode("utf-8", "replace")


@lru_cache(maxsize=2)
def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _digest(content: str) -> str:
    """Return what lets exactly this content be used."""
    made = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{made}'"


def _title(results: Sequence[RunResult]) -> str:
    totals = Totals.sum(run.totals for run in results)
    names = ", ".join(dict.fromkeys(run.suite for run in results if run.suite)) or "Rocketship"
    return f"{totals.not_passed} failed, {totals.passed} passed – {names}"


def _green(results: Sequence[RunResult]) -> bool:
    return bool(results) and all(run.green for run in results)


def _header(results: Sequence[RunResult]) -> Markup:
    totals = Totals.sum(run.totals for run in results)
    numbers = [
        ("failed", totals.not_passed, "bad" if totals.not_passed else "quiet"),
        ("passed", totals.passed, "good" if totals.passed else "quiet"),
        ("skipped", totals.skipped, "quiet"),
    ]
    counts = join(
        tag("li", tag("b", text(str(count))), text(f" {label}"), class_=kind)
        for label, count, kind in numbers
    )
    verdict, look = ("Passed", "good") if _green(results) else ("Failed", "bad")
    return tag(
        "header",
        tag("h1", tag("span", text(verdict), class_=f"badge {look}"), _names(results)),
        tag("ul", counts, tag("li", text(_took(results)), class_="quiet"), class_="counts"),
        join(_run(run) for run in results),
        _contracts(results),
        _TOOLS,
    )


def _names(results: Sequence[RunResult]) -> Markup:
    names = list(dict.fromkeys(run.suite for run in results if run.suite))
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return text(f" {shown}")


def _took(results: Sequence[RunResult]) -> str:
    begun = [run for run in results if run.started_at]
    if not begun:
        return "never began"
    start = min(run.started_at for run in begun)
    end = max(run.started_at + run.duration_seconds for run in begun)
    return f"in {format_duration(max(end - start, 0.0))}"


def _run(run: RunResult) -> Markup:
    facts = [run.file, f"run {run.run_id}", format_time(run.started_at) if run.started_at else ""]
    line = tag("span", text(" · ".join(fact for fact in facts if fact)), class_="facts")
    context = [(name, to_text(value)) for name, value in run.context.items() if value]
    pairs = join(
        Markup(tag("dt", text(name)) + tag("dd", text(value))) for name, value in context if value
    )
    said = tag("p", text(run.message), class_="error") if run.message and not run.green else NOTHING
    inside = fold(line, tag("dl", pairs)) if pairs else tag("p", line)
    return tag("div", inside, said, class_="run")


def _contracts(results: Sequence[RunResult]) -> Markup:
    return join(
        fold(
            text(f"Contract {item.spec}: {len(item.used)} of {item.total} operations used"),
            tag(
                "ul",
                join(tag("li", text(f"✓ {name}"), class_="good") for name in item.used),
                join(tag("li", text(f"– {name}"), class_="quiet") for name in item.unused),
                class_="operations",
            ),
            class_="run",
        )
        for item in coverage(results)
    )


def _tests(results: Sequence[RunResult]) -> Markup:
    several = len(results) > 1
    units = [(run, unit) for run in results for unit in run.units if unit.steps or unit.id]
    units.sort(key=lambda pair: _rank(pair[1]))
    room = Room()
    shown = join(_test(run, unit, room, several=several) for run, unit in units)
    nothing = tag("p", text("No test was executed."), class_="error")
    return tag("main", shown if units else nothing)


def _rank(unit: TestResult) -> int:
    if unit.status in _ORDER:
        return _ORDER.index(unit.status)
    return len(_ORDER) + (0 if unit.cleanup_failures else 2 if unit.status is Status.SKIPPED else 1)


def _test(run: RunResult, unit: TestResult, room: Room, *, several: bool) -> Markup:
    bad = unit.status.bad
    kind = kind_of(unit.status) if not unit.cleanup_failures or bad else "warn"
    summary = join(
        (
            tag("span", text(str(unit.status).lower()), class_=f"badge {kind}"),
            tag("span", text(unit_title(run, unit, several=several)), class_="name"),
            bar(
                unit.started_at - run.started_at, unit.duration_seconds, run.duration_seconds, kind
            ),
            tag("span", text(format_duration(unit.duration_seconds)), class_="time"),
        )
    )
    place = str(Location(run.file, unit.line)) if unit.line else run.file
    said = unit.message if not any(_tells(step, unit) for step in unit.failed_steps) else ""
    return fold(
        summary,
        tag("p", text(place), class_="facts") if place else NOTHING,
        tag("p", text(said), class_="error" if bad else "quiet") if said else NOTHING,
        join(step_row(run, unit, step, room) for step in unit.steps),
        opened=bad,
        class_=f"test {kind}",
    )


def _tells(step: object, unit: TestResult) -> bool:
    failure = getattr(step, "failure", None)
    return failure is not None and failure.message in unit.message


def kind_of(status: Status) -> str:
    """Return the look of a status."""
    if status is Status.PASSED:
        return "good"
    return "bad" if status.bad else "quiet"


def _footer(results: Iterable[RunResult]) -> Markup:
    return tag("footer", text(f"Rocketship {__version__}"))
