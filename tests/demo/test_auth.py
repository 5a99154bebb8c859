from __future__ import annotations

import hashlib
from base64 import b64encode

import pytest


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(text.encode()).decode()}"}


def test_basic_right_credentials_are_let_in(call):
    reply = call("GET", "/auth/basic/ada/secret", headers=basic("ada:secret"))
    assert reply.json == {"authenticated": True, "user": "ada"}


@pytest.mark.parametrize(
    "headers", [{}, basic("ada:guess"), {"Authorization": "Basic ???"}, {"Authorization": "x"}]
)
def test_basic_everything_else_is_challenged(call, headers):
    reply = call("GET", "/auth/basic/ada/secret", headers=headers)
    assert (reply.status, reply.headers["www-authenticate"][:6]) == (401, "Basic ")


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/auth/bearer", "Bearer t1", 200),
        ("/auth/bearer?token=t1", "bearer t1", 200),
        ("/auth/bearer?token=t1", "Bearer t2", 401),
        ("/auth/bearer", "Bearer ", 401),
        ("/auth/bearer", "Token t1", 401),
    ],
)
def test_bearer_token_is_compared(call, path, header, status):
    assert call("GET", path, headers={"Authorization": header}).status == status


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize(("password", "status"), [("secret", 200), ("guess", 401)])
def test_digest_response_is_verified(call, algorithm, password, status):
    path = f"/auth/digest/ada/secret?algorithm={algorithm}"
    challenge = call("GET", path).headers["www-authenticate"]
    nonce = challenge.partition('nonce="')[2].partition('"')[0]

    def hashed(*words: str) -> str:
        name = {"MD5": "md5", "SHA-256": "sha256"}[algorithm]
        return hashlib.new(name, ":".join(words).encode()).hexdigest()

    answer = hashed(
        hashed("ada", "launch pad", password), nonce, "00000001", "c", "auth", hashed("GET", path)
    )
    fields = (
        f'username="ada", realm="launch pad", nonce="{nonce}", uri="{path}", '
        f'response="{answer}", qop=auth, nc=00000001, cnonce="c", algorithm={algorithm}'
    )
    assert call("GET", path, headers={"Authorization": f"Digest {fields}"}).status == status


def test_digest_unknown_algorithm_is_refused(call):
    assert call("GET", "/auth/digest/a/b?algorithm=CRC32").status == 400


def test_token_is_made_for_a_client_in_body_or_header(call):
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    named = call("POST", "/auth/token", b"grant_type=client_credentials&client_id=c1", kind)
    assert named.json == {"access_token": "token-of-c1", "token_type": "Bearer", "expires_in": 3600}
    header = call(
        "POST", "/auth/token", b"grant_type=client_credentials", {**kind, **basic("c2:s")}
    )
    assert header.json["access_token"] == "token-of-c2"
    assert call("POST", "/auth/token", b"grant_type=password&client_id=c", kind).status == 400
