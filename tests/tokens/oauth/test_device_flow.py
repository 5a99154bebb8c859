"""The rare answers of issuers, on a clock that does not have to be waited for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import respx

from rocketship.errors import Refused, RocketshipError, Unauthenticated
from rocketship.tokens.oauth.client import MAX_ANSWER_BYTES, OAuthClient, Unanswered, oauth_client
from rocketship.tokens.oauth.device_flow import DeviceFlow
from rocketship.tokens.oauth.provider import Advertised, Provider, find_provider
from tests.fixtures.clock import ManualClock

ISSUER = "https://idp.example.com"
DEVICE, TOKEN = f"{ISSUER}/device", f"{ISSUER}/token"
ADVERTISED = Advertised(
    "grpcs://engine.example.com:443", ISSUER, "cli", "https://engine", ("openid",)
)
PROVIDER = Provider(ISSUER, DEVICE, TOKEN)
CODE = {
    "device_code": "secret-device-code",
    "user_code": "ABCD-EFGH",
    "verification_uri": f"{ISSUER}/activate",
    "expires_in": 600,
}
GRANT = {
    "access_token": "access",
    "refresh_token": "refresh",
    "token_type": "Bearer",
    "expires_in": 60,
}


@pytest.fixture
def idp() -> Iterator[respx.Router]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
def client() -> Iterator[OAuthClient]:
    with oauth_client() as made:
        yield made


class Attempt:
    """A login of which the issuer's answers to the polls are given."""

    def __init__(self, idp: respx.Router, client: OAuthClient, *polls: Any, **changes: Any) -> None:
        self.clock = ManualClock()
        self.notes: list[str] = []
        self.device = idp.post(DEVICE).respond(json={**CODE, **changes})
        self.token = idp.post(TOKEN).mock(side_effect=[*polls])
        self.flow = DeviceFlow(client, PROVIDER, ADVERTISED, self.clock, note=self.notes.append)
        self.prompt = self.flow.begin()

    def fails(self, kind: type[RocketshipError]) -> str:
        with pytest.raises(kind) as caught:
            self.flow.wait()
        return caught.value.message


def error(code: str, status: int = 400, **members: str) -> httpx2.Response:
    return httpx2.Response(status, json={"error": code, **members})


def granted(**changes: Any) -> httpx2.Response:
    return httpx2.Response(200, json={**GRANT, **changes})


PENDING = error("authorization_pending")


def test_first_poll_waits_for_the_interval(idp: respx.Router, client: OAuthClient) -> None:
    attempt = Attempt(idp, client, PENDING, granted(), interval=7)

    login = attempt.flow.wait()

    assert attempt.clock.slept == [7, 7]
    assert (login.access_token, login.refresh_token) == ("access", "refresh")
    assert login.expires_at == attempt.clock.now() + 60
    assert login.binding == (ISSUER, "https://engine", "grpcs://engine.example.com:443")


@pytest.mark.parametrize("interval", [None, 0, -1, "soon", True])
def test_interval_that_is_none_is_five_seconds(
    idp: respx.Router, client: OAuthClient, interval: object
) -> None:
    attempt = Attempt(idp, client, granted(), interval=interval)

    attempt.flow.wait()

    assert attempt.clock.slept == [5]


def test_slow_down_twice_adds_five_seconds_each_time(
    idp: respx.Router, client: OAuthClient
) -> None:
    attempt = Attempt(idp, client, error("slow_down"), error("slow_down"), PENDING, granted())

    attempt.flow.wait()

    assert attempt.clock.slept == [5, 10, 15, 15]


@pytest.mark.parametrize(
    "trouble",
    [
        httpx2.Response(500, html="<h1>oops</h1>"),
        httpx2.Response(503),
        httpx2.Response(429, json={"error": "too_many"}),
        httpx2.ConnectError("Connection refused"),
        httpx2.ReadTimeout("timed out"),
        httpx2.RemoteProtocolError("peer closed connection"),
    ],
)
def test_trouble_of_the_issuer_is_waited_out_ever_more_patiently(
    idp: respx.Router, client: OAuthClient, trouble: Any
) -> None:
    attempt = Attempt(idp, client, trouble, trouble, trouble, PENDING, granted())

    attempt.flow.wait()

    assert attempt.clock.slept == [5, 10, 20, 40, 5]
    assert len(attempt.notes) == 1


def test_denial_ends_the_login(idp: respx.Router, client: OAuthClient) -> None:
    attempt = Attempt(idp, client, PENDING, error("access_denied"))

    assert "denied" in attempt.fails(Unauthenticated)


def test_expired_code_ends_the_login(idp: respx.Router, client: OAuthClient) -> None:
    attempt = Attempt(idp, client, error("expired_token"))

    assert "before its code ended" in attempt.fails(Unauthenticated)


def test_nobody_approving_ends_the_login_when_the_code_does(
    idp: respx.Router, client: OAuthClient
) -> None:
    attempt = Attempt(idp, client, *[PENDING] * 3, expires_in=12)

    assert "in time" in attempt.fails(Unauthenticated)
    assert attempt.clock.slept == [5, 5, 2]


