"""Who calls, for the handlers and the log of a request; and what is told about the turned away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import replace

from rocketship.auth.caller import ANONYMOUS, Kind, Principal
from rocketship.errors import RocketshipError
from rocketship.run.spec import RunSpec

log = logging.getLogger(__name__)

#: Refusals are told one by one as long as there are no more of them than this in a while.
MAX_LINES = 20
LINES_SECONDS = 10.0

#: Who makes the remote call that is being answered.
CALLER: ContextVar[Principal] = ContextVar("caller", default=ANONYMOUS)


#: Where a run's context has the name of who asked for it; what callers write there is not believed.
STARTED_BY = "started_by"


def started_here(spec: RunSpec) -> RunSpec:
    """Return the run with who starts it, when that is known."""
    caller = CALLER.get()
    if caller.kind is Kind.ANONYMOUS:
        return spec
    return replace(spec, context={**spec.context, STARTED_BY: caller.name})


def caller_fields(principal: Principal) -> Mapping[str, str]:
    """Return what the log tells about a caller."""
    return {} if principal.kind is Kind.ANONYMOUS else {"principal": principal.name}


class Refusals:
    """Tells the operator who was turned away and why, in a limited number of lines.

    The callers themselves are not limited: behind a load balancer, everybody is one peer.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = clock()
        self._lines = 0
        self._untold = 0

    def tell(self, error: RocketshipError, what: str, peer: str) -> None:
        """Log a refusal, or count it for the next line that is logged."""
        now = self._clock()
        if now - self._since >= LINES_SECONDS:
            self._since, self._lines = now, 0
        if self._lines >= MAX_LINES:
            self._untold += 1
            return
        self._lines += 1
        fields: dict[str, object] = {"reason": error.message, "path": what, "peer": peer}
        if self._untold:
            fields["not_logged_before"] = self._untold
            self._untold = 0
        log.warning("refused", extra=fields)
