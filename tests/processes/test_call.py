from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from rocketship.processes.call import LimitExceeded, call
from rocketship.processes.pool import MAX_BRIEF, MAX_IDLE
from tests.fixtures.waiting import result_of


def add(first: int, second: int = 0) -> int:
    return first + second


def where() -> int:
    return os.getpid()


def rest(path: str | None = None) -> None:
    """Never return; the file tells that it was begun."""
    if path is not None:
        Path(path).touch()
    while True:
        signal.pause()


def spin() -> None:
    while True:
        pass


def eat() -> int:
    hoard = bytearray()
    while True:
        hoard += bytes(1 << 24)


def die() -> None:
    os.abort()


def talk() -> str:
    os.write(1, b"something in between")
    return "said"


def refuse() -> None:
    raise LookupError("not here", 7)


def test_call_returns_what_the_function_returns():
    assert result_of(call(5, add, 1, second=2)) == 3
    large = "x" * (8 << 20)
    assert result_of(call(5, str.upper, large)) == large.upper()


def test_call_raises_what_the_function_raises():
    with pytest.raises(LookupError) as caught:
        result_of(call(5, refuse))
    assert caught.value.args == ("not here", 7)


def test_call_is_not_disturbed_by_what_is_printed():
    assert result_of(call(5, talk)) == "said"


def test_child_is_kept_for_the_next_call():
    first = result_of(call(5, where))
    assert first != os.getpid()
    assert result_of(call(5, where)) == first


@pytest.mark.parametrize("function", [rest, spin])
def test_call_that_takes_too_long_is_ended_with_its_child(function):
    child = result_of(call(5, where))
    with pytest.raises(LimitExceeded, match="^took more than 100ms$"):
        result_of(call(0.1, function))
    assert not Path(f"/proc/{child}").exists()


@pytest.mark.parametrize("function", [eat, die])
def test_call_that_takes_all_memory_is_ended(function):
    with pytest.raises(LimitExceeded, match="^needed more than 1024 MiB of memory$"):
        result_of(call(30, function))
    assert result_of(call(5, add, 1)) == 1


def test_cancelled_call_is_ended_with_its_child(tmp_path):
    async def scenario() -> int:
        child = await call(5, where)
        task = asyncio.create_task(call(60, rest, str(tmp_path / "begun")))
        while not (tmp_path / "begun").exists():
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return child

    assert not Path(f"/proc/{result_of(scenario())}").exists()


def test_long_calls_keep_nobody_waiting():
    """However many calls hang, another is made as soon as they have had their turn."""

    async def scenario() -> int:
        hanging = [asyncio.create_task(call(60, rest)) for _ in range(3 * MAX_BRIEF)]
        found = [await call(60, add, number) for number in range(20)]
        still = sum(not task.done() for task in hanging)
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        assert found == [*range(20)]
        return still

    assert result_of(scenario()) == 3 * MAX_BRIEF


def test_only_some_children_are_kept():
    async def scenario() -> set[int]:
        loop = asyncio.get_running_loop()
        wait = [call(60, time.sleep, 0.2) for _ in range(MAX_IDLE + 4)]
        await asyncio.gather(*wait)
        assert loop is asyncio.get_running_loop()
        return {await call(5, where) for _ in range(MAX_IDLE + 4)}

    assert len(result_of(scenario())) <= MAX_IDLE
