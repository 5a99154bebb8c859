"""The contract of one step: which operation its request must be, and what both sides must keep to.

The order is that of the exchange: `open_contract` finds the description, `begin` checks the request
before anything is sent, `end` checks the response.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import islice
from urllib.parse import urlsplit

from rocketship.errors import ConfigError, ConnectionFailed, ContractError, StepTimeout
from rocketship.plugins.api import Call
from rocketship.plugins.http.client import LARGE_BODY_BYTES, HttpClient, Reply, Request
from rocketship.plugins.http.connection import build_tls, choose_proxy
from rocketship.plugins.http.contract import elsewhere
from rocketship.plugins.http.contract.cache import Descriptions
from rocketship.plugins.http.contract.description import Description
from rocketship.plugins.http.contract.operation import Match
from rocketship.plugins.http.contract.schema import MAX_VIOLATIONS, Violation
from rocketship.plugins.http.contract.settings import Settings
from rocketship.plugins.http.contract.source.reading import MAX_DOCUMENT_BYTES
from rocketship.plugins.http.exchange import exchange
from rocketship.plugins.http.request import DEFAULT_HEADERS, url_complaint, without_userinfo
from rocketship.plugins.http.response import Response
from rocketship.values import JsonObject

#: For a description with all it refers to.
FETCH_TIMEOUT_SECONDS = 30.0
#: What a request gets that begins when no time is left.
MIN_TIMEOUT = 0.001
MAX_FETCH_REDIRECTS = 5
#: Reports name the operations that no test used as long as they are no more than these.
MAX_NAMED_OPERATIONS = 200


async def open_contract(
    call: Call, settings: Settings, descriptions: Descriptions, client: HttpClient
) -> Contract:
    """Return the contract of a step.

    Raises:
        StepError: The description cannot be read or used.
    """
    spec = settings.spec
    if spec.startswith("file://") or "://" not in spec:
        description = await descriptions.of_file(spec, call.files.read)
    else:
        if complaint := url_complaint(spec):
            raise ConfigError(f"openapi.spec: {complaint}")

        description = await _behind_url(call, settings, descriptions, client)
    return Contract(settings, description)


async def _behind_url(
    call: Call, settings: Settings, descriptions: Descriptions, client: HttpClient
) -> Description:
    deadline = time.monotonic() + FETCH_TIMEOUT_SECONDS

    async def fetch(url: str) -> bytes:
        return await _fetch(call, url, client, max(deadline - time.monotonic(), MIN_TIMEOUT))

    return await descriptions.of_url(
        settings.spec, settings.version, fetch, settings.cache_ttl_seconds
    )


async def _fetch(call: Call, url: str, client: HttpClient, timeout: float) -> bytes:
    request = Request(
        method="GET",
        url=url,
        headers=DEFAULT_HEADERS,
        timeout_seconds=timeout,
        tls=build_tls(call.config, call.files),
        proxy=choose_proxy(url, call.config["proxy"]),
    )
    try:
        response = await exchange(client, request, None, max_redirects=MAX_FETCH_REDIRECTS)
    except (ConnectionFailed, StepTimeout) as error:
        raise type(error)(f"openapi.spec: {error.message}", hint=error.hint) from error
    shown = without_userinfo(url)
    if response.reply.status != 200:
        raise ConnectionFailed(f"openapi.spec: {shown} answers with status {response.reply.status}")
    if len(response.reply.body) > MAX_DOCUMENT_BYTES:
        raise ConfigError(f"{shown}: is larger than {MAX_DOCUMENT_BYTES >> 20} MiB")
    return response.reply.body


class Contract:
    """What one exchange must keep to."""

    def __init__(self, settings: Settings, description: Description) -> None:
        self._settings = settings
        self._description = description
        self._match: Match | None = None

    async def begin(self, request: Request) -> None:
        """Find the operation of a request, and check the request.

        Raises:
            ContractError: It is no operation, another one than expected, or breaks its rules.
        """
        match = self._match = self._find(request)
        wanted, found = self._settings.operation_id, match.operation
        if wanted is not None and wanted != found.id:
            named = f'"{found.id}"' if found.id else "without an operationId"
            raise ContractError(
                f'openapi request validation failed: expected the operation "{wanted}", '
                f"but {found.name} is {named}"
            )
        if self._settings.request:
            await self._check(match, request)

    async def end(self, response: Response) -> None:
        """Check a response.

        Raises:
            ContractError: It breaks the rules of its operation.
        """
        assert self._match is not None, "the request comes first"
        if self._settings.response:
            match = self._end_of(response) if response.hops else self._match
            await self._check(match, response.request, response.reply)

    def coverage(self, response: Response | None) -> JsonObject | None:
        """Return what reports need to tell which operations were used, once one was."""
        if self._match is None or response is None:
            return None
        every = self._description.operations.all
        return {
            "spec": self._description.location,
            "operation": self._match.operation.name,
            "status": response.reply.status,
            "total": len(every),
            "operations": [operation.name for operation in every[:MAX_NAMED_OPERATIONS]],
        }

    async def _check(self, match: Match, request: Request, reply: Reply | None = None) -> None:
        checker, operation = self._description.checker, match.operation
        side, body = ("response", reply.body) if reply else ("request", request.body or b"")
        found: Iterable[Violation]
        if len(body) > LARGE_BODY_BYTES:
            found = await self._check_elsewhere(side, operation.name, request, reply)
        elif reply:
            found = checker.response(operation, reply)
        else:
            found = checker.request(match, request)
        _refuse(side, operation.name, found)

    async def _check_elsewhere(
        self, side: str, operation: str, request: Request, reply: Reply | None
    ) -> list[Violation]:
        from rocketship.processes.call import LimitExceeded

        try:
            return await elsewhere.violations(self._description.documents, request, reply)
        except LimitExceeded as limit:
            raise ContractError(
                f"openapi {side} validation failed: {operation}: the check {limit}",
                hint=f"turn it off for this step with validate_{side}: false",
            ) from None

    def _find(self, request: Request) -> Match:
        match = self._description.operations.find(request.method, request.url)
        if match is None:
            raise ContractError(
                f"openapi request validation failed: {_named(request)} is no operation of "
                f"{self._description.location}",
                hint="compare method and path, the base paths of `servers` included",
            )
        return match

    def _end_of(self, response: Response) -> Match:
        """Return the operation that redirects have led to."""
        assert self._match is not None, "the request comes first"
        request = response.request
        match = self._description.operations.find(request.method, request.url)
        if match is None:
            raise ContractError(
                f"openapi response validation failed: {self._match.operation.name} was redirected "
                f"to {_named(request)}, which is no operation of {self._description.location}",
                hint="describe it, or check the redirect itself with follow_redirects: false",
            )
        return match


def _named(request: Request) -> str:
    return f"{request.method} {urlsplit(request.url).path or '/'}"


def _refuse(side: str, operation: str, violations: Iterable[Violation]) -> None:
    found = list(islice(violations, MAX_VIOLATIONS + 1))
    if found:
        texts = [str(violation) for violation in found[:MAX_VIOLATIONS]]
        more = ["and more"] if len(found) > MAX_VIOLATIONS else []
        raise ContractError(
            f"openapi {side} validation failed: {operation}: {'; '.join([*texts, *more])}"
        )
