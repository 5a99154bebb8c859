"""Reports that wait for an engine: in order, whole, and within bounds."""

from __future__ import annotations

from rocketship.client.worker.spool import Spool
from rocketship.wire._generated.engine_pb2 import ReportedEvent


def report(number: int) -> ReportedEvent:
    return ReportedEvent(run_id="r", unit="t-0", attempt=1, number=number, json="x" * 100)


def drained(spool: Spool, count: int = 3) -> list[int]:
    """Return the numbers of all reports, taken out a few at a time."""
    numbers: list[int] = []
    while head := spool.head(count, 10_000):
        numbers += [item.number for item in head]
        spool.drop(len(head))
    return numbers


def test_reports_beyond_the_memory_come_back_from_the_file_in_order() -> None:
    spool = Spool(memory_bytes=500)
    for number in range(100):
        spool.put(report(number))

    assert drained(spool) == list(range(100))
    assert not spool
    spool.close()


def test_reports_put_while_others_are_taken_keep_their_order() -> None:
    spool = Spool(memory_bytes=500)
    taken: list[int] = []
    for number in range(300):
        spool.put(report(number))
        if number % 3 == 0:
            head = spool.head(2, 10_000)
            taken += [item.number for item in head]
            spool.drop(len(head))

    assert taken + drained(spool) == list(range(300))
    spool.close()


def test_what_is_taken_is_bounded_by_number_and_size() -> None:
    spool = Spool()
    for number in range(10):
        spool.put(report(number))

    assert len(spool.head(4, 10_000)) == 4
    assert len(spool.head(10, 250)) == 3
    # One that alone is too large goes all the same.
    assert len(spool.head(10, 1)) == 1


def test_spool_is_full_when_its_file_is_and_works_on_once_that_is_read() -> None:
    spool = Spool(memory_bytes=200, disk_bytes=1000)
    number = 0
    while not spool.full:
        spool.put(report(number))
        number += 1
    # What cannot be left out is taken even so.
    spool.put(report(number))

    assert drained(spool) == list(range(number + 1))
    assert not spool.full
    spool.put(report(0))
    assert drained(spool) == [0]
    spool.close()
