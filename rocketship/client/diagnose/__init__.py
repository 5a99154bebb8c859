"""Why a call failed, in plain words with a next step, read from what gRPC says about it.

gRPC hides most of what happened in its status text, so the stable fragments of that text are looked
for here, and nowhere else. Every rule has a live test, because the words change between releases.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from rocketship.client.diagnose import handshake, http, network, status
from rocketship.client.diagnose.case import Case, Finding, UnknownCall
from rocketship.errors import Infrastructure, RocketshipError
from rocketship.wire.quiet import grpc

if TYPE_CHECKING:
    from rocketship.client.channel import Endpoint

__all__ = ["UnknownCall", "cut_off", "explain", "silent", "unfetched"]

#: For calls that got somewhere.
_ANSWER_RULES = (*http.RULES, *status.RULES)
#: For calls that may have got nowhere; the text of other statuses can be anybody's.
_ALL_RULES = (*handshake.RULES, *_ANSWER_RULES, *network.RULES)


def explain(
    error: grpc.aio.AioRpcError,
    endpoint: Endpoint,
    *,
    connected: bool = False,
    seconds: float | None = None,
) -> RocketshipError:
    """Return the error to show for a failed call that the engine itself has not explained."""
    return _error(Case(endpoint, error.code(), error.details() or "", connected, seconds))


def cut_off(error: grpc.aio.AioRpcError) -> bool:
    """Return whether a call began well and was cut off by something on the way."""
    return bool(re.search(status.CUT, error.details() or ""))


def silent(endpoint: Endpoint) -> RocketshipError:
    """Return the error for an endpoint where nothing happened in the time to connect."""
    case = Case(endpoint, grpc.StatusCode.DEADLINE_EXCEEDED, "")
    return _as_error(case, network.silent(case))


def unfetched(error: OSError, endpoint: Endpoint) -> RocketshipError:
    """Return the error for a certificate that could not be fetched over a plain socket."""
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else ""
    return _error(Case(endpoint, grpc.StatusCode.UNAVAILABLE, f"{reason} {error}"))


def _error(case: Case) -> RocketshipError:
    unavailable = case.code is grpc.StatusCode.UNAVAILABLE
    for pattern, rule in _ALL_RULES if unavailable else _ANSWER_RULES:
        if match := re.search(pattern, case.text):
            return _as_error(case, rule(case, match))
    return _as_error(case, status.by_code(case))


def _as_error(case: Case, finding: Finding) -> RocketshipError:
    verb = "failed" if finding.kind is Infrastructure else "cannot be used"
    message = f"the engine at {case.endpoint} {verb}: {finding.what}"
    return finding.kind(message, hint=finding.hint)
