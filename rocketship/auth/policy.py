"""Who may do what: one table of everything the engine offers.

Whatever is not in it is denied: a remote call to everybody, a path of HTTP to whoever is not known.
"""

from __future__ import annotations

import re
from enum import Enum

_ENGINE = "/rocketship.v1.Engine/"
_HEALTH = "/grpc.health.v1.Health/"


class Rule(str, Enum):
    """What somebody must be to do something; `nobody` stands for what is not in the table."""

    EXEMPT = "exempt"
    USER = "user"
    WORKER = "worker"
    NOBODY = "nobody"


_CALLS = {
    Rule.EXEMPT: ("Health", "GetServerInfo", "GetAuthConfig"),
    Rule.USER: (
        "CreateRun",
        "StreamLogs",
        "WatchRun",
        "WatchRuns",
        "ListRuns",
        "GetRun",
        "GetRunSpec",
        "CancelRun",
        "WaitForCleanup",
        "DeleteRun",
    ),
    Rule.WORKER: (
        "AddLog",
        "UpsertRunStep",
        "ReportEvents",
        "CheckKey",
        "GetPlan",
        "KeepState",
        "GetState",
    ),
}
#: Every remote call, by its full path.
CALLS: dict[str, Rule] = {
    **{_ENGINE + name: rule for rule, names in _CALLS.items() for name in names},
    **{_HEALTH + name: Rule.EXEMPT for name in ("Check", "Watch", "List")},
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": Rule.USER,
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Rule.USER,
}
#: Every path of HTTP as routes write it. Probes cannot log in; everything else can.
ROUTES: dict[str, Rule] = {
    "/healthz": Rule.EXEMPT,
    "/readyz": Rule.EXEMPT,
    "/": Rule.USER,
    "/metrics": Rule.USER,
    "/runs": Rule.USER,
    "/runs/{run}": Rule.USER,
    "/runs/{run}/tests/{unit}": Rule.USER,
    "/runs/{run}/log": Rule.USER,
    "/runs/{run}/report": Rule.USER,
    "/runs/{run}/cancel": Rule.USER,
    "/runs/{run}/rerun": Rule.USER,
    "/suites/{suite:path}": Rule.USER,
    "/static/{file}": Rule.EXEMPT,
}
#: What pages look like is no secret, and browsers fetch it without a token.
_OPEN_FILE = re.compile(r"/static/[^/]+")


def rule_of_call(path: str) -> Rule:
    """Return the rule of a remote call, by its full path."""
    return CALLS.get(path, Rule.NOBODY)


def rule_of_path(path: str) -> Rule:
    """Return the rule of a path of HTTP, decoded, over which remote calls can come, too.

    A user may learn that there is nothing at a path.
    """
    if _OPEN_FILE.fullmatch(path):
        return Rule.EXEMPT
    return ROUTES.get(path) or CALLS.get(path, Rule.USER)
