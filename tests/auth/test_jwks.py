"""The cache of signing keys against a real provider on loopback, with a clock moved by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from rocketship.auth import fetch
from rocketship.auth.jwks import (
    DEFAULT_AGE_SECONDS,
    MAX_AGE_SECONDS,
    MIN_AGE_SECONDS,
    RETRY_SECONDS,
    STALE_SECONDS,
    UNKNOWN_KEY_SECONDS,
    KeyCache,
    read_keys,
)
from rocketship.auth.oidc import OidcVerifier
from rocketship.auth.provider import Provider
from rocketship.errors import RocketshipError, SettingsError, Unauthenticated, Unavailable
from tests.fixtures.http_server import Got, answer
from tests.fixtures.issuer import DISCOVERY, Clock, Issuer, ec, rsa, running_issuer, sign


class Setting:
    """A provider, a cache of its keys, a verifier over it, and their clock."""

    def __init__(self, issuer: Issuer, clock: Clock, **settings: Any) -> None:
        self.issuer = issuer
        self.clock = clock
        self.provider = Provider(issuer.settings(**settings))
        self.cache = KeyCache(self.provider.signing_keys, clock)
        self.verifier = OidcVerifier(issuer.settings(**settings), self.cache, clock)

    async def code(self, token: str) -> str:
        """Return `ok`, or the code of the error."""
        try:
            await self.verifier.verify(token)
        except RocketshipError as error:
            return error.code
        return "ok"

    def run(self, body: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            try:
                await body()
            finally:
                await self.cache.close()

        asyncio.run(main())

    async def settle(self) -> None:
        """Wait for what is fetched in the background."""
        await self.cache.refresh()

    def token(self, key: str = "one") -> str:
        return sign(rsa(key), self.issuer.claims())


@pytest.fixture
def setting() -> Iterator[Setting]:
    clock = Clock()
    with running_issuer(clock) as issuer:
        yield Setting(issuer, clock)


def cached(seconds: str) -> Callable[[Issuer], Callable[[Got], bytes]]:
    def route(issuer: Issuer) -> Callable[[Got], bytes]:
        headers = [("Cache-Control", seconds)]
        return lambda got: answer(json.dumps({"keys": issuer.keys}), headers=headers)

    return route


def test_keys_are_fetched_once_for_many_tokens(setting: Setting) -> None:
    async def body() -> None:
        tokens = [sign(rsa("one"), setting.issuer.claims(jti=str(n))) for n in range(20)]
        codes = await asyncio.gather(*map(setting.code, tokens))
        assert set(codes) == {"ok"}

    setting.run(body)
    assert setting.issuer.fetched() == setting.issuer.fetched(DISCOVERY) == 1


def test_storm_of_unknown_keys_is_one_fetch(setting: Setting) -> None:
    async def body() -> None:
        assert await setting.code(setting.token()) == "ok"
        setting.clock.now += UNKNOWN_KEY_SECONDS
        storm = [sign(rsa("one"), setting.issuer.claims(), kid=f"made-up-{n}") for n in range(50)]
        codes = await asyncio.gather(*map(setting.code, storm))
        assert set(codes) == {"unauthenticated"}
        assert [await setting.code(token) for token in storm[:5]] == ["unauthenticated"] * 5

    setting.run(body)
    assert setting.issuer.fetched() == 2


def test_new_key_is_found_after_half_a_minute(setting: Setting) -> None:
    async def body() -> None:
        assert await setting.code(setting.token()) == "ok"
        setting.issuer.keys.append(rsa("two").as_dict(private=False))
        setting.clock.now += UNKNOWN_KEY_SECONDS - 1
        assert await setting.code(setting.token("two")) == "unauthenticated"
        assert setting.issuer.fetched() == 1
        setting.clock.now += 1
        assert await setting.code(setting.token("two")) == "ok"
        assert setting.issuer.fetched() == 2

    setting.run(body)


def test_key_that_was_taken_back_is_not_used_after_the_next_fetch(setting: Setting) -> None:
    async def body() -> None:
        assert await setting.code(setting.token()) == "ok"
        setting.issuer.keys[:] = [rsa("two").as_dict(private=False)]
        setting.clock.now += DEFAULT_AGE_SECONDS
        await setting.settle()
        assert await setting.code(setting.token()) == "unauthenticated"
        assert await setting.code(setting.token("two")) == "ok"

    setting.run(body)


@pytest.mark.parametrize(
    ("control", "age"),
    [
        ("max-age=0", MIN_AGE_SECONDS),
        ("no-store", MIN_AGE_SECONDS),
        ("max-age=60", MIN_AGE_SECONDS),
        ("public, max-age=3600, must-revalidate", 3600),
        ("MAX-AGE=3600", 3600),
        ("max-age=99999999", MAX_AGE_SECONDS),
        ("s-maxage=3600", DEFAULT_AGE_SECONDS),
        ("max-age=soon", DEFAULT_AGE_SECONDS),
        ("", DEFAULT_AGE_SECONDS),
    ],
)
def test_keys_are_fetched_again_when_the_provider_says_so(
    setting: Setting, control: str, age: float
) -> None:
    setting.issuer.routes["/jwks"] = cached(control)(setting.issuer)

    async def body() -> None:
        assert await setting.code(setting.token()) == "ok"
        setting.clock.now += age - 1
        assert await setting.code(setting.token()) == "ok"
        assert setting.issuer.fetched() == 1
        setting.clock.now += 1
        # Nobody waits for it.
        assert await setting.code(setting.token()) == "ok"
        await setting.settle()
        assert setting.issuer.fetched() == 2

    setting.run(body)


def test_provider_that_is_down_leaves_its_keys_good_for_a_day(setting: Setting) -> None:
    async def body() -> None:
        assert await setting.code(setting.token()) == "ok"
        setting.issuer.routes["/jwks"] = answer("broken", "500 Internal Server Error")
        setting.clock.now += 400
        assert await setting.code(setting.token()) == "ok"
        setting.clock.now += DEFAULT_AGE_SECONDS + STALE_SECONDS - 401
        assert await setting.code(setting.token()) == "ok"
        await setting.settle()
        setting.clock.now += 2
        assert await setting.code(setting.token()) == "unavailable"

    setting.run(body)


@pytest.mark.parametrize(
    "broken",
    [
        answer("", "500 Internal Server Error"),
        answer("", "404 Not Found"),
        answer("", "302 Found", [("Location", "/elsewhere")]),
        answer("<html>"),
        answer("[]"),
        answer('{"keys": 7}'),
        answer('{"keys": []}'),
        answer("[" * 100_000),
        answer("x" * (fetch.MAX_DOCUMENT_BYTES + 1)),
        b"nonsense\r\n\r\n",
    ],
)
def test_provider_without_keys_is_no_fault_of_the_caller(setting: Setting, broken: bytes) -> None:
    good = setting.issuer.routes["/jwks"]
    setting.issuer.routes["/jwks"] = broken

    async def body() -> None:
        assert await setting.code(setting.token()) == "unavailable"
        # Not everybody who calls makes another try.
        assert await setting.code(setting.token()) == "unavailable"
        assert setting.issuer.fetched() == 1
        setting.issuer.routes["/jwks"] = good
        setting.clock.now += RETRY_SECONDS
        assert await setting.code(setting.token()) == "ok"

    setting.run(body)


def test_provider_that_does_not_answer_is_given_up(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "PATIENCE_SECONDS", 0.05)

    async def silence(got: Got, writer: asyncio.StreamWriter) -> None:
        return

    setting.issuer.routes["/jwks"] = silence

    async def body() -> None:
        assert await setting.code(setting.token()) == "unavailable"
        assert "no answer" in str(setting.cache.failure)

    setting.run(body)


def test_provider_that_is_not_there_is_unavailable() -> None:
    clock = Clock()
    with running_issuer(clock) as issuer:
        setting = Setting(issuer, clock)

    async def body() -> None:
        assert await setting.code(setting.token()) == "unavailable"

    setting.run(body)


def test_keys_are_kept_fresh_in_the_background(setting: Setting) -> None:
    async def body() -> None:
        upkeep = asyncio.create_task(setting.cache.keep_fresh())
        async with asyncio.timeout(10):
            while not setting.issuer.fetched():
                await asyncio.sleep(0.01)
        upkeep.cancel()

    setting.run(body)


def test_discovery_fills_in_what_is_not_set(setting: Setting) -> None:
    async def body() -> None:
        await setting.settle()
        endpoints = setting.provider.endpoints
        url = setting.issuer.url
        assert (endpoints.jwks, endpoints.device, endpoints.token) == (
            f"{url}/jwks",
            f"{url}/device",
            f"{url}/token",
        )

    setting.run(body)


def test_settings_win_over_discovery() -> None:
    clock = Clock()
    with running_issuer(clock) as issuer:
        given = {
            "jwks_url": f"{issuer.url}/jwks",
            "device_endpoint": "https://login.example/d",
            "token_endpoint": "https://login.example/t",
        }
        setting = Setting(issuer, clock, **given)

        async def body() -> None:
            await setting.settle()
            assert setting.provider.endpoints.device == "https://login.example/d"

        setting.run(body)
        assert (issuer.fetched(), issuer.fetched(DISCOVERY)) == (1, 0)


@pytest.mark.parametrize("said", ["https://evil.example", None, 7, "{url}/"])
def test_discovery_of_another_issuer_is_a_fault_of_the_settings(
    setting: Setting, said: Any
) -> None:
    issuer = said.format(url=setting.issuer.url) if isinstance(said, str) else said
    document = json.dumps({**setting.issuer.document, "issuer": issuer})
    setting.issuer.routes[DISCOVERY] = answer(document)

    async def body() -> None:
        await setting.settle()
        assert isinstance(setting.cache.failure, SettingsError)
        assert "ROCKETSHIP_OIDC_ISSUER" in setting.cache.failure.message
        assert setting.issuer.fetched() == 0

    setting.run(body)


@pytest.mark.parametrize("url", ["http://keys.example/jwks", "file:///etc/passwd", "", None, 7])
def test_discovery_cannot_lead_to_keys_in_the_clear(setting: Setting, url: Any) -> None:
    setting.issuer.routes[DISCOVERY] = answer(
        json.dumps({**setting.issuer.document, "jwks_uri": url})
    )

    async def body() -> None:
        assert await setting.code(setting.token()) == "unavailable"

    setting.run(body)


def test_keys_that_cannot_verify_are_left_out_one_by_one() -> None:
    good, private = rsa("good").as_dict(private=False), rsa("private").as_dict(private=True)
    listed = [
        7,
        None,
        {},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {"kty": ["RSA"], "kid": "odd"},
        {"kty": "RSA", "kid": "no-modulus", "e": "AQAB"},
        {"kty": "RSA", "kid": "weak", "n": "AQAB" * 40, "e": "AQAB"},
        {"kty": "RSA", "kid": "damaged", "n": "!" * 400, "e": "AQAB"},
        {"kty": "EC", "kid": "off-curve", "crv": "P-256", "x": "AQAB", "y": "AQAB"},
        {"kty": "EC", "kid": "unknown-curve", "crv": "P-1", "x": "AQAB", "y": "AQAB"},
        {"kty": "OKP", "kid": "short", "crv": "Ed25519", "x": "AQAB"},
        {**good, "kid": "encrypts", "use": "enc"},
        {**good, "kid": "signs", "key_ops": ["sign"]},
        {**good, "kid": 7},
        private,
        good,
        {**ec("good").as_dict(private=False)},
    ]

    keys = read_keys(json.dumps({"keys": listed}).encode())

    assert set(keys) == {"private", "good"}
    assert keys["good"].key_type == "RSA"
    assert not keys["private"].is_private


def test_set_without_a_usable_key_is_refused() -> None:
    with pytest.raises(Unavailable):
        read_keys(b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}')


def test_token_without_the_name_of_a_key_fits_the_only_key(setting: Setting) -> None:
    token = sign(rsa("one"), setting.issuer.claims(), kid=None)

    async def body() -> None:
        assert await setting.code(token) == "ok"
        setting.issuer.keys.append(rsa("two").as_dict(private=False))
        setting.clock.now += DEFAULT_AGE_SECONDS
        await setting.settle()
        with pytest.raises(Unauthenticated):
            await setting.cache.key(None)

    setting.run(body)


@pytest.mark.parametrize("port", [1, 99_999])
def test_address_that_leads_nowhere_is_unavailable(port: int) -> None:
    with pytest.raises(Unavailable):
        asyncio.run(fetch.fetch(f"http://127.0.0.1:{port}/jwks"))