def test_issuer_that_never_answers_ends_the_login_when_the_code_does(
    idp: respx.Router, client: OAuthClient
) -> None:
    attempt = Attempt(idp, client, *[httpx2.Response(500)] * 9, expires_in=100)

    attempt.fails(Unauthenticated)

    assert sum(attempt.clock.slept) == 100


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx2.Response(200, html="<html>login</html>"), "text/html"),
        (httpx2.Response(200, content=json.dumps(GRANT)[:-9]), "does not answer as a login"),
        (httpx2.Response(200, json=["access_token"]), "does not answer as a login"),
        (httpx2.Response(200, content=b"[" * 100_000), "does not answer as a login"),
        (httpx2.Response(200, content=b" " * (MAX_ANSWER_BYTES + 1)), "too large"),
        (httpx2.Response(302, headers={"location": "https://evil.example/"}), "evil.example"),
        (httpx2.Response(200, json={}), "holds no token"),
        (httpx2.Response(200, json={**GRANT, "token_type": "mac"}), '"mac"'),
        (httpx2.Response(200, json={**GRANT, "access_token": "a\nb: c"}), "more than one line"),
        (httpx2.Response(200, json={**GRANT, "access_token": 7}), "holds no token"),
        (error("invalid_grant", error_description="code used"), "code used (invalid_grant)"),
        (httpx2.Response(404, json={"message": "nothing here"}), "HTTP 404"),
    ],
)
def test_answer_that_leads_nowhere_ends_the_login(
    idp: respx.Router, client: OAuthClient, answer: httpx2.Response, said: str
) -> None:
    attempt = Attempt(idp, client, answer)

    assert said in attempt.fails(RocketshipError)
    assert attempt.token.call_count == 1


def test_form_names_the_engine_as_audience_and_resource(
    idp: respx.Router, client: OAuthClient
) -> None:
    attempt = Attempt(idp, client, granted())

    body = attempt.device.calls[0].request.content.decode()
    assert body.split("&") == [
        "client_id=cli",
        "scope=openid",
        "audience=https%3A%2F%2Fengine",
        "resource=https%3A%2F%2Fengine",
    ]


@pytest.mark.parametrize(
    "page", ["javascript:alert(1)", "http://idp.example.com/", "file:///etc/passwd", "", "https://"]
)
def test_page_that_is_not_safe_to_open_is_refused(
    idp: respx.Router, client: OAuthClient, page: str
) -> None:
    with pytest.raises(Refused):
        Attempt(idp, client, verification_uri=page)


def test_code_that_would_control_the_terminal_is_cleaned(
    idp: respx.Router, client: OAuthClient
) -> None:
    assert Attempt(idp, client, user_code="\x1b[2JABCD").prompt.user_code == "ABCD"


DOCUMENT = {
    "issuer": ISSUER,
    "device_authorization_endpoint": DEVICE,
    "token_endpoint": TOKEN,
    "revocation_endpoint": f"{ISSUER}/revoke",
}


def find(
    idp: respx.Router, client: OAuthClient, document: dict[str, Any], **claims: str
) -> Provider:
    idp.get(f"{ISSUER}/.well-known/openid-configuration").respond(json=document)
    claimed = {"server": "grpcs://e:443", "issuer": ISSUER, "client_id": "cli", **claims}
    return find_provider(client, Advertised(**claimed))  # type: ignore[arg-type]


def test_provider_is_what_its_document_says(idp: respx.Router, client: OAuthClient) -> None:
    found = find(idp, client, DOCUMENT, device_endpoint=DEVICE, token_endpoint=TOKEN)

    assert found == Provider(ISSUER, DEVICE, TOKEN, f"{ISSUER}/revoke")


@pytest.mark.parametrize(
    ("document", "claims", "said"),
    [
        ({**DOCUMENT, "issuer": f"{ISSUER}/"}, {}, "calls itself"),
        ({**DOCUMENT, "issuer": "https://evil.example"}, {}, "calls itself"),
        (DOCUMENT, {"token_endpoint": "https://evil.example/token"}, "evil.example"),
        (DOCUMENT, {"device_endpoint": "https://evil.example/device"}, "evil.example"),
        ({**DOCUMENT, "token_endpoint": "http://idp.example.com/token"}, {}, "https://"),
        ({**DOCUMENT, "revocation_endpoint": "http://idp.example.com/r"}, {}, "https://"),
        ({**DOCUMENT, "device_authorization_endpoint": ""}, {}, "no device endpoint"),
        (
            {**DOCUMENT, "device_authorization_endpoint": ""},
            {"device_endpoint": "https://evil.example/device"},
            "not one of the issuer",
        ),
        (DOCUMENT, {"issuer": ""}, "which issuer"),
        (DOCUMENT, {"client_id": ""}, "which client id"),
    ],
)
def test_provider_that_cannot_be_trusted_is_refused(
    idp: respx.Router,
    client: OAuthClient,
    document: dict[str, Any],
    claims: dict[str, str],
    said: str,
) -> None:
    with pytest.raises(Refused) as caught:
        find(idp, client, document, **claims)

    assert said in caught.value.message


@pytest.mark.parametrize(
    "issuer", ["http://idp.example.com", "ftp://idp", "idp.example.com", "https://a b"]
)
def test_issuer_without_tls_is_never_asked(
    idp: respx.Router, client: OAuthClient, issuer: str
) -> None:
    with pytest.raises(Refused):
        find_provider(client, Advertised("grpcs://e:443", issuer, "cli"))

    assert not idp.calls


def test_issuer_that_is_down_may_be_tried_again(idp: respx.Router, client: OAuthClient) -> None:
    idp.get(f"{ISSUER}/.well-known/openid-configuration").respond(502)

    with pytest.raises(Unanswered):
        find_provider(client, Advertised("grpcs://e:443", ISSUER, "cli"))
