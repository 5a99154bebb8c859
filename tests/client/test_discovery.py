"""What engines of every age say about themselves, and what is made of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rocketship.client.address import Address
from rocketship.client.channel import Endpoint
from rocketship.client.connection import open_connection
from rocketship.client.discovery import ServerInfo, compatibility_warning, discover
from rocketship.client.remote import open_remote
from rocketship.errors import Unreachable
from rocketship.wire._generated import engine_pb2 as pb
from tests.client import stand_ins
from tests.client.fake_original import FakeOriginal, serve
from tests.client.stand_ins import StandIn
from tests.fixtures.engine_process import EngineProcess


async def ask(port: int) -> ServerInfo:
    endpoint = Endpoint(Address("127.0.0.1", port))
    async with open_connection(endpoint, note=print, warn=print, retry_seconds=0) as connection:
        return await discover(connection)


class Telling(StandIn):
    async def GetServerInfo(self, request: Any, context: Any) -> Any:
        return pb.GetServerInfoResponse(
            version="1.2.3",
            auth_enabled=True,
            auth_type="OIDC",
            auth_endpoint="https://a",
            device_authorization_endpoint="https://d",
            token_endpoint="https://t",
            issuer="https://i",
            audience="rocketship",
            scopes=["openid", "email"],
            client_id="cli",
            capabilities=["runs.watch", "auth.oidc"],
            endpoints=[
                pb.ServerEndpoint(type="http", address="https://h"),
                pb.ServerEndpoint(type="grpc", address="h:443"),
                pb.ServerEndpoint(type="ui"),
            ],
        )


def test_everything_told_is_known() -> None:
    async def main() -> ServerInfo:
        async with stand_ins.engine(Telling()) as port:
            return await ask(port)

    assert asyncio.run(main()) == ServerInfo(
        source="GetServerInfo",
        version="1.2.3",
        auth_enabled=True,
        auth_type="oidc",
        auth_endpoint="https://a",
        device_authorization_endpoint="https://d",
        token_endpoint="https://t",
        issuer="https://i",
        audience="rocketship",
        scopes=("openid", "email"),
        client_id="cli",
        capabilities=("auth.oidc", "runs.watch"),
        endpoints=(("grpc", "h:443"), ("http", "https://h")),
    )


@pytest.mark.parametrize(
    ("unknown", "info"),
    [
        (
            ("GetServerInfo",),
            ServerInfo("GetAuthConfig", "", True, "oidc", "https://login.example"),
        ),
        (("GetServerInfo", "GetAuthConfig"), ServerInfo()),
    ],
)
def test_older_engines_are_asked_what_they_know(unknown: tuple[str, ...], info: ServerInfo) -> None:
    async def main() -> ServerInfo:
        async with serve(FakeOriginal(unknown=unknown)) as port:
            return await ask(port)

    found = asyncio.run(main())

    assert found == info
    assert found.legacy


def test_web_server_is_not_taken_for_an_older_engine() -> None:
    async def main() -> None:
        async with stand_ins.web(404) as port:
            await ask(port)

    with pytest.raises(Unreachable, match="a web server answers there"):
        asyncio.run(main())


def test_our_engine_is_no_older_one(shared_engine: EngineProcess) -> None:
    info = asyncio.run(ask(shared_engine.grpc_port))

    assert not info.legacy
    assert info.auth_type == "none"
    assert compatibility_warning(info) is None


def test_web_port_of_our_engine_says_where_grpc_is(shared_engine: EngineProcess) -> None:
    async def main() -> None:
        endpoint = Endpoint(Address("127.0.0.1", shared_engine.http_port))
        async with open_remote(endpoint, note=print, warn=print, retry_seconds=0):
            pass

    with pytest.raises(Unreachable, match="this is the port of its web pages") as caught:
        asyncio.run(main())

    assert caught.value.hint == f"gRPC is on port {shared_engine.grpc_port}"


def known(version: str) -> ServerInfo:
    return ServerInfo("GetServerInfo", version, capabilities=("runs.watch",))


@pytest.mark.parametrize(
    ("info", "own", "words"),
    [
        (known("1.0.0"), "1.9.1", None),
        (known("v1.4"), "1.0.0", None),
        (known("0.9.0"), "0.1.0", None),
        (known("2.0.0"), "1.0.0", "version 2.0.0, this client 1.0.0"),
        (known(""), "1.0.0", "an unknown version, this client 1.0.0"),
        (ServerInfo(version="0.5.0"), "0.1.0", "version 0.5.0) is of the original kind"),
    ],
)
def test_incompatible_versions_are_warned_of(info: ServerInfo, own: str, words: str | None) -> None:
    warning = compatibility_warning(info, own)

    assert (warning is None) if words is None else words in (warning or "")
