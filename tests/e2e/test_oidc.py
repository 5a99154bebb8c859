"""A person with a login and a real engine that verifies tokens, from the code to the verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.oidc_provider import AUDIENCE, CLIENT_ID, OidcProvider, running_provider
from tests.fixtures.workbench import Running, Workbench, case, log, suite

pytestmark = pytest.mark.slow


class Team:
    """A provider, an engine that trusts it, and somebody with a profile for the engine."""

    def __init__(self, bench: Workbench, provider: OidcProvider) -> None:
        self.bench = bench
        self.provider = provider
        self.engine: EngineProcess | None = None

    def start(self, **settings: str) -> None:
        """Start the engine; settings are added to those that trust the provider."""
        variables = {
            "ROCKETSHIP_AUTH_MODE": "oidc",
            "ROCKETSHIP_OIDC_ISSUER": self.provider.issuer,
            "ROCKETSHIP_OIDC_AUDIENCE": AUDIENCE,
            "ROCKETSHIP_OIDC_CLIENT_ID": CLIENT_ID,
            "ROCKETSHIP_OIDC_LEEWAY_SECONDS": "0",
            **settings,
        }
        self.engine = EngineProcess(self.bench.folder.parent / "engine", variables)
        self.engine.start()
        address = f"grpc://127.0.0.1:{self.engine.grpc_port}"
        made = self.bench.run("profile", "create", "team", address, "--use", "--force")
        assert made.code == 0, made.err

    def log_in(self) -> str:
        """Log in, and return what was said about it."""
        running: Running = self.bench.start("login")
        running.wait_for_note("Waiting for the approval")
        self.provider.approve(_page(running))
        ended = running.end()
        assert ended.code == 0, ended.err
        return ended.out + ended.err

    def write(self, **keys: Any) -> str:
        """Write a suite that holds until it is let go on; return its path."""
        steps = (log("before"), self.bench.hold("held"), log("after"))
        return str(self.bench.write("suite.yaml", suite(case("one", *steps), **keys)))


def _page(running: Running) -> str:
    """Return the page a login asks to open."""
    return next(word for word in running.err.split() if "user_code=" in word)


@pytest.fixture
def team(bench: Workbench, request: pytest.FixtureRequest) -> Iterator[Team]:
    with running_provider(**getattr(request, "param", {})) as provider:
        team = Team(bench, provider)
        yield team
        if team.engine:
            team.engine.close()


@pytest.mark.parametrize("team", [{"accessTokenSeconds": 4}], indirect=True)
def test_run_outlives_the_token_it_was_started_with(team: Team) -> None:
    team.start()
    assert "warning" not in team.log_in()
    running = team.bench.start("run", team.write(), "--output", "plain")
    team.bench.wait_for("held")
    folder = team.bench.folder.parent / "home" / "config" / "rocketship" / "tokens"
    first = json.loads((folder / "team.json").read_text("utf-8"))

    def renewed() -> bool:
        now = json.loads((folder / "team.json").read_text("utf-8"))
        return bool(now["expires_at"] > first["expires_at"])

    running.wait_until(renewed)
    team.bench.release("held")
    ended = running.end()

    assert ended.code == 0, ended.err
    assert ended.out.count("before") == ended.out.count("after") == 1
    assert "✓ Passed Tests: 1" in ended.out


def test_run_needs_a_login_and_is_told_so(team: Team) -> None:
    team.start()

    ended = team.bench.run("run", team.write())

    assert ended.code == 3
    assert "hint: log in with `rocketship login --profile team`" in ended.err


def test_token_for_another_audience_is_refused(team: Team) -> None:
    team.start()
    team.log_in()
    assert team.engine is not None
    team.engine.stop()
    team.start(ROCKETSHIP_OIDC_AUDIENCE="https://other.example/engine")

    ended = team.bench.run("list")

    assert ended.code == 3
    assert "rocketship login --profile team" in ended.err


def test_token_of_another_issuer_is_refused(team: Team) -> None:
    team.start()
    with running_provider() as other:
        token = other.grant()["access_token"]

        ended = team.bench.run("list", env={"ROCKETSHIP_TOKEN": token})

    assert ended.code == 3
    assert "ROCKETSHIP_TOKEN" in ended.err


def test_login_from_before_the_provider_changed_its_keys_is_still_good(team: Team) -> None:
    team.start()
    team.log_in()

    team.provider.rotate_keys()

    assert team.bench.run("list").code == 0


def test_engine_that_knows_the_keys_works_while_the_provider_is_down(team: Team) -> None:
    team.start()
    team.log_in()
    team.provider.go_down()

    assert team.bench.run("list").code == 0
    assert team.bench.run("doctor").code == 0


def test_logout_makes_the_login_worthless_everywhere(team: Team) -> None:
    team.start()
    team.log_in()

    assert "tokens are revoked" in team.bench.run("logout").out
    assert team.bench.run("list").code == 3
    assert team.bench.run("status").code == 1
