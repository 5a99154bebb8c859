"""When a failed step is tried again, and after how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import StepError
from rocketship.suite.model import DEFAULT_MAXIMUM_ATTEMPTS

DEFAULT_INITIAL_INTERVAL_SECONDS = 1.0
DEFAULT_BACKOFF_COEFFICIENT = 2.0
DEFAULT_JITTER = 0.1
#: `maximum_interval` defaults to this many initial intervals.
INTERVAL_CAP_FACTOR = 100


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with a cap; `maximum_attempts` counts the first attempt too.

    `jitter` is the largest relative deviation of a wait: 0.1 spreads one second over 0.9 to 1.1.
    """

    maximum_attempts: int = 1
    initial_interval_seconds: float = DEFAULT_INITIAL_INTERVAL_SECONDS
    backoff_coefficient: float = DEFAULT_BACKOFF_COEFFICIENT
    maximum_interval_seconds: float = INTERVAL_CAP_FACTOR * DEFAULT_INITIAL_INTERVAL_SECONDS
    jitter: float = DEFAULT_JITTER
    non_retryable: frozenset[str] = frozenset()

    def retries(self, error: StepError, attempt: int) -> bool:
        """Return whether another attempt follows when attempt number `attempt` failed so."""
        return attempt < self.maximum_attempts and error.type_name not in self.non_retryable

    def wait_seconds(self, attempt: int, luck: float) -> float:
        """Return the pause after attempt number `attempt`; `luck` is a random number in [0, 1)."""
        # The exponent is bounded because a float overflows long before a million attempts.
        growth = self.backoff_coefficient ** min(attempt - 1, 64)
        wait = min(self.initial_interval_seconds * growth, self.maximum_interval_seconds)
        return wait * (1 + self.jitter * (2 * luck - 1))


#: A step without a `retry` block.
NO_RETRY = RetryPolicy()


def policy(config: Mapping[str, Any]) -> RetryPolicy:
    """Return the policy of a rendered and converted `retry` block; absent keys are None."""

    def given(key: str, default: Any) -> Any:
        return default if config.get(key) is None else config[key]

    initial = given("initial_interval", DEFAULT_INITIAL_INTERVAL_SECONDS)
    return RetryPolicy(
        maximum_attempts=given("maximum_attempts", DEFAULT_MAXIMUM_ATTEMPTS),
        initial_interval_seconds=initial,
        backoff_coefficient=given("backoff_coefficient", DEFAULT_BACKOFF_COEFFICIENT),
        maximum_interval_seconds=given("maximum_interval", INTERVAL_CAP_FACTOR * initial),
        jitter=given("jitter", DEFAULT_JITTER),
        non_retryable=frozenset(given("non_retryable_errors", ())),
    )
