"""The `delay` plugin."""

from __future__ import annotations

import asyncio

import pytest

from rocketship.errors import ConfigError
from rocketship.plugins.delay import Delay
from tests.plugins.calls import Line, Lines, make_call, run_step


@pytest.mark.parametrize("duration", ["0", "0s", "-1h"])
def test_delay_without_a_wait_returns_at_once(duration: str) -> None:
    log = Lines()
    run_step(Delay(), {"duration": duration}, log=log)
    assert log.all == [Line("Delaying for 0ms", source="delay")]


def test_delay_waits_as_long_as_asked() -> None:
    async def measure() -> float:
        begun = asyncio.get_running_loop().time()
        await Delay().run(make_call(Delay(), {"duration": "30ms"}))
        return asyncio.get_running_loop().time() - begun

    assert asyncio.run(measure()) >= 0.029


def test_delay_announces_the_duration_before_it_waits_and_ends_when_cancelled() -> None:
    async def main() -> list[Line]:
        begun = asyncio.Event()
        log = Lines(on_line=lambda line: begun.set())
        step = asyncio.create_task(Delay().run(make_call(Delay(), {"duration": "1h1m"}, log=log)))
        await begun.wait()
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        return log.all

    assert asyncio.run(main()) == [Line("Delaying for 1h01m", source="delay")]


@pytest.mark.parametrize("duration", ["5", "1d", "", 5, None])
def test_delay_of_something_else_is_refused(duration: object) -> None:
    with pytest.raises(ConfigError):
        make_call(Delay(), {"duration": duration})


def test_delay_may_be_repeated() -> None:
    assert Delay().replay_safe({"duration": 1.0})
