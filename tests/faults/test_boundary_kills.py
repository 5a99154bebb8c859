"""A run of thirty steps whose process is killed at every boundary between two of them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.fixtures.fleet import Counted, counted
from tests.fixtures.workbench import PATIENCE_SECONDS, Workbench, case, suite

pytestmark = pytest.mark.slow

STEPS = [f"step-{number:02}" for number in range(1, 31)]
CLEANUP = ["tidy", "close"]
WORDS = ["open", *STEPS, *CLEANUP]


@pytest.fixture
def shop() -> Iterator[Counted]:
    with counted() as server:
        yield server


def kill_before(bench: Workbench, shop: Counted, word: str, environment: dict[str, str]) -> None:
    """Run the suite, and kill it when all steps before this one have ended and it has begun."""
    bench.write(
        "shop.yaml",
        suite(
            case(
                "Thirty steps",
                *(shop.step(step) for step in STEPS),
                cleanup={"always": [shop.step("tidy")]},
            ),
            init=[shop.step("open")],
            cleanup={"always": [shop.step("close")]},
        ),
    )
    shop.hold(word)
    running = bench.start("run", "shop.yaml", env=environment)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not shop.done[word]:
        assert time.monotonic() < deadline, f"{word} does not begin"
        time.sleep(0.002)
    running.kill()
    shop.release(word)


def recover(bench: Workbench, environment: dict[str, str]) -> str:
    """Have another command finish the run, check that everything is told once; return its end."""
    assert bench.run("list", env=environment).code == 0
    (run_id,) = bench.run_ids()
    bench.check_told_once(run_id)
    return str(bench.result(run_id)["status"])


@pytest.mark.parametrize("word", WORDS)
def test_killed_run_is_resumed_at_the_step_that_was_lost(
    bench: Workbench, shop: Counted, word: str
) -> None:
    environment = {"ROCKETSHIP_RECOVERY": "resume"}
    kill_before(bench, shop, word, environment)

    assert recover(bench, environment) == "PASSED"

    assert shop.done == {step: 2 if step == word else 1 for step in WORDS}


@pytest.mark.parametrize("word", ["open", *STEPS[::6], *CLEANUP])
def test_killed_run_is_cleaned_up_without_repeating_a_step(
    bench: Workbench, shop: Counted, word: str
) -> None:
    environment = {"ROCKETSHIP_RECOVERY": "cleanup"}
    kill_before(bench, shop, word, environment)

    status = recover(bench, environment)

    # A test that never began has nothing to clean up; the suite always has.
    cleanup = CLEANUP if word != "open" else ["close"]
    done = dict.fromkeys([*WORDS[: WORDS.index(word) + 1], *cleanup], 1)
    if word in CLEANUP:
        done[word] = 2
    assert shop.done == done
    assert status == ("PASSED" if word in CLEANUP else "FAILED")
