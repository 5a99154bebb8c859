from __future__ import annotations

import pytest

from rocketship.auth.caller import MAX_TOKEN_BYTES, Credentials, bearer_token, caller_name
from rocketship.errors import Unauthenticated


@pytest.mark.parametrize(
    "value", ["Bearer abc", "bearer abc", "BEARER abc", "Bearer   abc", "Bearer abc  "]
)
def test_header_with_one_token_is_read(value: str) -> None:
    assert bearer_token((value,)) == "abc"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((), "a bearer token is needed"),
        (("",), "a bearer token is needed"),
        (("   ",), "a bearer token is needed"),
        (("Bearer a", "Bearer a"), "multiple authorization headers"),
        (("", "Bearer a"), "multiple authorization headers"),
        (("Bearer",), "not of the form"),
        (("Bearer ",), "not of the form"),
        (("abc",), "not of the form"),
        (("Basic YTpi",), "not of the form"),
        (("Bearerabc",), "not of the form"),
        (("Bearer a b",), "not of the form"),
        (("Bearer a, Bearer b",), "not of the form"),
        ((" Bearer a",), "not of the form"),
        (("Bearer\ta",), "not of the form"),
        (("Bearer a\n",), "not of the form"),
        (("Bearer a\x00b",), "not of the form"),
        (("Bearer tökén",), "not of the form"),
        (("Bearer ｔｏｋｅｎ",), "not of the form"),
        (("Bearer " + "a" * MAX_TOKEN_BYTES,), "larger than 16 KiB"),
    ],
)
def test_header_without_exactly_one_token_is_refused(values: tuple[str, ...], reason: str) -> None:
    with pytest.raises(Unauthenticated, match=reason):
        bearer_token(values)


def test_refusal_never_quotes_what_was_sent() -> None:
    with pytest.raises(Unauthenticated) as caught:
        bearer_token(("Basic c2VjcmV0OnBhc3N3b3Jk",))

    assert "c2VjcmV0" not in f"{caught.value.message} {caught.value.hint}"


def test_name_is_the_first_claim_with_text_made_printable_and_short() -> None:
    names = ("preferred_username", "email", "sub")

    assert caller_name({"preferred_username": "", "email": 7, "sub": "s"}, names) == "s"
    assert caller_name({"email": "a@b.example", "sub": "s"}, names) == "a@b.example"
    assert caller_name({"sub": "a\nb\x1b[31m"}, names) == "a b [31m"
    assert len(caller_name({"sub": "x" * 10_000}, names)) == 200
    assert caller_name({}, names) == "unknown"


def test_credentials_are_empty_by_default() -> None:
    assert Credentials() == Credentials(authorization=(), load_balancer=())
