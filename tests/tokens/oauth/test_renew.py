"""Renewing and ending logins at a real provider, which takes every refresh token once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rocketship.errors import Unauthenticated
from rocketship.tokens.login import Login
from rocketship.tokens.logins import Logins
from rocketship.tokens.oauth.client import Answer, Unanswered
from rocketship.tokens.oauth.grant import with_grant
from rocketship.tokens.oauth.renew import renew, revoke, usable_token
from tests.fixtures.cli import isolated_environment
from tests.fixtures.clock import ManualClock
from tests.fixtures.oidc_provider import AUDIENCE, CLIENT_ID, OidcProvider, post, running_provider

SERVER = "grpcs://engine.example.com:443"
CLOCK = ManualClock()


def log_in(provider: OidcProvider, *, server: str = SERVER) -> Login:
    """Return a login as `rocketship login` makes it."""
    begun = Login(
        server,
        provider.issuer,
        AUDIENCE,
        CLIENT_ID,
        provider.token_endpoint,
        provider.revocation_endpoint,
    )
    return with_grant(begun, Answer(200, provider.grant()), CLOCK.now())


@pytest.fixture
def logins(tmp_path: Path) -> Logins:
    return Logins(tmp_path / "tokens", "file", pytest.fail)


@pytest.fixture
def own_provider() -> Iterator[OidcProvider]:
    """A provider that a test may disturb."""
    with running_provider(accessTokenSeconds=600) as provider:
        yield provider


def test_renewed_login_has_new_tokens_and_is_kept(logins: Logins, oidc: OidcProvider) -> None:
    login = log_in(oidc)
    logins.save("p", login)

    renewed = renew(logins, "p", login, CLOCK)

    assert renewed is not None
    assert renewed == logins.load("p")
    assert renewed.access_token != login.access_token
    assert renewed.refresh_token not in ("", login.refresh_token)
    assert renewed.binding == login.binding
    assert renewed.identity == "alice@example.com"


def test_login_another_process_has_renewed_is_taken_as_it_is(
    logins: Logins, own_provider: OidcProvider
) -> None:
    login = log_in(own_provider)
    other = replace(login, access_token="newer")
    logins.save("p", other)
    own_provider.go_down()

    assert renew(logins, "p", login, CLOCK) == other


def test_login_without_refresh_token_cannot_be_renewed(logins: Logins, oidc: OidcProvider) -> None:
    login = replace(log_in(oidc), refresh_token="")
    logins.save("p", login)

    assert renew(logins, "p", login, CLOCK) is None


def test_login_for_another_engine_is_not_renewed_for_this_one(
    logins: Logins, oidc: OidcProvider
) -> None:
    login = log_in(oidc)
    logins.save("p", replace(login, server="grpcs://other.example.com:443"))

    with pytest.raises(Unauthenticated, match="is gone"):
        renew(logins, "p", login, CLOCK)


def test_ended_login_says_so(logins: Logins, oidc: OidcProvider) -> None:
    login = log_in(oidc)
    logins.save("p", login)
    assert revoke(login) == ""

    with pytest.raises(Unauthenticated, match="does not renew the login"):
        renew(logins, "p", login, CLOCK)


def test_revoked_refresh_token_is_worthless(oidc: OidcProvider) -> None:
    login = log_in(oidc)

    assert revoke(login) == ""

    form = {
        "grant_type": "refresh_token",
        "refresh_token": login.refresh_token,
        "client_id": CLIENT_ID,
    }
    assert post(oidc.token_endpoint, form)["error"] == "invalid_grant"


def test_revoking_at_a_provider_that_is_down_tells_why(own_provider: OidcProvider) -> None:
    login = log_in(own_provider)
    own_provider.go_down()

    assert "HTTP 503" in revoke(login)


def test_provider_without_revocation_is_told(oidc: OidcProvider) -> None:
    assert "no way to revoke" in revoke(replace(log_in(oidc), revocation_endpoint=""))


@pytest.mark.parametrize(
    ("lifetime", "left", "ending"),
    [
        (3600, 121, False),
        (3600, 119, True),
        (60, 31, False),
        (60, 29, True),
        (3600, -5, True),
        (0, 0, False),
    ],
)
def test_login_is_renewed_two_minutes_before_its_end_or_half_its_life(
    lifetime: float, left: float, ending: bool
) -> None:
    login = Login(
        SERVER, "i", "a", "c", "t", lifetime_seconds=lifetime, expires_at=lifetime and 1000 + left
    )

    assert login.ending(1000) is ending


def test_login_that_ends_soon_is_used_while_its_provider_is_down(
    logins: Logins, own_provider: OidcProvider
) -> None:
    clock, warnings = ManualClock(CLOCK.now()), list[str]()
    login = log_in(own_provider)
    logins.save("p", login)
    own_provider.go_down()
    clock.sleep(600 - 60)

    assert usable_token(logins, "p", login, clock, warnings.append) == login
    assert "cannot be renewed now" in warnings[0]

    clock.sleep(60)
    with pytest.raises(Unanswered, match="HTTP 503"):
        usable_token(logins, "p", login, clock, warnings.append)

    own_provider.come_up()
    assert usable_token(logins, "p", login, clock, warnings.append) != login


_PROGRAM = """
import sys
from pathlib import Path
from rocketship.tokens.clock import SystemClock
from rocketship.tokens.logins import Logins
from rocketship.tokens.oauth.renew import renew

logins = Logins(Path(sys.argv[1]), "file", sys.exit)
login = logins.load("p")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(5):
    renewed = renew(logins, "p", login, SystemClock())
    login = renewed if renewed.access_token != login.access_token else sys.exit("nothing new")
print(login.refresh_token)
"""


@pytest.mark.slow
def test_processes_that_renew_at_once_lose_nothing(
    tmp_path: Path, logins: Logins, oidc: OidcProvider
) -> None:
    logins.save("p", log_in(oidc))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(tmp_path / "tokens")],
            env=isolated_environment(tmp_path),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]

    assert [errors for _, errors in answers] == ["", "", ""]
    kept = logins.load("p")
    assert kept is not None
    # The last refresh token of all is the one that is kept, and it still works.
    assert kept.refresh_token in [tokens.strip() for tokens, _ in answers]
    assert renew(logins, "p", kept, CLOCK) is not None
