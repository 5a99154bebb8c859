"""Rules for calls that an engine took and did not carry out, and did not explain either."""

from __future__ import annotations

import re

from rocketship.client.diagnose.case import Case, Finding, Rules, UnknownCall
from rocketship.errors import Infrastructure, Overloaded, Refused, Unauthenticated
from rocketship.run.printable import printable
from rocketship.values import format_duration
from rocketship.wire.quiet import grpc

_MAX_SHOWN = 300
_MEGABYTE = 1024 * 1024


def by_code(case: Case) -> Finding:
    """Return what the status alone tells, with the text when a program has written it."""
    said = printable(" ".join(case.text.split()))[:_MAX_SHOWN]
    match case.code:
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            took = f" within {format_duration(case.seconds)}" if case.seconds else " in time"
            return Finding(f"no answer{took}", "the engine may be overloaded; try again")
        case grpc.StatusCode.UNIMPLEMENTED:
            return Finding(
                "it does not know this call",
                "it is older than this client, or not a Rocketship engine",
                UnknownCall,
            )
        case grpc.StatusCode.UNAUTHENTICATED:
            return Finding(f"it does not know who is calling: {said}", None, Unauthenticated)
        case grpc.StatusCode.PERMISSION_DENIED:
            return Finding(f"this is not permitted: {said}", "ask for the permission", Refused)
        case grpc.StatusCode.UNAVAILABLE:
            return Finding(f"it is not available: {said}", "try again in a moment")
        case grpc.StatusCode.CANCELLED:
            return Finding("it stopped before it answered", "try again in a moment")
        case grpc.StatusCode.UNKNOWN if said.startswith("Unexpected <class"):
            hint = "its log tells more; the raw text is shown by --debug"
            return Finding("nobody foresaw how", hint, Infrastructure)
    hint = "the raw text is shown by --debug"
    return Finding(said or f"the call failed ({case.code.name})", hint, Infrastructure)


def _too_large(case: Case, match: re.Match[str]) -> Finding:
    size, limit = (f"{int(match[group]) / _MEGABYTE:.1f} MiB" for group in ("size", "limit"))
    if "CLIENT: Received" in case.text:
        what = f"its answer is too large ({size}, at most {limit} are taken)"
        return Finding(what, "ask for less at once", Overloaded)
    return Finding(
        f"the suite and its files are too large for it ({size}, it takes {limit})",
        "keep large files out of the suite's folder, or let a step fetch them",
        Overloaded,
    )


def _large_metadata(case: Case, match: re.Match[str]) -> Finding:
    what = "the token is too large to be sent"
    return Finding(what, "is the token file the right one?", Refused)


def _cut(case: Case, match: re.Match[str]) -> Finding:
    return Finding(
        "something on the way cut the call off",
        "raise the idle time-out of the proxy (nginx: grpc_read_timeout)",
    )


def _lost(case: Case, match: re.Match[str]) -> Finding:
    return Finding("the connection was lost", "try again in a moment")


#: What gRPC says about a call that began well and was cut off on its way.
CUT = r"RST_STREAM|Stream removed"
RULES: Rules = (
    (r"larger than max \((?P<size>\d+) vs\. (?P<limit>\d+)\)", _too_large),
    (r"metadata size exceeds", _large_metadata),
    (r"RST_STREAM", _cut),
    (r"Stream removed", _lost),
)
