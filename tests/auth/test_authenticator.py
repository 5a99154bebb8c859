from __future__ import annotations

import asyncio
import logging

import pytest

from rocketship.auth.authenticator import Authenticator
from rocketship.auth.caller import ANONYMOUS, Credentials, Kind, Principal
from rocketship.auth.policy import Rule
from rocketship.errors import Refused, RocketshipError, Unauthenticated, Unavailable

USER, WORKER = Principal(Kind.USER, "al"), Principal(Kind.WORKER, "worker")
TOKENS = {"user": USER, "worker": WORKER}


class Known:
    """Knows some tokens; notes which it was asked for."""

    def __init__(self, **tokens: Principal | Exception) -> None:
        self._tokens = tokens
        self.asked: list[str] = []

    async def verify(self, token: str) -> Principal | None:
        self.asked.append(token)
        found = self._tokens.get(token)
        if isinstance(found, Exception):
            raise found
        return found


def admit(authenticator: Authenticator, rule: Rule, *values: str, alb: tuple[str, ...] = ()) -> str:
    """Return the name of who is let in, or the code of the error."""
    credentials = Credentials(tuple(f"Bearer {value}" for value in values), alb)
    try:
        return asyncio.run(authenticator.admit(rule, credentials)).name
    except RocketshipError as error:
        return error.code


@pytest.mark.parametrize("rule", Rule)
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("guarded", {"": "unauthenticated", "user": "al", "worker": "refused"}),
        ("open", {"": "anonymous", "user": "al", "worker": "refused"}),
        ("open with workers", {"": "anonymous", "user": "al", "worker": "refused"}),
    ],
)
def test_rule_decides_who_is_let_in(rule: Rule, mode: str, expected: dict[str, str]) -> None:
    authenticator = Authenticator(
        [Known(**TOKENS)], anonymous=mode.startswith("open"), worker_token=mode != "open"
    )
    if rule is Rule.EXEMPT:
        expected = dict.fromkeys(expected, "anonymous")
    if rule is Rule.WORKER:
        stranger = {"guarded": "unauthenticated", "open": "anonymous"}.get(mode, "refused")
        expected = {"": stranger, "user": "refused", "worker": "worker"}
    if rule is Rule.NOBODY:
        stranger = "unauthenticated" if mode == "guarded" else "refused"
        expected = {"": stranger, "user": "refused", "worker": "refused"}

    found = {name: admit(authenticator, rule, *[name] * bool(name)) for name in expected}

    assert found == expected


def test_first_verifier_that_knows_a_token_decides() -> None:
    first, second = Known(a=USER, bad=Unauthenticated("x")), Known(a=WORKER, b=USER, bad=USER)
    authenticator = Authenticator([first, second])

    assert admit(authenticator, Rule.USER, "a") == "al"
    assert second.asked == []
    assert admit(authenticator, Rule.USER, "b") == "al"
    assert admit(authenticator, Rule.USER, "bad") == "unauthenticated"
    assert admit(authenticator, Rule.USER, "other") == "unauthenticated"


@pytest.mark.parametrize("values", [("Bearer other",), ("Basic YTpi",), ("",), ("a", "b")])
def test_open_engine_minds_no_header_that_was_meant_for_others(values: tuple[str, ...]) -> None:
    # What checks callers in front of it may well leave its own there.
    strict = Known(other=Unauthenticated("no"), worker=WORKER)
    for authenticator in (
        Authenticator([], anonymous=True),
        Authenticator([strict], anonymous=True, worker_token=True),
    ):
        found = asyncio.run(authenticator.admit(Rule.USER, Credentials(values)))
        assert found is ANONYMOUS


def test_fault_lets_nobody_in_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    authenticator = Authenticator([Known(a=RuntimeError("password is s3cret"))])

    with pytest.raises(Unavailable) as caught:
        asyncio.run(authenticator.admit(Rule.USER, Credentials(("Bearer a",))))

    assert "s3cret" not in f"{caught.value.message} {caught.value.hint}"
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_load_balancer_is_asked_only_without_a_token_and_only_when_there_is_one() -> None:
    balancer = Known(genuine=USER)
    guarded = Authenticator([Known(**TOKENS)], load_balancer=balancer)

    assert admit(guarded, Rule.USER, alb=("genuine",)) == "al"
    assert admit(guarded, Rule.USER, alb=("forged",)) == "unauthenticated"
    assert admit(guarded, Rule.USER, alb=("genuine", "genuine")) == "unauthenticated"
    assert admit(guarded, Rule.USER, "other", alb=("genuine",)) == "unauthenticated"
    assert admit(guarded, Rule.WORKER, alb=("genuine",)) == "refused"
    assert balancer.asked == ["genuine", "forged", "genuine"]
    without = Authenticator([Known(**TOKENS)])
    assert admit(without, Rule.USER, alb=("genuine",)) == "unauthenticated"


def test_refusal_of_a_known_caller_says_what_they_lack() -> None:
    authenticator = Authenticator([Known(**TOKENS)], worker_token=True)

    with pytest.raises(Refused, match="only workers"):
        asyncio.run(authenticator.admit(Rule.WORKER, Credentials(("Bearer user",))))
    with pytest.raises(Refused, match="only for reporting runs"):
        asyncio.run(authenticator.admit(Rule.USER, Credentials(("Bearer worker",))))


def test_exempt_caller_is_nobody_whatever_they_show() -> None:
    authenticator = Authenticator([Known(**TOKENS)])

    found = asyncio.run(authenticator.admit(Rule.EXEMPT, Credentials(("nonsense", "twice"))))

    assert found is ANONYMOUS
