from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from rocketship.errors import ConfigError, ConnectionFailed
from rocketship.plugins.http.plugin import Http
from rocketship.values import Json
from tests.fixtures.http_server import Got, HttpServer, Route, answer, redirect
from tests.plugins.http.steps import make_call, run, with_plugin

OK = {"*": answer("ok")}
JSON = [("Content-Type", "application/json")]


def authorization(config) -> str | None:
    with HttpServer(OK) as server:
        assert run({"url": server.url(), **config}).failure is None
        return server.got[0].one("authorization")


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


def test_basic_sends_name_and_password():
    config = {"auth": {"basic": {"username": "ada", "password": "p:ä ss"}}}
    assert authorization(config) == basic("ada:p:ä ss")


def test_bearer_sends_the_token():
    assert authorization({"auth": {"bearer": "abc.def"}}) == "Bearer abc.def"


def test_authorization_header_of_the_step_wins():
    config = {"auth": {"bearer": "abc"}, "headers": {"authorization": "Token mine"}}
    assert authorization(config) == "Token mine"


def test_credentials_in_the_url_become_basic_and_are_hidden():
    with HttpServer(OK) as server:
        url = server.url().replace("://", "://ada:op%40n-sesame@")
        outcome = run({"url": url})
        assert server.got[0].one("authorization") == basic("ada:op@n-sesame")
    assert "op@n-sesame" in outcome.secrets
    assert outcome.request["url"] == server.url()
    assert "sesame" not in str((outcome.request, outcome.reproduce))


@pytest.mark.parametrize(
    ("auth", "words"),
    [
        ({"basic": {"username": "a:b", "password": "c"}}, "colon"),
        ({"bearer": "a\r\nX-Injected: 1"}, "control characters"),
        ({"bearer": "a", "basic": {"username": "a", "password": "b"}}, "more than one"),
        ({}, "none is given"),
    ],
)
def test_credentials_that_cannot_be_sent_are_refused(auth, words):
    with pytest.raises(ConfigError, match=words):
        run({"url": "http://127.0.0.1:1/", "auth": auth})


def test_secrets_of_the_block_are_known_by_description():
    oauth: dict[str, Json] = {"token_url": "http://h", "client_id": "a", "client_secret": "hush"}
    assert list(Http.config.secrets({"auth": {"oauth2": oauth}})) == ["hush"]
    assert list(Http.config.secrets({"auth": {"bearer": "abc"}})) == ["abc"]


def digest_server(got: Got) -> bytes:
    """Admits ada with the password open, by digest (RFC 7616, MD5 and qop auth)."""
    given = dict(re.findall(r'(\w+)="?([^",]*)"?', got.one("authorization") or ""))
    if not given:
        challenge = 'Digest realm="r", nonce="n0", qop="auth", algorithm=MD5'
        return answer("no", "401 Unauthorized", [("WWW-Authenticate", challenge)])

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    parts = ("nonce", "nc", "cnonce", "qop")
    middle = ":".join(given[part] for part in parts)
    proof = md5(f"{md5('ada:r:open')}:{middle}:{md5(f'{got.method}:{got.target}')}")
    return answer(got.body) if proof == given["response"] else answer("bad", "403 Forbidden")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_digest_answers_the_challenge_with_the_body_intact(method):
    config = {"method": method, "auth": {"digest": {"username": "ada", "password": "open"}}}
    if method != "GET":
        config["body"] = "payload"
    with HttpServer({"*": digest_server}) as server:
        response = run({"url": server.url("/a?b=1"), **config}).subject
    assert (response.reply.status, response.header("www-authenticate")) == (200, None)
    assert response.text == ("" if method == "GET" else "payload")


def test_digest_body_arrives_where_nobody_asks_for_digest():
    auth = {"digest": {"username": "ada", "password": "open"}}
    with HttpServer({"*": lambda got: answer(got.body)}) as server:
        response = run({"url": server.url(), "method": "POST", "body": "x", "auth": auth}).subject
    assert response.text == "x"


class TokenServer:
    """Issues tokens t1, t2, …; refuses every secret but `s3cret`."""

    def __init__(self, **details) -> None:
        self.details = details
        self.forms: list[dict[str, str]] = []

    def __call__(self, got: Got) -> bytes:
        form = dict(parse_qsl(got.body.decode()))
        self.forms.append(form)
        if got.one("authorization") != basic("id:s3cret") and form.get("client_secret") != "s3cret":
            content = {"error": "invalid_client", "error_description": "unknown"}
            return answer(json.dumps(content), "401 Unauthorized", JSON)
        token = {"access_token": f"t{len(self.forms)}", "token_type": "Bearer", **self.details}
        return answer(json.dumps(token), headers=JSON)


def oauth2(server: HttpServer, **more):
    settings = {"token_url": server.url("/token"), "client_id": "id", "client_secret": "s3cret"}
    return {"oauth2": {**settings, **more}}


def test_oauth2_fetches_a_token_once_for_all_steps():
    async def scenario(plugin):
        call = make_call({"url": server.url("/api"), "auth": oauth2(server, scope="a b")})
        outcomes = await asyncio.gather(*(plugin.run(call) for _ in range(10)))
        assert {outcome.secrets for outcome in outcomes} == {("t1",)}

    tokens = TokenServer(expires_in=3600)
    with HttpServer({"/token": tokens, "/api": answer("ok")}) as server:
        with_plugin(scenario)
        used = {got.one("authorization") for got in server.got if got.path == "/api"}
    assert tokens.forms == [{"grant_type": "client_credentials", "scope": "a b"}]
    assert used == {"Bearer t1"}


