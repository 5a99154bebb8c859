from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo  # type: ignore[import-untyped]
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from grpc import StatusCode

from rocketship import errors
from rocketship.errors import (
    AssertionFailed,
    Draining,
    Infrastructure,
    InvalidSuite,
    NotFound,
    RocketshipError,
    StoreError,
    Violation,
)
from rocketship.wire.status import DETAILS_KEY, from_rpc, to_status

#: Room for a status in the headers that nginx takes by default, others being there as well.
MAX_HEADER_BYTES = 4096
CLASSES = [
    item
    for item in vars(errors).values()
    if inspect.isclass(item)
    and issubclass(item, RocketshipError)
    and not issubclass(item, errors.StepError)
]


@dataclass
class Failed:
    """What a call ends with."""

    text: str
    metadata: Any

    def details(self) -> str:
        return self.text

    def trailing_metadata(self) -> Any:
        return self.metadata


def over_the_wire(error: Exception) -> RocketshipError | None:
    _, text, metadata = to_status(error)
    return from_rpc(Failed(text, (("other", "x"), *metadata)))


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("hint", [None, "do something"])
def test_error_comes_back_as_it_was(cls: type[RocketshipError], hint: str | None) -> None:
    found = over_the_wire(cls("it broke; badly", hint=hint))

    assert type(found) is cls
    assert (found.message, found.hint) == ("it broke; badly", hint)


@pytest.mark.parametrize("cls", CLASSES)
def test_no_error_is_unknown(cls: type[RocketshipError]) -> None:
    assert to_status(cls("x"))[0] not in (StatusCode.UNKNOWN, StatusCode.OK)


def test_text_has_the_hint_for_clients_that_show_nothing_else() -> None:
    assert to_status(NotFound("no run", hint="list them"))[1] == "no run; list them"


def test_error_nobody_foresaw_keeps_its_words_to_itself() -> None:
    code, text, metadata = to_status(RuntimeError("password is s3cret"))

    assert code is StatusCode.INTERNAL
    assert "s3cret" not in text + str(metadata)


def test_error_of_a_step_is_internal() -> None:
    assert to_status(AssertionFailed("x"))[0] is StatusCode.INTERNAL


@pytest.mark.parametrize("error", [Draining("x"), StoreError("x")])
def test_error_that_passes_says_when_to_try_again(error: Infrastructure) -> None:
    code, _, metadata = to_status(error)

    assert code is StatusCode.UNAVAILABLE
    hint = RetryInfo()
    details = Status.FromString(metadata[0][1]).details
    assert any(detail.Unpack(hint) for detail in details)
    assert hint.retry_delay.seconds > 0


def test_problems_of_a_suite_come_back_one_by_one() -> None:
    violations = (Violation("a.yaml:1:2", "one"), Violation("a.yaml:3:4", "two"))

    found = over_the_wire(InvalidSuite("wrong", report="long", violations=violations))

    assert isinstance(found, InvalidSuite)
    assert found.violations == violations
    assert found.report == "a.yaml:1:2: error: one\na.yaml:3:4: error: two"


@pytest.mark.parametrize("character", ["x", "ü", "😀", "\ud800"])
def test_status_fits_into_headers_however_much_is_wrong(character: str) -> None:
    long = character * 5000
    violations = [Violation(f"{long}:1", long) for _ in range(1000)]

    _, text, metadata = to_status(InvalidSuite(long, hint=long, violations=violations))

    encoded = len(metadata[0][1]) * 4 / 3 + sum(3 if ord(c) > 126 else 1 for c in text) * 2
    assert encoded < MAX_HEADER_BYTES
    found = from_rpc(Failed(text, metadata))
    assert isinstance(found, InvalidSuite)
    assert "1000 more problems" in found.report


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        (),
        (("grpc-status-details-bin", b"\xff\xff"),),
        (("grpc-status-details-bin", Status(message="x").SerializeToString()),),
    ],
)
def test_status_of_somebody_else_is_none_of_ours(metadata: Any) -> None:
    assert from_rpc(Failed("x", metadata)) is None


def test_error_info_of_another_domain_is_none_of_ours() -> None:
    status = Status(message="x")
    status.details.add().Pack(ErrorInfo(reason="not-found", domain="example.org"))

    assert from_rpc(Failed("x", ((DETAILS_KEY, status.SerializeToString()),))) is None


def test_error_of_a_later_version_is_an_error() -> None:
    status = Status(message="x")
    status.details.add().Pack(ErrorInfo(reason="exploded", domain="rocketship"))

    found = from_rpc(Failed("x", ((DETAILS_KEY, status.SerializeToString()),)))

    assert type(found) is RocketshipError
