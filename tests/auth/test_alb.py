"""The word of a load balancer about a person, genuine and forged, with a key server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from rocketship.auth.alb import MAX_FETCHES, AlbVerifier, key_server
from rocketship.auth.caller import Principal
from rocketship.errors import Unauthenticated, Unavailable
from rocketship.settings.auth import AlbSettings
from tests.fixtures.http_server import HttpServer, Route, answer
from tests.fixtures.issuer import Clock

ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188"
ISSUER = "https://login.example/"
NAME = "0f1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8"
SETTINGS = AlbSettings((ARN,), "eu-west-1", ISSUER, "web-client")
KEY = ec.generate_private_key(ec.SECP256R1())
STRANGER = ec.generate_private_key(ec.SECP256R1())
CLOCK = Clock()
NOW = int(CLOCK.now)


def pem(key: Any) -> bytes:
    found: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return found


def part(value: Any, *, padded: bool) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    text = base64.urlsafe_b64encode(raw).decode()
    return text if padded else text.rstrip("=")


def say(
    key: ec.EllipticCurvePrivateKey = KEY,
    payload: Any = None,
    *,
    padded: bool = True,
    **header: Any,
) -> str:
    """Return what a load balancer sends, with changes to the header; None removes a member."""
    head = {
        "typ": "JWT",
        "kid": NAME,
        "alg": "ES256",
        "iss": ISSUER,
        "client": "web-client",
        "signer": ARN,
        "exp": NOW + 120,
        **header,
    }
    head = {name: value for name, value in head.items() if value is not None}
    claims = {"sub": "bob", "email": "bob@x.example", "iss": ISSUER} if payload is None else payload
    text = f"{part(head, padded=padded)}.{part(claims, padded=padded)}"
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{part(r.to_bytes(32) + s.to_bytes(32), padded=padded)}"


@pytest.fixture
def keys() -> Iterator[HttpServer]:
    routes: dict[str, Route] = {f"/{NAME}": answer(pem(KEY))}
    with HttpServer(routes) as server:
        yield server


def verify(keys: HttpServer, *tokens: str, settings: AlbSettings = SETTINGS) -> list[Principal]:
    verifier = AlbVerifier(settings, keys.url("").rstrip("/"), CLOCK)

    async def main() -> list[Principal]:
        return [await verifier.verify(token) for token in tokens]

    return asyncio.run(main())


def refused(keys: HttpServer, token: str, reason: str, *, fetches: int) -> None:
    with pytest.raises(Unauthenticated, match=reason) as caught:
        verify(keys, token)
    assert token not in caught.value.message
    assert len(keys.got) == fetches


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("name", ["b", "bo", "bob", "bobb"])
def test_genuine_word_is_believed_with_padding_and_without(
    keys: HttpServer, padded: bool, name: str
) -> None:
    (found,) = verify(keys, say(payload={"sub": name}, padded=padded))

    assert (found.kind.value, found.name, found.expires_at) == ("user", name, NOW + 120)


def test_key_is_fetched_once(keys: HttpServer) -> None:
    verify(keys, say(), say(payload={"sub": "carol"}), say())

    assert [got.path for got in keys.got] == [f"/{NAME}"]


def test_stripped_padding_breaks_the_signature(keys: HttpServer) -> None:
    token = say(payload={"sub": "bo"})
    assert "=" in token

    refused(keys, token.replace("=", ""), "wrong signature", fetches=1)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none"}, "not signed with ES256"),
        ({"alg": "HS256"}, "not signed with ES256"),
        ({"alg": "ES384"}, "not signed with ES256"),
        ({"alg": "es256"}, "not signed with ES256"),
        ({"alg": None}, "not signed with ES256"),
        ({"crit": ["exp"]}, "not signed with ES256"),
        ({"signer": ARN.replace("web", "other")}, "another load balancer"),
        ({"signer": [ARN]}, "another load balancer"),
        ({"signer": None}, "another load balancer"),
        ({"client": "other"}, "another client"),
        ({"client": None}, "another client"),
        ({"iss": ISSUER.rstrip("/")}, "another provider"),
        ({"iss": None}, "another provider"),
        ({"exp": NOW - 61}, "has expired"),
        ({"exp": None}, "when it ends"),
        ({"exp": "soon"}, "when it ends"),
        ({"exp": True}, "when it ends"),
        *(
            ({"kid": name}, "in a form that no load balancer does")
            for name in (
                None,
                7,
                "",
                NAME.upper(),
                NAME + "\n",
                NAME[:-1],
                f"../{NAME}",
                f"{NAME}/../../x",
                f"{NAME}?a=b",
                f"{NAME}#",
                "..%2f" + NAME[5:],
                "https://evil.example/key",
                "@evil.example/" + "a" * 22,
                "-" * 36,
                [NAME],
            )
        ),
    ],
)
def test_header_that_is_wrong_is_refused_before_any_fetch(
    keys: HttpServer, header: dict[str, Any], reason: str
) -> None:
    refused(keys, say(**header), reason, fetches=0)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "....",
        "{}.{}.{}",
        f"{part(b'[]', padded=True)}.e30.AAAA",
        f"{part(b'[' * 9000, padded=True)}.e30.AAAA",
        "e30=.e30=." + "A" * 20_000,
    ],
)
def test_garbage_is_refused_before_any_fetch(keys: HttpServer, token: str) -> None:
    with pytest.raises(Unauthenticated):
        verify(keys, token)
    assert keys.got == []


def test_forged_word_is_refused(keys: HttpServer) -> None:
    head, payload, signature = say().split(".")

    refused(keys, say(STRANGER), "wrong signature", fetches=1)
    for changed in (
        f"{head}.{part({'sub': 'root', 'iss': ISSUER}, padded=True)}.{signature}",
        f"{head}.{payload}.{part(b'', padded=True)}",
        f"{head}.{payload}.{part(bytes(64), padded=True)}",
        f"{head}.{payload}.{part(bytes(63), padded=True)}",
        f"{head}.{payload}.{signature}=",
    ):
        with pytest.raises(Unauthenticated):
            verify(keys, changed)


@pytest.mark.parametrize(
    "payload", [[], "x", {}, {"sub": ""}, {"sub": 7}, {"sub": "b", "iss": "x"}]
)
def test_signed_word_that_names_nobody_is_refused(keys: HttpServer, payload: Any) -> None:
    with pytest.raises(Unauthenticated):
        verify(keys, say(payload=payload))


def test_key_that_is_not_published_is_refused(keys: HttpServer) -> None:
    refused(keys, say(kid=NAME.replace("0", "1")), "not published", fetches=1)


@pytest.mark.parametrize("body", [b"", b"<html>", pem(ec.generate_private_key(ec.SECP384R1()))])
def test_key_server_that_answers_something_else_is_unavailable(body: bytes) -> None:
    with HttpServer({"*": answer(body)}) as keys, pytest.raises(Unavailable):
        verify(keys, say())


def test_key_server_that_is_away_is_unavailable() -> None:
    with HttpServer({}) as keys:
        pass
    with pytest.raises(Unavailable):
        verify(keys, say())


def test_redirect_of_the_key_server_is_not_followed(keys: HttpServer) -> None:
    with HttpServer({"*": answer("", "302 Found", [("Location", keys.url(f"/{NAME}"))])}) as moved:
        refused(moved, say(), "not published", fetches=1)
    assert keys.got == []


def test_made_up_keys_are_not_all_asked_for(keys: HttpServer) -> None:
    verifier = AlbVerifier(SETTINGS, keys.url("").rstrip("/"), CLOCK)

    async def main() -> list[str]:
        codes = []
        for number in range(MAX_FETCHES + 5):
            try:
                await verifier.verify(say(kid=f"{number:08}{NAME[8:]}"))
            except (Unauthenticated, Unavailable) as error:
                codes.append(error.code)
        return codes

    codes = asyncio.run(main())
    assert codes == ["unauthenticated"] * MAX_FETCHES + ["unavailable"] * 5
    assert len(keys.got) == MAX_FETCHES


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-west-1", "https://public-keys.auth.elb.eu-west-1.amazonaws.com"),
        ("cn-north-1", "https://public-keys.auth.elb.cn-north-1.amazonaws.com.cn"),
        (
            "us-gov-west-1",
            "https://s3-us-gov-west-1.amazonaws.com/aws-elb-public-keys-prod-us-gov-west-1",
        ),
    ],
)
def test_key_server_is_that_of_the_region(region: str, url: str) -> None:
    assert key_server(region) == url
