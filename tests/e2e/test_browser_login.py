"""An engine behind a load balancer that has people log in: browsers pass, command lines are told.

Envoy stands in for the load balancer of the chart's preset oidc-web; it hands the token of the
person on, where one of AWS signs a statement of its own.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import ssl
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.fixtures.cli import run_cli
from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.envoy import CLIENT_ID, CLIENT_SECRET, REDIRECT_PATH, envoy, free_port
from tests.fixtures.oidc_provider import AUDIENCE, Page, running_provider

pytestmark = pytest.mark.slow


class Edge:
    """The address of the load balancer, and a browser."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"https://localhost:{port}"
        self.folder = folder
        self.trust = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        self.browser = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=self.trust),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )
        self.browser.addheaders = [("accept", "text/html")]

    def log_in(self, path: str) -> Page:
        """Open a page as somebody who is then asked to log in, and does."""
        page = Page(f"{self.url}{path}", self.browser)
        page = page.submit({"prompt": "login", "login": "alice", "password": "any"})
        return page.submit({"prompt": "consent"})


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    leaf = authority.issue_cert("localhost")
    leaf.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "edge.pem"))
    port = free_port()
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [f"https://localhost:{port}{REDIRECT_PATH}"],
    }
    with running_provider(clients=[client]) as provider:
        settings = {
            "ROCKETSHIP_AUTH_MODE": "oidc",
            "ROCKETSHIP_OIDC_ISSUER": provider.issuer,
            "ROCKETSHIP_OIDC_AUDIENCE": AUDIENCE,
        }
        engine = EngineProcess(tmp_path / "engine", settings)
        engine.start()
        provider_port = int(provider.issuer.rsplit(":", 1)[1])
        try:
            with envoy(
                tmp_path / "envoy", port, tmp_path / "edge.pem", provider_port, engine.http_port
            ):
                yield Edge(tmp_path, port)
        finally:
            engine.close()


def test_person_who_logs_in_sees_the_status_page(edge: Edge) -> None:
    page = edge.log_in("/")

    assert page.url == f"{edge.url}/"
    assert "engine ok" in page.text
    assert "alice" in page.text


def test_person_is_brought_back_to_the_page_that_was_asked_for(edge: Edge) -> None:
    page = edge.log_in("/healthz")

    assert page.url == f"{edge.url}/healthz"
    assert '"status":"ok"' in page.text


def test_nobody_gets_past_the_login_without_one(edge: Edge) -> None:
    connection = http.client.HTTPSConnection(edge.url.split("//")[1], context=edge.trust)
    connection.request("GET", "/", headers={"authorization": "Bearer made-up"})
    reply = connection.getresponse()
    reply.read()
    connection.close()

    assert reply.status == 302
    assert "/auth?" in reply.headers["location"]


@pytest.mark.parametrize("command", ["list", "doctor"])
def test_command_line_is_told_that_this_is_for_browsers(edge: Edge, command: str) -> None:
    ended = run_cli(
        [command, "--engine", edge.url, "--ca-cert", "ca.pem"],
        cwd=edge.folder,
        home=edge.folder / "home",
    )
    said = ended.stdout + ended.stderr

    assert ended.returncode in (1, 3)
    assert "browser login" in said
    assert "Traceback" not in said
