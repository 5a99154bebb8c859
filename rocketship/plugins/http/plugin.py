"""The `http` plugin: its configuration, and one attempt of one step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import unquote, urlsplit

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError, StepError
from rocketship.plugins.api import Call, Finding, Observable, Outcome, Plugin
from rocketship.plugins.http import auth, body, connection, observables, request
from rocketship.plugins.http.auth import Authorized, Authorizer
from rocketship.plugins.http.client import HttpClient
from rocketship.plugins.http.contract import settings
from rocketship.plugins.http.cookies import Jar
from rocketship.plugins.http.exchange import exchange
from rocketship.plugins.http.reproduce import command_line
from rocketship.plugins.http.response import Response
from rocketship.suite.fields import Object
from rocketship.values import Json

if TYPE_CHECKING:
    from rocketship.plugins.http.contract.cache import Descriptions
    from rocketship.plugins.http.contract.enforce import Contract

#: Repeating these changes nothing on a server that keeps to the rules.
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class _Session:
    """What belongs to one event loop: open connections, and the tokens fetched over them."""

    client: HttpClient
    authorizer: Authorizer


class Http(Plugin):
    """Sends one request; connections stay open for all steps of the process."""

    name: ClassVar[str] = "http"
    summary: ClassVar[str] = "Sends an HTTP request and checks the response."
    config: ClassVar[Object] = Object(
        *request.FIELDS,
        *body.FIELDS,
        *auth.FIELDS,
        *connection.FIELDS,
        settings.FIELD,
        at_most_one=[body.BODY_KEYS],
    )
    assertions: ClassVar[Mapping[str, Observable]] = observables.ASSERTIONS
    saves: ClassVar[Mapping[str, Observable]] = observables.SAVES

    def __init__(self) -> None:
        self._sessions: dict[asyncio.AbstractEventLoop, _Session] = {}
        self._descriptions: dict[asyncio.AbstractEventLoop, Descriptions] = {}

    async def run(self, call: Call) -> Outcome:
        session = self._session()
        jar = Jar(call.memory) if call.config["cookies"] else None
        first = request.build_request(call)
        authorized = Authorized(jar.add_to(first) if jar else first)
        contract = await self._contract(call, session)
        response = None
        try:
            authorized = await session.authorizer.authorize(authorized.request, call.config)
            if contract:
                await contract.begin(authorized.request)
            response = await exchange(
                session.client,
                authorized.request,
                jar,
                max_redirects=request.max_redirects(call.config),
            )
            if response.reply.status == 401:
                session.authorizer.forget(call.config)
            if contract:
                await contract.end(response)
        except ConfigError:
            raise
        except StepError as error:
            return _outcome(call, authorized, response, error, contract)
        return _outcome(call, authorized, response, None, contract)

    def check(self, config: Mapping[str, Json]) -> Iterable[Finding]:
        return request.findings(config)

    def check_files(
        self,
        config: Mapping[str, Json],
        suite: Mapping[str, Json],
        read: Callable[[str], bytes | None],
    ) -> Iterable[Finding]:
        if not config.get("openapi") and not suite.get("openapi"):
            return
        from rocketship.plugins.http.contract.findings import findings, missing_spec

        yield from missing_spec(config, suite)
        yield from findings(config, suite, read)

    def replay_safe(self, config: Mapping[str, Any]) -> bool:
        return config["method"] in SAFE_METHODS

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        if descriptions := self._descriptions.pop(loop, None):
            await descriptions.close()
        session = self._sessions.pop(loop, None)
        if session is not None:
            session.client.close()

    async def _contract(self, call: Call, session: _Session) -> Contract | None:
        wanted = settings.resolve(call)
        if wanted is None:
            return None
        from rocketship.plugins.http.contract.cache import Descriptions
        from rocketship.plugins.http.contract.enforce import open_contract

        descriptions = self._descriptions.setdefault(asyncio.get_running_loop(), Descriptions())
        return await open_contract(call, wanted, descriptions, session.client)

    def _session(self) -> _Session:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None:
            from rocketship.plugins.http.curl.client import CurlClient

            for ended in [known for known in self._sessions if known.is_closed()]:
                self._sessions.pop(ended).client.close()
                self._descriptions.pop(ended, None)
            client = CurlClient()
            session = self._sessions[loop] = _Session(client, Authorizer(client))
        return session


def _outcome(
    call: Call,
    authorized: Authorized,
    response: Response | None,
    failure: StepError | None,
    contract: Contract | None,
) -> Outcome:
    sent = authorized.request
    return Outcome(
        subject=response,
        secrets=(
            *authorized.secrets,
            *_proxy_password(sent.proxy.url),
            *request.header_secrets(sent.headers),
            *(response.secrets if response else ()),
            # The jar also holds what an exchange left there that never came to its end.
            *request.credentials(Jar(call.memory).values()),
        ),
        request=request.describe_request(sent),
        response=response.describe() if response else None,
        timings=response.timings if response else {},
        reproduce=command_line(sent, call.config),
        failure=failure,
        contract=contract.coverage(response) if contract else None,
    )


def _proxy_password(url: str) -> tuple[str, ...]:
    password = urlsplit(url).password if url else None
    return (password, unquote(password)) if password else ()
