"""What is shown to engines that want to know who is calling, and what never is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rocketship.client.address import parse_address
from rocketship.client.channel import Endpoint
from rocketship.client.credentials import Credentials, GivenToken, StoredLogin, TokenFile
from rocketship.client.remote import open_remote
from rocketship.errors import Refused, RocketshipError, Unauthenticated, UsageError
from rocketship.run.events import LogEmitted, Recorded
from rocketship.store.base import RunFilter
from rocketship.tokens.login import Login
from rocketship.tokens.logins import Logins
from rocketship.tokens.oauth.client import Answer
from rocketship.tokens.oauth.grant import with_grant
from rocketship.wire import convert
from rocketship.wire._generated import engine_pb2 as pb
from tests.client import stand_ins
from tests.contracts.engine_client import follow
from tests.fixtures.clock import ManualClock
from tests.fixtures.guarded_engine import GuardedEngine, refuse
from tests.fixtures.oidc_provider import AUDIENCE, CLIENT_ID, OidcProvider, running_provider

LIFETIME_SECONDS = 60.0
LOG_IN = "log in with `rocketship login --profile p`"


class ClockedEngine(GuardedEngine):
    """Takes every token for a minute of the test's clock, and streams one event a second."""

    def __init__(self, issuer: str, clock: ManualClock, events: int = 0, **info: Any) -> None:
        super().__init__(issuer, **info)
        self.asked: list[int] = []
        self._clock = clock
        self._events = events
        self._born: dict[str, float] = {}

    async def check(self, context: Any) -> dict[str, Any]:
        token = self._token(context)
        self.shown.append(token)
        if not token or token in self.refuse:
            await refuse(context, "the token is not accepted" if token else "a token is needed")
        born = self._born.setdefault(token, self._clock.now())
        if self._clock.now() - born >= LIFETIME_SECONDS:
            await refuse(context, "token expired")
        return {}

    async def WatchRun(self, request: Any, context: Any) -> Any:
        self.asked.append(request.after_seq)
        for seq in range(request.after_seq + 1, self._events + 1):
            await self.check(context)
            self._clock.sleep(1)
            event = LogEmitted(0.0, "", 1, "", f"line {seq}")
            yield pb.WatchRunResponse(event=convert.event(Recorded(seq, event)))


@asynccontextmanager
async def engine(servicer: Any) -> Any:
    async with stand_ins.engine(servicer) as port:
        yield parse_address(f"grpc://{stand_ins.HOST}:{port}")


def log_in(provider: OidcProvider, server: str, clock: ManualClock) -> Login:
    """Return a login of a minute."""
    begun = Login(server, provider.issuer, AUDIENCE, CLIENT_ID, provider.token_endpoint)
    granted = provider.grant() | {"expires_in": LIFETIME_SECONDS}
    return with_grant(begun, Answer(200, granted), clock.now())


class Client:
    """Commands of a person with a stored login, against one engine."""

    def __init__(self, folder: Path, provider: OidcProvider, **engine: Any) -> None:
        self.clock = ManualClock()
        self.notes: list[str] = []
        self.provider = provider
        self.logins = Logins(folder / "tokens", "file", self.notes.append)
        self.servicer = ClockedEngine(provider.issuer, self.clock, **engine)

    def run(
        self,
        action: Callable[[Any], Any],
        *,
        prepare: Callable[[Login], Login | None] = lambda login: login,
        profile: str = "p",
    ) -> Any:
        """Open a client with a fresh login, changed by `prepare`, and do something with it."""

        async def main() -> Any:
            async with engine(self.servicer) as address:
                login = prepare(log_in(self.provider, str(address), self.clock))
                if login:
                    self.logins.save("p", login)
                credentials = StoredLogin(
                    self.logins, "p", str(address), self.clock, self.notes.append
                )
                endpoint = Endpoint(address, profile=profile, credentials=credentials)
                async with open_remote(
                    endpoint, note=self.notes.append, warn=self.notes.append
                ) as client:
                    return await action(client)

        return asyncio.run(main())


async def list_runs(client: Any) -> Any:
    return await client.list_runs(RunFilter())


def failing(action: Callable[[], Any], kind: type[RocketshipError]) -> RocketshipError:
    with pytest.raises(kind) as caught:
        action()
    return caught.value


def test_stored_login_is_shown_to_its_engine(tmp_path: Path, oidc: OidcProvider) -> None:
    client = Client(tmp_path, oidc)

    client.run(list_runs)

    kept = client.logins.load("p")
    assert kept is not None
    assert client.servicer.shown == [kept.access_token]
    assert client.notes == []


