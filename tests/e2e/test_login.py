"""Logging in and out with the real command line, at a real provider."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.guarded_engine import GuardedEngine, guarded_engine
from tests.fixtures.oidc_provider import OidcProvider, running_provider
from tests.fixtures.workbench import Running, Workbench

_URL = re.compile(r"http://\S+user_code=\S+")
TOKENS = Path("home") / "config" / "rocketship" / "tokens"


class Person:
    """Somebody at a terminal with a profile for an engine that wants logins.

    Attributes:
        engine: The engine.
        address: Where it is.
        tokens: Where logins are kept without a keyring.
    """

    def __init__(
        self, bench: Workbench, provider: OidcProvider, engine: GuardedEngine, address: str
    ) -> None:
        self.bench = bench
        self.provider = provider
        self.engine = engine
        self.address = address
        self.tokens = bench.folder.parent / TOKENS
        assert bench.run("profile", "create", "work", address, "--use").code == 0

    def begin(self, *arguments: str, **options: object) -> tuple[Running, str]:
        """Start to log in, and return the page to open."""
        running = self.bench.start("login", *arguments, **options)  # type: ignore[arg-type]
        running.wait_for_note("Waiting for the approval")
        (page,) = _URL.findall(running.err)
        return running, page

    def log_in(self, *arguments: str, **options: object) -> str:
        """Log in, and return what was said about it."""
        running, page = self.begin(*arguments, **options)
        self.provider.approve(page)
        ended = running.end()
        assert ended.code == 0, ended.err
        return ended.out + ended.err

    def status(self, **options: object) -> tuple[int, dict[str, object]]:
        ended = self.bench.run("status", "--format", "json", **options)
        return ended.code, json.loads(ended.out)


@pytest.fixture
def person(bench: Workbench, oidc: OidcProvider) -> Iterator[Person]:
    with guarded_engine(oidc) as (engine, address):
        yield Person(bench, oidc, engine, address)


pytestmark = pytest.mark.slow


def test_login_is_kept_shown_used_and_ended(person: Person) -> None:
    bench = person.bench
    before = bench.run("list")

    said = person.log_in()
    listed = bench.run("list")
    code, status = person.status()
    shown = bench.run("profile", "show")
    out = bench.run("logout")
    after = bench.run("status")

    assert before.code == 3
    assert "hint: log in with `rocketship login --profile work`" in before.err
    assert f"Logged in to {person.address} as alice@example.com." in said
    assert "warning" not in said
    assert listed.code == 0
    assert code == 0
    assert status["identity"] == "alice@example.com"
    assert (status["refresh_token"], status["expired"]) == (True, False)
    assert "logged in as alice@example.com" in shown.out
    assert out.out == f'Logged out of {person.address} (profile "work"); its tokens are revoked.\n'
    assert (after.code, "not logged in" in after.out) == (1, True)
    assert not list(person.tokens.glob("*.json"))


def test_tokens_are_nowhere_but_in_a_private_file(person: Person) -> None:
    person.log_in()

    (path,) = person.tokens.glob("*.json")
    login = json.loads(path.read_text("utf-8"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for command in ("status", "profile show", "doctor", "--debug list", "status --format json"):
        ended = person.bench.run(*command.split())
        for secret in (login["access_token"], login["refresh_token"]):
            assert secret not in ended.out + ended.err


def test_login_is_kept_in_the_keyring_of_the_system(
    person: Person, system_keyring: dict[str, str]
) -> None:
    said = person.log_in(env=system_keyring)

    assert "The login is kept in the keyring of the system" in said
    assert [path.read_text("utf-8") for path in person.tokens.glob("*.json")] == [
        '{"store": "keyring"}'
    ]
    assert person.bench.run("list", env=system_keyring).code == 0
    assert person.status(env=system_keyring)[1]["identity"] == "alice@example.com"
    assert person.bench.run("logout", env=system_keyring).code == 0
    assert person.status(env=system_keyring)[0] == 1


def test_denial_ends_the_login(person: Person) -> None:
    running, page = person.begin()

    person.provider.deny(page)
    ended = running.end()

    assert ended.code == 3
    assert "error: the login was denied\n" in ended.err


def test_wrong_code_does_nothing(person: Person) -> None:
    running, page = person.begin()

    assert "The code you entered is incorrect" in person.provider.enter("WRONG-CODE")
    person.provider.approve(page)

    assert running.end().code == 0


def test_nobody_approving_ends_the_login(person: Person) -> None:
    running, _ = person.begin("--timeout", "1s")

    ended = running.end()

    assert ended.code == 3
    assert "error: nobody approved the login in time\n" in ended.err


def test_code_that_ends_first_ends_the_login(bench: Workbench) -> None:
    with (
        running_provider(deviceCodeSeconds=2) as provider,
        guarded_engine(provider) as (engine, address),
    ):
        running, _ = Person(bench, provider, engine, address).begin()

        ended = running.end()

    assert ended.code == 3
    assert "error: nobody approved the login" in ended.err


def test_interrupt_ends_the_login_at_once(person: Person) -> None:
    running, _ = person.begin()

    running.interrupt()
    ended = running.end()

    assert ended.code == 130
    assert ended.err.endswith("Cancelled; you are not logged in.\n")
    assert not list(person.tokens.glob("*.json"))


def test_provider_that_is_down_is_waited_for(bench: Workbench) -> None:
    with (
        running_provider() as provider,
        guarded_engine(provider) as (engine, address),
    ):
        person = Person(bench, provider, engine, address)
        running, page = person.begin()
        provider.go_down()
        running.wait_for_note("cannot answer now (HTTP 503); asking again")
        provider.come_up()
        provider.approve(page)

        assert running.end().code == 0


def test_provider_that_is_down_at_the_start_is_named(bench: Workbench) -> None:
    with (
        running_provider() as provider,
        guarded_engine(provider) as (engine, address),
    ):
        Person(bench, provider, engine, address)
        provider.go_down()

        ended = bench.run("login")

    assert ended.code == 3
    assert "openid-configuration cannot answer now (HTTP 503)" in ended.err


def test_issuer_that_calls_itself_otherwise_is_refused(
    bench: Workbench, oidc: OidcProvider
) -> None:
    with guarded_engine(oidc, issuer=f"{oidc.issuer}/") as (engine, address):
        Person(bench, oidc, engine, address)

        ended = bench.run("login")

    assert ended.code == 3
    assert f'calls itself "{oidc.issuer}"' in ended.err


def test_endpoint_of_somebody_else_is_refused(bench: Workbench, oidc: OidcProvider) -> None:
    evil = "http://127.0.0.1:9/token"
    with guarded_engine(oidc, token_endpoint=evil) as (engine, address):
        Person(bench, oidc, engine, address)

        ended = bench.run("login")

    assert ended.code == 3
    assert f"the engine names {evil} as the token endpoint" in ended.err


def test_engine_that_refuses_the_login_is_told_at_once(
    bench: Workbench, oidc: OidcProvider
) -> None:
    with guarded_engine(oidc) as (engine, address):
        person = Person(bench, oidc, engine, address)
        # As an engine does that expects another audience than it advertises.
        engine.issuer = "https://other.example.com"

        said = person.log_in()

    assert "warning: the engine does not take the login: " in said


@pytest.mark.parametrize(
    ("info", "code", "text"),
    [
        (
            {"auth_enabled": False, "auth_type": "none", "capabilities": ["runs.watch"]},
            0,
            "needs no",
        ),
        (
            {"auth_type": "token", "capabilities": ["auth.token", "runs.watch"]},
            3,
            "ROCKETSHIP_TOKEN",
        ),
    ],
    ids=["none", "token"],
)
def test_engine_without_logins_says_what_to_do(
    bench: Workbench, oidc: OidcProvider, info: dict[str, object], code: int, text: str
) -> None:
    with guarded_engine(oidc, **info) as (engine, address):
        Person(bench, oidc, engine, address)

        ended = bench.run("login")

    assert ended.code == code
    assert text in ended.out + ended.err


def test_address_by_itself_cannot_be_logged_in_to(person: Person) -> None:
    ended = person.bench.run("login", "--engine", person.address)

    assert ended.code == 2
    assert "a login is kept for a profile" in ended.err


def test_machine_without_an_engine_needs_no_login(bench: Workbench) -> None:
    assert bench.run("login").code == 0
    assert bench.run("status").code == 0
    assert bench.run("logout").code == 0


def test_browser_is_opened_when_there_is_one(person: Person, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    os.mkfifo(opened)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n', "utf-8")
    browser.chmod(0o755)

    running, page = person.begin(env={"BROWSER": str(browser)})

    assert opened.read_text("utf-8") == page
    running.kill()


def test_token_of_the_environment_comes_before_the_login(person: Person) -> None:
    person.log_in()

    ended = person.bench.run("list", env={"ROCKETSHIP_TOKEN": " other \n"})
    _, status = person.status(env={"ROCKETSHIP_TOKEN": "other"})

    assert ended.code == 3
    assert "(it was shown ROCKETSHIP_TOKEN)" in ended.err
    assert "hint: correct ROCKETSHIP_TOKEN, or leave it out and log in with" in ended.err
    assert person.engine.shown[-1] == "other"
    assert status["token_source"] == "ROCKETSHIP_TOKEN"


def test_login_of_an_issuer_the_engine_has_left_does_not_count(person: Person) -> None:
    person.log_in()
    person.engine.info["issuer"] = "https://other.example.com"

    ended = person.bench.run("status")

    assert ended.code == 1
    assert f"of the issuer {person.provider.issuer}" in ended.out


def test_token_file_comes_before_everything(person: Person, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("third\n", "utf-8")

    person.bench.run("list", "--token-file", str(path), env={"ROCKETSHIP_TOKEN": "other"})

    assert person.engine.shown[-1] == "third"


def test_token_of_several_lines_is_refused_in_plain_words(person: Person) -> None:
    ended = person.bench.run("list", env={"ROCKETSHIP_TOKEN": "two\nlines"})

    assert ended.code == 2
    assert ended.err.startswith("error: ROCKETSHIP_TOKEN holds more than one line")


def test_removed_profile_leaves_no_login_behind(person: Person) -> None:
    person.log_in()

    person.bench.run("profile", "rename", "work", "job")
    renamed = person.bench.run("list")
    person.bench.run("profile", "delete", "job")

    assert renamed.code == 0
    assert not list(person.tokens.glob("*.json"))