def test_oauth2_credentials_can_go_into_the_body():
    tokens = TokenServer()
    with HttpServer({"/token": tokens, "/api": answer("ok")}) as server:
        auth = oauth2(server, send_credentials="body", audience="me")
        assert run({"url": server.url("/api"), "auth": auth}).failure is None
        assert server.got[0].one("authorization") is None
    (form,) = tokens.forms
    assert (form["client_id"], form["client_secret"], form["audience"]) == ("id", "s3cret", "me")


@pytest.mark.parametrize(
    ("details", "status", "expected"),
    [
        ({"expires_in": 3600}, "200 OK", ["Bearer t1", "Bearer t1"]),
        ({"expires_in": 1}, "200 OK", ["Bearer t1", "Bearer t2"]),
        ({"expires_in": 3600}, "401 Unauthorized", ["Bearer t1", "Bearer t2"]),
    ],
)
def test_oauth2_token_is_replaced_when_it_ends_or_is_refused(details, status, expected):
    async def scenario(plugin):
        for _ in range(2):
            await plugin.run(make_call({"url": server.url("/api"), "auth": oauth2(server)}))

    routes: dict[str, Route] = {"/token": TokenServer(**details), "/api": answer("", status)}
    with HttpServer(routes) as server:
        with_plugin(scenario)
        used = [got.one("authorization") for got in server.got if got.path == "/api"]
    assert used == expected


def test_oauth2_refused_credentials_are_a_config_error():
    refused = pytest.raises(ConfigError, match="401: invalid_client: unknown")
    with HttpServer({"/token": TokenServer()}) as server, refused:
        run({"url": server.url("/api"), "auth": oauth2(server, client_secret="wrong")})


@pytest.mark.parametrize("said", [answer("oops", "500 Internal"), answer("{}"), answer("[]")])
def test_oauth2_server_that_issues_nothing_fails_the_step(said):
    with HttpServer({"/token": said}) as server:
        failure = run({"url": server.url("/api"), "auth": oauth2(server)}).failure
    assert isinstance(failure, ConnectionFailed)
    assert "/token answered" in failure.message


# The key and the expected signature of the examples that AWS publishes for implementers.
AWS = {
    "access_key": "AKIDEXAMPLE",
    "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "region": "us-east-1",
    "service": "service",
}


def test_aws_signature_is_the_published_one():
    headers = {"Host": "example.amazonaws.com", "X-Amz-Date": "20150830T123600Z"}
    # The example signs nothing but these two headers.
    found = authorization({"headers": headers, "auth": {"aws_sigv4": AWS}})
    assert found is not None
    assert "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request" in found
    assert found.endswith("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")


def aws_signature(got: Got, service: str) -> str:
    """Work out the signature a request should have, by the steps of the specification."""
    given = got.one("authorization") or ""
    signed = re.search(r"SignedHeaders=([^,]+)", given)
    assert signed is not None
    names = signed[1].split(";")
    parts = urlsplit(got.target)
    query = sorted(parse_qsl(parts.query, keep_blank_values=True))
    path = parts.path if service == "s3" else quote(parts.path, safe="/~")
    canonical = [
        got.method,
        path,
        "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in query),
        *(f"{name}:{' '.join(str(got.one(name)).split())}" for name in names),
        "",
        signed[1],
        hashlib.sha256(got.body).hexdigest(),
    ]
    date = str(got.one("x-amz-date"))
    scope = f"{date[:8]}/us-east-1/{service}/aws4_request"
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    key = f"AWS4{AWS['secret_key']}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    to_sign = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}"
    return hmac.digest(key, to_sign.encode(), "sha256").hex()


@pytest.mark.parametrize("service", ["execute-api", "s3"])
@pytest.mark.parametrize(
    "config",
    [
        {"query": {"b": "x y/z", "a": ["2", "1"], "empty": ""}},
        {"method": "POST", "json": {"a": 1}, "headers": {"X-Custom": "a  b"}},
        {"method": "PUT", "body": "text"},
        {"method": "DELETE"},
    ],
)
def test_aws_signature_fits_what_arrives(service, config):
    auth = {"aws_sigv4": {**AWS, "service": service, "session_token": "tmp-token"}}
    with HttpServer(OK) as server:
        outcome = run({"url": server.url("/some%20path/x"), "auth": auth, **config})
        (got,) = server.got
    found = got.one("authorization") or ""
    assert "x-amz-security-token" in found
    assert found.rpartition("Signature=")[2] == aws_signature(got, service)
    assert outcome.request["headers"]["X-Amz-Security-Token"] == "***"


def test_digest_password_does_not_follow_to_another_host():
    auth = {"digest": {"username": "ada", "password": "open"}}
    with HttpServer({"*": digest_server}) as other:
        to = other.url(host="localhost")
        with HttpServer({"/": redirect(to)}) as server:
            assert run({"url": server.url(), "auth": auth}).subject.reply.status == 401