def test_login_that_is_about_to_end_is_renewed_first(tmp_path: Path, oidc: OidcProvider) -> None:
    client = Client(tmp_path, oidc)

    async def act(remote: Any) -> None:
        await list_runs(remote)
        client.clock.sleep(LIFETIME_SECONDS - 1)
        await list_runs(remote)

    client.run(act)

    first, second = client.servicer.shown
    assert first != second


def test_refused_token_is_renewed_once(tmp_path: Path, oidc: OidcProvider) -> None:
    client = Client(tmp_path, oidc)

    def refused(login: Login) -> Login:
        client.servicer.refuse.add(login.access_token)
        return login

    client.run(list_runs, prepare=refused)

    assert len(client.servicer.shown) == 2


def test_engine_that_refuses_every_token_is_not_asked_for_ever(
    tmp_path: Path, oidc: OidcProvider
) -> None:
    client = Client(tmp_path, oidc)

    class All(set[str]):
        def __contains__(self, _: object) -> bool:
            return True

    client.servicer.refuse = All()

    error = failing(lambda: client.run(list_runs), Unauthenticated)

    assert len(client.servicer.shown) == 2
    assert "the token is not accepted" in error.message
    assert error.hint == LOG_IN


def test_calls_at_once_renew_a_refused_token_once(tmp_path: Path, oidc: OidcProvider) -> None:
    client = Client(tmp_path, oidc)

    def refused(login: Login) -> Login:
        client.servicer.refuse.add(login.access_token)
        return login

    async def act(remote: Any) -> None:
        await asyncio.gather(*(list_runs(remote) for _ in range(20)))

    client.run(act, prepare=refused)

    assert len(set(client.servicer.shown)) == 2


def test_run_of_half_an_hour_on_tokens_of_a_minute_is_followed_without_a_gap(
    tmp_path: Path, oidc: OidcProvider
) -> None:
    client = Client(tmp_path, oidc, events=1800)

    seen = client.run(lambda remote: follow(remote, "r"))

    assert [item.seq for item in seen] == list(range(1, 1801))
    assert client.servicer.asked == list(range(0, 1800, 60))
    assert client.notes == []


def test_token_that_ends_in_the_middle_of_a_stream_and_cannot_be_renewed_ends_it(
    tmp_path: Path, oidc: OidcProvider
) -> None:
    client = Client(tmp_path, oidc, events=100)

    error = failing(
        lambda: client.run(
            lambda remote: follow(remote, "r"),
            prepare=lambda login: replace(login, refresh_token=""),
        ),
        Unauthenticated,
    )

    assert "token expired" in error.message
    assert error.hint == LOG_IN


@pytest.mark.slow
def test_provider_that_is_down_when_a_token_ends_is_waited_for(tmp_path: Path) -> None:
    with running_provider() as provider:
        client = Client(tmp_path, provider, events=100)

        async def act(remote: Any) -> list[Recorded]:
            await asyncio.to_thread(provider.go_down)
            following = asyncio.ensure_future(follow(remote, "r"))
            while not client.notes:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(provider.come_up)
            return await following

        seen = client.run(act)

    assert [item.seq for item in seen] == list(range(1, 101))
    assert client.notes[0] == (
        f"the login cannot be renewed: {provider.token_endpoint} cannot answer now (HTTP 503); "
        "trying again"
    )
    assert "again" in client.notes[-1]


