from __future__ import annotations

import pytest

from rocketship.auth.caller import ANONYMOUS, Kind, Principal
from rocketship.errors import Unauthenticated
from rocketship.server.callers import LINES_SECONDS, MAX_LINES, Refusals, caller_fields
from tests.fixtures.issuer import Clock


def test_refusals_are_logged_in_a_limited_number_of_lines(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    refusals = Refusals(clock)

    for _ in range(10_000):
        refusals.tell(Unauthenticated("no"), "/x", "peer")
    assert len(caplog.records) == MAX_LINES
    clock.now += LINES_SECONDS
    refusals.tell(Unauthenticated("no"), "/x", "peer")
    refusals.tell(Unauthenticated("no"), "/x", "peer")

    first, second = (vars(record) for record in caplog.records[MAX_LINES:])
    assert first["not_logged_before"] == 10_000 - MAX_LINES
    assert "not_logged_before" not in second


def test_log_tells_callers_by_name_and_says_nothing_of_nobody() -> None:
    assert caller_fields(Principal(Kind.USER, "al")) == {"principal": "al"}
    assert caller_fields(ANONYMOUS) == {}
