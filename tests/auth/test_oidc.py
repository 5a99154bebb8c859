"""The attacks on JWTs that are known, and the ways in which honest ones differ."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketship.auth.caller import Principal
from rocketship.auth.jwks import read_keys
from rocketship.auth.oidc import OidcVerifier
from rocketship.errors import Unauthenticated
from rocketship.settings.auth import OidcSettings
from tests.fixtures.issuer import AUDIENCE, Clock, Key, b64, ec, okp, rsa, sign

ISSUER = "https://login.example"
CLOCK = Clock()
NOW = int(CLOCK.now)
KEYS = (rsa("one"), rsa("only-rs256", alg="RS256"), ec("ec"), ec("ec-384", "P-384"), okp("ed"))


class Published:
    """The keys of the issuer, without asking for them; counts who does."""

    def __init__(self, *keys: Key) -> None:
        body = json.dumps({"keys": [key.as_dict(private=False) for key in keys]})
        self._keys = read_keys(body.encode())
        self.asked = 0

    async def key(self, name: str | None) -> Any:
        self.asked += 1
        only = next(iter(self._keys.values())) if len(self._keys) == 1 else None
        found = only if name is None else self._keys.get(name)
        if found is None:
            raise Unauthenticated("no such key")
        return found


def verifier(*keys: Key, **settings: Any) -> OidcVerifier:
    values = {"issuer": ISSUER, "audience": AUDIENCE, **settings}
    return OidcVerifier(OidcSettings(**values), Published(*(keys or KEYS)), CLOCK)


def verify(token: str, *keys: Key, **settings: Any) -> Principal:
    return asyncio.run(verifier(*keys, **settings).verify(token))


def refused(token: str, reason: str, *keys: Key, **settings: Any) -> None:
    with pytest.raises(Unauthenticated, match=reason) as caught:
        verify(token, *keys, **settings)
    assert token not in f"{caught.value.message} {caught.value.hint}"


def claims(**changes: Any) -> dict[str, Any]:
    values = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": NOW + 300, **changes}
    return {name: value for name, value in values.items() if value is not None}


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        *((rsa("one"), f"{family}{bits}") for family in ("RS", "PS") for bits in (256, 384, 512)),
        (ec("ec"), "ES256"),
        (ec("ec-384", "P-384"), "ES384"),
        (ec("ec-521", "P-521"), "ES512"),
        (okp("ed"), "Ed25519"),
    ],
)
def test_good_token_tells_who_calls(key: Key, algorithm: str) -> None:
    found = verify(sign(key, claims(), algorithm), key)

    assert (found.kind.value, found.name, found.expires_at) == ("user", "alice", NOW + 300)
    assert found.claims["aud"] == AUDIENCE


@pytest.mark.filterwarnings("ignore::UserWarning")  # of the side that signs
def test_deprecated_name_of_an_algorithm_is_taken_without_a_warning() -> None:
    token = sign(okp("ed"), claims(), "EdDSA")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert verify(token).name == "alice"


@pytest.mark.parametrize("kind", ["JWT", "at+jwt", "AT+JWT", "application/at+jwt", None])
def test_access_token_may_call_itself_by_several_names(kind: str | None) -> None:
    assert verify(sign(rsa("one"), claims(), typ=kind)).name == "alice"


@pytest.mark.parametrize("kind", ["dpop+jwt", "logout+jwt", "secevent+jwt"])
def test_token_for_another_purpose_is_refused(kind: str) -> None:
    refused(sign(rsa("one"), claims(), typ=kind), "is not an access token")


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", ""])
def test_unsigned_token_is_refused(name: str) -> None:
    token = f"{b64({'alg': name, 'kid': 'one'})}.{b64(claims())}."

    refused(token, "is not allowed")


def test_token_signed_with_the_public_key_as_a_secret_is_refused() -> None:
    for form in (rsa("one").as_pem(private=False), json.dumps(rsa("one").as_dict()).encode()):
        for algorithm in ("HS256", "HS384", "HS512"):
            text = f"{b64({'alg': algorithm, 'kid': 'one'})}.{b64(claims())}"
            digest = f"sha{algorithm[2:]}"
            signature = hmac.digest(form, text.encode(), digest)
            refused(f"{text}.{b64(signature)}", f'"{algorithm}" is not allowed')


@pytest.mark.parametrize("algorithm", ["RS1", "ES256K", "RSA-OAEP", "rs256", 5, None, ["RS256"]])
def test_algorithm_that_is_not_listed_is_refused(algorithm: Any) -> None:
    refused(f"{b64({'alg': algorithm, 'kid': 'one'})}.{b64(claims())}.AAAA", "not allowed|be read")


def test_algorithm_the_operator_does_not_allow_is_refused() -> None:
    token = sign(rsa("one"), claims(), "RS256")

    refused(token, '"RS256" is not allowed', allowed_algs=("ES256",))


@pytest.mark.parametrize(
    ("key", "algorithm", "name"),
    [
        (rsa("one"), "RS256", "ec"),
        (rsa("one"), "RS256", "ed"),
        (ec("ec"), "ES256", "one"),
        (ec("ec"), "ES256", "ec-384"),
        (rsa("only-rs256", alg="RS256"), "RS256", "ec-384"),
    ],
)
def test_key_of_another_sort_is_refused(key: Key, algorithm: str, name: str) -> None:
    refused(sign(key, claims(), algorithm, kid=name), "does not match its algorithm")


def test_key_that_is_for_one_algorithm_is_refused_for_others() -> None:
    key = rsa("one")
    limited = rsa("only-rs256", alg="RS256")

    refused(sign(key, claims(), "PS256", kid="only-rs256"), "does not match", limited)


@pytest.mark.parametrize(
    "name",
    ["two", "", "one\x00", "../one", "one' OR '1'='1", "/dev/null", "https://evil.example/k"],
)
def test_name_of_an_unknown_key_is_refused(name: str) -> None:
    refused(sign(rsa("one"), claims(), kid=name), "no such key")


@pytest.mark.parametrize("name", [7, ["one"], {"a": "one"}, True])
def test_name_of_a_key_that_is_no_text_is_refused(name: Any) -> None:
    token = f"{b64({'alg': 'RS256', 'kid': name})}.{b64(claims())}.AAAA"

    refused(token, "is no text|be read")


def test_token_without_the_name_of_a_key_needs_an_issuer_with_one() -> None:
    token = sign(rsa("one"), claims(), kid=None)

    assert verify(token, rsa("one")).name == "alice"
    refused(token, "no such key")


def test_key_inside_the_token_is_not_used() -> None:
    stranger = rsa("stranger")
    small = ec("small")

    refused(
        sign(stranger, claims(), kid="one", jwk=stranger.as_dict(private=False)), "cannot be read"
    )
    refused(
        sign(small, claims(), "ES256", kid="ec", jwk=small.as_dict(private=False)),
        "signature is wrong|cannot be read",
    )
    refused(sign(stranger, claims(), kid="one", jku="https://evil.example/jwks"), "is wrong")
    refused(sign(stranger, claims(), kid="one", x5u="https://evil.example/cert"), "is wrong")


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", None])
def test_critical_extension_is_refused(crit: Any) -> None:
    header = {"alg": "RS256", "kid": "one", "crit": crit}

    refused(f"{b64(header)}.{b64(claims())}.AAAA", "critical extensions|cannot be read")


def test_another_signature_or_payload_is_refused() -> None:
    head, _, signature = sign(rsa("one"), claims()).split(".")
    other = b64(claims(sub="root"))

    refused(f"{head}.{other}.{signature}", "signature is wrong")
    refused(sign(rsa("stranger"), claims(), kid="one"), "signature is wrong")
    refused(f"{head}.{b64(claims())}.", "signature is wrong|cannot be read")
    refused(f"{head}.{b64(claims())}.{signature[:-4]}", "signature is wrong|cannot be read")


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("opaque-token-of-the-provider", "is not a JWT"),
        ("a.b", "is not a JWT"),
        ("a.b.c.d.e", "is not a JWT"),
        ("a.b.c", "cannot be read"),
        ("..", "cannot be read"),
        (f"{b64(b'[]')}.{b64(b'{}')}.AAAA", "cannot be read"),
        (f"{b64(b'null')}.{b64(b'{}')}.AAAA", "cannot be read"),
        (f"{b64(b'{')}.{b64(b'{}')}.AAAA", "cannot be read"),
        (f"{b64(b'{}')}.{b64(b'{}')}.AAAA", "cannot be read"),
        (f"{b64(b'[' * 9000)}.{b64(b'{}')}.AAAA", "cannot be read"),
        (f"{b64(b'9' * 300)}.{b64(b'{}')}.AAAA", "cannot be read"),
        (f"{b64({'alg': 'RS256', 'kid': 'one', 'x': 'y' * 2000})}.e30.AAAA", "cannot be read"),
    ],
)
def test_garbage_is_refused(token: str, reason: str) -> None:
    refused(token, reason)


@pytest.mark.parametrize("payload", [b"[]", b"null", b"7", b"{", b"", b"[" * 9000, b"\xff\xff"])
def test_signed_garbage_is_refused(payload: bytes) -> None:
    refused(sign(rsa("one"), payload), "cannot be read")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": None}, "lacks claims: aud"),
        ({"aud": "https://other.example"}, '"aud"'),
        ({"aud": [AUDIENCE + "/"]}, '"aud"'),
        ({"aud": ["a", "b"]}, '"aud"'),
        ({"aud": []}, '"aud"'),
        ({"aud": ""}, '"aud"'),
        ({"aud": {AUDIENCE: True}}, '"aud"'),
        ({"aud": [AUDIENCE, 7]}, '"aud"'),
        ({"iss": None}, "lacks claims: iss"),
        ({"iss": ISSUER + "/"}, '"iss"'),
        ({"iss": ISSUER.upper()}, '"iss"'),
        ({"iss": [ISSUER]}, '"iss"'),
        ({"iss": "https://evil.example"}, '"iss"'),
        ({"sub": None}, "lacks claims: sub"),
        ({"sub": ""}, '"sub"'),
        ({"sub": 7}, '"sub"'),
        ({"exp": None}, "lacks claims: exp"),
        ({"exp": "soon"}, '"exp"'),
        ({"exp": True}, '"exp"'),
        ({"exp": str(NOW + 300)}, '"exp"'),
        ({"exp": NOW - 61}, "has expired"),
        ({"exp": NOW - 60}, "has expired"),
        ({"exp": -1}, "has expired"),
        ({"exp": 0}, "has expired"),
        ({"nbf": NOW + 120}, '"nbf"'),
        ({"nbf": "now"}, '"nbf"'),
        ({"iat": NOW + 120}, '"iat"'),
        ({"iat": "now"}, '"iat"'),
    ],
)
def test_claim_that_is_wrong_is_refused_by_name(changes: dict[str, Any], reason: str) -> None:
    refused(sign(rsa("one"), claims(**changes)), reason)


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"1e999", b"9" * 5000])
def test_end_that_is_no_time_is_refused(number: bytes) -> None:
    payload = json.dumps(claims(exp=0)).encode().replace(b'"exp": 0', b'"exp": ' + number)

    refused(sign(rsa("one"), payload), '"exp"|cannot be read')


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW - 30},
        {"exp": NOW + 0.5},
        {"exp": 10**400},
        {"nbf": NOW + 30},
        {"iat": NOW + 30},
        {"aud": ["https://other.example", AUDIENCE]},
    ],
)
def test_claim_within_what_clocks_may_differ_is_accepted(changes: dict[str, Any]) -> None:
    assert verify(sign(rsa("one"), claims(**changes))).name == "alice"


def test_leeway_is_what_the_operator_says() -> None:
    token = sign(rsa("one"), claims(exp=NOW - 30))

    refused(token, "has expired", leeway_seconds=0)
    assert verify(token, leeway_seconds=31).name == "alice"


def test_people_are_called_by_the_claim_the_operator_names() -> None:
    token = sign(rsa("one"), claims(email="a@b.example", nick="al", preferred_username="alice2"))

    assert verify(token).name == "alice2"
    assert verify(token, username_claim="nick").name == "al"
    assert verify(token, username_claim="absent").name == "alice"


@pytest.fixture
def restored_clock() -> Iterator[Clock]:
    now = CLOCK.now
    yield CLOCK
    CLOCK.now = now


def test_verified_token_is_believed_for_a_minute_at_most(restored_clock: Clock) -> None:
    published = Published(rsa("one"))
    check = OidcVerifier(OidcSettings(ISSUER, AUDIENCE), published, CLOCK)
    token, short = sign(rsa("one"), claims()), sign(rsa("one"), claims(exp=NOW + 10))

    async def asked_after(seconds: float, token: str) -> int:
        CLOCK.now = NOW + seconds
        await check.verify(token)
        return published.asked

    async def main() -> list[int]:
        return [
            await asked_after(0, token),
            await asked_after(59, token),
            await asked_after(61, token),
            await asked_after(61, short),
            await asked_after(62, short),
        ]

    # The short one is past its end and only within the leeway, so it is looked at every time.
    assert asyncio.run(main()) == [1, 1, 2, 3, 4]


def test_refused_token_is_never_remembered() -> None:
    check = verifier()
    bad = sign(rsa("stranger"), claims(), kid="one")

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                await check.verify(bad)

    asyncio.run(main())


PARTS = st.one_of(
    st.text(max_size=60),
    st.binary(max_size=60).map(b64),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    ).map(lambda value: b64(json.dumps(value).encode())),
    st.fixed_dictionaries(
        {},
        optional={
            "alg": st.sampled_from(["RS256", "none", "HS256", "ES256", "", None, 7, []]),
            "kid": st.sampled_from(["one", "ec", "", None, 7, {}]) | st.text(max_size=9),
            "typ": st.sampled_from(["JWT", "at+jwt", "", None, 7]),
            "crit": st.sampled_from([[], ["exp"], None]),
            "zip": st.just("DEF"),
            "b64": st.booleans(),
        },
    ).map(b64),
)


@given(parts=st.lists(PARTS, min_size=1, max_size=5))
def test_no_text_gets_in_or_breaks_anything(parts: list[str]) -> None:
    begun = time.process_time()
    with pytest.raises(Unauthenticated):
        verify(".".join(parts))
    # What strangers send costs next to nothing, on the slowest of machines.
    assert time.process_time() - begun < 1


@given(position=st.integers(0, 10_000), char=st.characters(min_codepoint=33, max_codepoint=126))
def test_token_with_another_character_says_the_same_or_is_refused(position: int, char: str) -> None:
    token = sign(rsa("one"), claims())
    place = position % len(token)
    changed = token[:place] + char + token[place + 1 :]
    try:
        found = verify(changed)
    except Unauthenticated:
        return
    # The last character of a part has bits that mean nothing.
    assert found.claims == claims()


@given(
    changes=st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "nbf", "iat", "sub", "jti", "x"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.lists(st.text()),
        min_size=1,
    )
)
def test_signed_claims_of_any_form_are_judged(changes: dict[str, Any]) -> None:
    token = sign(rsa("one"), json.dumps({**claims(), **changes}).encode())
    try:
        found = verify(token)
    except Unauthenticated:
        return
    assert (found.claims["iss"], found.claims["sub"] != "") == (ISSUER, True)