@pytest.mark.parametrize(
    "change",
    [
        {"server": "grpcs://other.example.com:443"},
        {"issuer": "https://other.example.com"},
        {"audience": "https://other.example.com"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_login_for_something_else_is_never_shown(
    tmp_path: Path, oidc: OidcProvider, change: dict[str, Any]
) -> None:
    client = Client(tmp_path, oidc)

    error = failing(
        lambda: client.run(list_runs, prepare=lambda login: replace(login, **change)),
        Unauthenticated,
    )

    assert set(client.servicer.shown) <= {""}
    assert error.hint == LOG_IN


def test_caller_without_a_login_is_told_to_log_in(tmp_path: Path, oidc: OidcProvider) -> None:
    client = Client(tmp_path, oidc)

    error = failing(lambda: client.run(list_runs, prepare=lambda _: None), Unauthenticated)

    assert "a token is needed" in error.message
    assert error.hint == LOG_IN


@pytest.mark.parametrize(
    ("capabilities", "profile", "hint"),
    [
        (["auth.token"], "p", "set ROCKETSHIP_TOKEN, or give --token-file"),
        (
            ["auth.oidc", "auth.token"],
            "p",
            f"{LOG_IN}, or set ROCKETSHIP_TOKEN, or give --token-file",
        ),
        (
            ["auth.oidc"],
            "",
            "set ROCKETSHIP_TOKEN, or make a profile of the address and log in with it",
        ),
    ],
)
def test_refused_caller_is_told_what_this_engine_takes(
    tmp_path: Path, oidc: OidcProvider, capabilities: list[str], profile: str, hint: str
) -> None:
    client = Client(tmp_path, oidc, capabilities=[*capabilities, "runs.watch"])

    error = failing(
        lambda: client.run(list_runs, prepare=lambda _: None, profile=profile), Unauthenticated
    )

    assert error.hint == hint


def show(credentials: Credentials, **changes: Any) -> list[str]:
    """Return what an engine was shown, called at an address that may be anybody's."""

    async def main() -> list[str]:
        clock = ManualClock()
        servicer = ClockedEngine("https://idp.example.com", clock, **changes.pop("info", {}))
        async with engine(servicer) as address:
            host = changes.pop("host", "")
            address = replace(address, host=host) if host else address
            endpoint = Endpoint(address, credentials=credentials, **changes)
            async with open_remote(endpoint, note=print, warn=print) as client:
                await list_runs(client)
        return servicer.shown

    return asyncio.run(main())


def test_wrong_token_where_only_tokens_count_is_to_be_corrected() -> None:
    async def main() -> None:
        capabilities = ["auth.token", "runs.watch"]
        servicer = ClockedEngine("", ManualClock(), capabilities=capabilities)
        servicer.refuse.add("wrong")
        async with engine(servicer) as address:
            endpoint = Endpoint(address, credentials=GivenToken("wrong", "ROCKETSHIP_TOKEN"))
            async with open_remote(endpoint, note=print, warn=print) as client:
                await list_runs(client)

    error = failing(lambda: asyncio.run(main()), Unauthenticated)

    assert error.hint == "correct ROCKETSHIP_TOKEN"


#: Leads here too, and does not look like it.
ELSEWHERE = "0.0.0.0"


def test_token_is_shown_on_this_machine_without_tls() -> None:
    assert show(GivenToken("secret", "ROCKETSHIP_TOKEN")) == ["secret"]


def test_token_is_not_sent_where_others_could_read_it() -> None:
    error = failing(lambda: show(GivenToken("secret", "ROCKETSHIP_TOKEN"), host=ELSEWHERE), Refused)

    assert error.message.startswith("ROCKETSHIP_TOKEN is not sent to grpc://0.0.0.0:")
    assert "without TLS everybody on the way could read it" in error.message
    assert "--allow-plaintext-token" in (error.hint or "")
    assert "secret" not in f"{error.message}{error.hint}"


def test_token_is_sent_without_tls_when_that_is_asked_for() -> None:
    token = GivenToken("secret", "ROCKETSHIP_TOKEN")

    assert show(token, host=ELSEWHERE, allow_plaintext_token=True) == ["secret"]


def test_token_nobody_asks_for_is_left_out_where_others_could_read_it() -> None:
    class Open(stand_ins.StandIn):
        shown: list[Any] = []

        async def ListRuns(self, request: Any, context: Any) -> Any:
            self.shown.append(dict(context.invocation_metadata()).get("authorization"))
            return pb.ListRunsResponse()

    async def main() -> None:
        async with engine(Open()) as address:
            endpoint = Endpoint(
                replace(address, host=ELSEWHERE), credentials=GivenToken("secret", "X")
            )
            async with open_remote(endpoint, note=print, warn=print) as client:
                await list_runs(client)

    asyncio.run(main())
    assert Open.shown == [None]


def test_token_file_is_read_again_when_its_token_was_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("old\n", "utf-8")

    class Rotating(ClockedEngine):
        async def check(self, context: Any) -> dict[str, Any]:
            if self._token(context) == "old":
                path.write_text("new\n", "utf-8")
            return await super().check(context)

    async def main() -> list[str]:
        servicer = Rotating("https://idp.example.com", ManualClock())
        servicer.refuse.add("old")
        async with engine(servicer) as address:
            endpoint = Endpoint(address, credentials=TokenFile(path))
            async with open_remote(endpoint, note=print, warn=print) as client:
                await list_runs(client)
        return servicer.shown

    assert asyncio.run(main()) == ["old", "new"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "holds no token"),
        (b" \n", "holds no token"),
        (b"a\nb", "more than one line"),
        (b"a\rb", "more than one line"),
        (b"a\x00b", "characters that no token has"),
        (b"Bearer abc", "characters that no token has"),
        ("tökén".encode(), "characters that no token has"),
        (b"\xff\xfe", "characters that no token has"),
    ],
)
def test_file_that_holds_no_token_is_refused_without_showing_it(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "t"
    path.write_bytes(content)

    error = failing(TokenFile(path).read, UsageError)

    assert said in error.message
    assert str(path) in error.message


def test_file_that_is_missing_is_named(tmp_path: Path) -> None:
    error = failing(TokenFile(tmp_path / "none").read, UsageError)

    assert (
        error.message == f"--token-file {tmp_path}/none cannot be read: No such file or directory"
    )
