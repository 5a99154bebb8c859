"""The addresses of the pages, and what each of them shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from rocketship.auth.caller import ANONYMOUS, Kind, Principal
from rocketship.engine.activity import Activity
from rocketship.engine.service import RunService
from rocketship.errors import (
    Ambiguous,
    Draining,
    Infrastructure,
    NotFound,
    Overloaded,
    RocketshipError,
    UsageError,
)
from rocketship.reports import formats
from rocketship.run.status import Status
from rocketship.server.health import Readiness
from rocketship.server.web.pages import actions
from rocketship.server.web.pages.rendering import HEADERS, STATIC, render
from rocketship.server.web.pages.run_page import log_text, run_view, test_view
from rocketship.server.web.pages.trends import suite_trend, trends
from rocketship.store.base import RunFilter, RunPage

#: Runs from which the overview draws its conclusions.
TREND_RUNS = 500
RECENT_RUNS = 10
SUITE_RUNS = 50
PAGE_RUNS = 50
MAX_RUNNING = 50
#: Pages refer to these files by addresses that change with their content.
_STATIC_HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
}
_FILTERS = ("status", "branch", "source", "suite", "text")
_MEDIA = {"json": "application/json", "junit": "application/xml", "html": "text/html"}
_SUFFIXES = {"junit": "xml", "markdown": "md"}
#: An error has the code of its nearest class in this table.
_CODES: dict[type[RocketshipError], int] = {
    NotFound: 404,
    Ambiguous: 409,
    UsageError: 400,
    Overloaded: 429,
    Draining: 503,
    Infrastructure: 503,
    RocketshipError: 500,
}

_Handler = Callable[["Pages", Request], Awaitable[Response]]


def _page(handler: _Handler) -> _Handler:
    """Show the errors of a handler as a page."""

    @wraps(handler)
    async def handle(self: Pages, request: Request) -> Response:
        try:
            return await handler(self, request)
        except RocketshipError as error:
            cls = next(cls for cls in type(error).__mro__ if cls in _CODES)
            return self.show(request, "error.html", _CODES[cls], error=error)

    return handle


class Pages:
    """The pages of one engine."""

    def __init__(self, service: RunService, activity: Activity, readiness: Readiness) -> None:
        self._service = service
        self._activity = activity
        self._readiness = readiness

    def routes(self) -> list[Route]:
        """Return the routes, without that of the overview, which shares its address."""
        return [
            Route("/runs", self.runs),
            Route("/runs/{run}", self.run),
            Route("/runs/{run}/tests/{unit}", self.test),
            Route("/runs/{run}/log", self.log),
            Route("/runs/{run}/report", self.report),
            Route("/runs/{run}/cancel", self.cancel, methods=["POST"]),
            Route("/runs/{run}/rerun", self.rerun, methods=["POST"]),
            Route("/suites/{suite:path}", self.suite),
            Route("/static/{file}", self.static),
        ]

    def show(
        self, request: Request, template: str, /, status: int = 200, **values: Any
    ) -> Response:
        """Return a page, with what every page has."""
        return render(
            template,
            status,
            path=request.url.path,
            state=self._readiness.word,
            who=_who(request),
            **values,
        )

    @_page
    async def overview(self, request: Request) -> Response:
        newest = (await self._service.list_runs(RunFilter(limit=TREND_RUNS))).runs
        running = (await self._activity.going_on())[::-1]
        return self.show(
            request,
            "overview.html",
            running=running[:MAX_RUNNING],
            running_total=len(running),
            recent=[run for run in newest if run.status.finished][:RECENT_RUNS],
            trends=trends(newest),
            health=await self._service.health(),
        )

    @_page
    async def runs(self, request: Request) -> Response:
        given = {name: request.query_params.get(name, "").strip() for name in _FILTERS}
        if given["status"] and given["status"].upper() not in Status.__members__:
            raise UsageError(f'there is no status "{given["status"]}"')
        cursor = request.query_params.get("cursor", "")
        page = await self._service.list_runs(_query(given, cursor))
        return self.show(
            request,
            "runs.html",
            page=page,
            given=given,
            statuses=[status.value for status in Status if status is not Status.SKIPPED],
            first="?" + urlencode(_present(given)) if cursor else "",
            older=_older(page, given),
        )

    @_page
    async def run(self, request: Request) -> Response:
        details = await self._service.get_run(request.path_params["run"])
        if details.record.id != request.path_params["run"]:
            return RedirectResponse(f"/runs/{details.record.id}", status_code=302)
        # Beside the event loop, as everything that takes long for a run of many tests.
        return await asyncio.to_thread(
            lambda: self.show(request, "run.html", view=run_view(details))
        )

    @_page
    async def test(self, request: Request) -> Response:
        details = await self._service.get_run(request.path_params["run"])
        for unit in details.result.units:
            if unit.unit == request.path_params["unit"]:
                return self.show(
                    request, "test.html", view=test_view(unit, whole=True), details=details
                )
        raise NotFound("this run has no such test")

    @_page
    async def suite(self, request: Request) -> Response:
        name = request.path_params["suite"]
        page = await self._service.list_runs(RunFilter(suite_name=name, limit=SUITE_RUNS))
        runs = list(page.runs)
        if not runs:
            raise NotFound(f'no run of a suite "{name}" is kept')
        ended = [run for run in runs if run.status.finished and run.status is not Status.CANCELLED]
        trend = suite_trend(name, ended[::-1]) if ended else None
        return self.show(request, "suite.html", name=name, runs=runs, trend=trend)

    @_page
    async def log(self, request: Request) -> Response:
        record = await self._service.resolve(request.path_params["run"])
        text = log_text(self._service.events(record.id))
        headers = _download(f"{record.id}.log")
        return StreamingResponse(text, headers=headers, media_type="text/plain")

    @_page
    async def report(self, request: Request) -> Response:
        name = request.query_params.get("format", "")
        formats.check_format(name)
        details = await self._service.get_run(request.path_params["run"])
        body = await asyncio.to_thread(formats.render, name, [details.result])
        media = _MEDIA.get(name, "text/plain; charset=utf-8")
        file = f"{details.record.id}.{_SUFFIXES.get(name, name)}"
        return Response(body, media_type=media, headers=_download(file))

    async def static(self, request: Request) -> Response:
        # Strangers ask, too: their names are compared only, as a file system may choke on them.
        for path in STATIC.iterdir():
            if path.name == request.path_params["file"]:
                return FileResponse(path, headers=_STATIC_HEADERS)
        raise HTTPException(404)

    @_page
    async def cancel(self, request: Request) -> Response:
        run_id = request.path_params["run"]
        await actions.cancel(self._service, run_id)
        return RedirectResponse(f"/runs/{run_id}", status_code=303)

    @_page
    async def rerun(self, request: Request) -> Response:
        self._readiness.require()
        failed = request.query_params.get("only") == "failed"
        run_id = await actions.rerun(self._service, request.path_params["run"], failed=failed)
        return RedirectResponse(f"/runs/{run_id}", status_code=303)


def _who(request: Request) -> str:
    """Return the name of who looks, when it is known."""
    principal: Principal = getattr(request.state, "principal", ANONYMOUS)
    return "" if principal.kind is Kind.ANONYMOUS else principal.name


def _query(given: dict[str, str], cursor: str) -> RunFilter:
    return RunFilter(
        status=given["status"],
        branch=given["branch"],
        source=given["source"],
        suite=given["suite"],
        text=given["text"],
        limit=PAGE_RUNS,
        cursor=cursor,
    )


def _older(page: RunPage, given: dict[str, str]) -> str:
    """Return the address of the next page, or nothing on the last one."""
    return "?" + urlencode({**_present(given), "cursor": page.cursor}) if page.cursor else ""


def _present(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


def _download(name: str) -> dict[str, str]:
    # A downloaded report is never shown as a page of this engine.
    sandbox = {"content-disposition": f'attachment; filename="{name}"'}
    return {**HEADERS, **sandbox, "content-security-policy": "sandbox; default-src 'none'"}
