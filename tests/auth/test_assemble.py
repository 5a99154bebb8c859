"""What an authenticator is built from, and what keeps it from being built."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest

from rocketship.auth import verifiers
from rocketship.auth.assemble import open_auth
from rocketship.auth.caller import Credentials, Kind, Principal
from rocketship.auth.policy import Rule
from rocketship.errors import RocketshipError, SettingsError, Unauthenticated
from rocketship.redaction import Secret
from rocketship.settings.auth import AuthSettings, TokenSettings
from tests.fixtures.http_server import answer
from tests.fixtures.issuer import DISCOVERY, running_issuer

USER, WORKER = "rst_self_" + "u" * 43, "rst_self_" + "w" * 43


class ByHand:
    """A verifier as another package could bring it."""

    async def verify(self, token: str) -> Principal | None:
        if token == "hang":
            await asyncio.sleep(60)
        if token == "break":
            raise RuntimeError("s3cret")
        if token == "bad":
            raise Unauthenticated("not today")
        return Principal(Kind.WORKER, "from elsewhere") if token == "good" else None


class Broken:
    def __init__(self) -> None:
        raise RuntimeError("no licence")


def install(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    point = importlib.metadata.EntryPoint("by-hand", f"{__name__}:{name}", verifiers.GROUP)

    def entry_points(group: str) -> list[Any]:
        return [point] if group == verifiers.GROUP else []

    monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)
    monkeypatch.setattr(
        importlib.metadata.EntryPoint, "load", lambda self: globals()[self.attr], raising=True
    )


def tokens(user: str = "", worker: str = "", **changes: Any) -> AuthSettings:
    values = {
        "modes": ("token",),
        "token": TokenSettings(Secret(user)),
        "worker": TokenSettings(Secret(worker)),
        **changes,
    }
    return AuthSettings(**values)


def outcomes(settings: AuthSettings, *shown: str, rule: Rule = Rule.USER) -> list[str]:
    """Return the names of who is let in, or the codes of the errors."""

    async def main() -> list[str]:
        found = []
        async with open_auth(settings) as auth:
            for token in shown:
                try:
                    credentials = Credentials((f"Bearer {token}",))
                    found.append((await auth.authenticator.admit(rule, credentials)).name)
                except RocketshipError as error:
                    found.append(error.code)
        return found

    return asyncio.run(main())


def test_users_and_workers_are_told_apart() -> None:
    settings = tokens(f"ci:{USER}", WORKER)

    assert outcomes(settings, USER, WORKER, "x") == ["ci", "refused", "unauthenticated"]
    found = outcomes(settings, USER, WORKER, "x", rule=Rule.WORKER)
    assert found == ["refused", "worker", "unauthenticated"]


def test_tokens_and_a_provider_work_side_by_side() -> None:
    with running_issuer() as issuer:
        settings = tokens(USER, modes=("token", "oidc"), oidc=issuer.settings())
        shown = (USER, issuer.token(), "rst_cloud_x", "opaque")

        found = outcomes(settings, *shown)

    assert found == ["token", "alice", "unauthenticated", "unauthenticated"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (tokens(), "ROCKETSHIP_AUTH_MODE has token, and there is no token"),
        (tokens("short"), "ROCKETSHIP_ENGINE_TOKEN: the token is cut off"),
        (tokens(USER, USER), "ROCKETSHIP_WORKER_TOKEN: a user has the same token"),
        (tokens(USER, "two words"), "ROCKETSHIP_WORKER_TOKEN: is not a token"),
        (tokens(token=TokenSettings(file="/nowhere/x")), "ROCKETSHIP_ENGINE_TOKEN_FILE=/nowhere/x"),
        (
            AuthSettings(worker=TokenSettings(file="/nowhere/x")),
            "ROCKETSHIP_WORKER_TOKEN_FILE=/nowhere/x: cannot be read",
        ),
    ],
)
def test_token_that_is_missing_or_unfit_keeps_it_from_being_built(
    settings: AuthSettings, message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        outcomes(settings)
    assert USER not in f"{caught.value.message} {caught.value.hint}"


def test_same_token_for_users_and_workers_is_found_in_files_too(tmp_path: Path) -> None:
    (tmp_path / "users").write_text(f"ci:{USER}\nops:{WORKER}\n", encoding="utf-8")
    settings = tokens(worker=WORKER, token=TokenSettings(file=str(tmp_path / "users")))

    with pytest.raises(SettingsError, match="a user has the same token"):
        outcomes(settings)


def test_provider_that_is_another_keeps_it_from_being_built() -> None:
    with running_issuer() as issuer:
        document = json.dumps({**issuer.document, "issuer": issuer.url + "/"})
        issuer.routes[DISCOVERY] = answer(document)

        with pytest.raises(SettingsError, match="the provider calls itself") as caught:
            outcomes(issuer.auth())

    assert "slash" in str(caught.value.hint)


def test_provider_that_is_down_does_not_keep_the_engine_from_starting() -> None:
    with running_issuer() as issuer:
        settings, token = issuer.auth(), issuer.token()

    assert outcomes(settings, token) == ["unavailable"]


def test_cloud_is_advertised_when_the_operator_says_so() -> None:
    async def kind(settings: AuthSettings) -> str:
        async with open_auth(settings) as auth:
            return auth.advertisement().kind

    with running_issuer() as issuer:
        assert asyncio.run(kind(issuer.auth(advertise_cloud=True))) == "cloud"
        assert asyncio.run(kind(issuer.auth())) == "oidc"


def test_installed_verifier_knows_users_only(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "ByHand")

    assert outcomes(tokens(USER), "good", "bad", "other", "break", USER) == [
        "from elsewhere",
        "unauthenticated",
        "unauthenticated",
        "unavailable",
        "token",
    ]
    # It needs no token beside it, and makes nobody a worker.
    assert outcomes(tokens(), "good", rule=Rule.WORKER) == ["refused"]


def test_installed_verifier_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "ByHand")
    monkeypatch.setattr(verifiers, "PATIENCE_SECONDS", 0.05)

    assert outcomes(tokens(), "hang") == ["unavailable"]


def test_installed_verifier_that_is_broken_keeps_it_from_being_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "Broken")

    with pytest.raises(SettingsError, match='"by-hand" cannot be used: no licence'):
        outcomes(tokens())
