"""What is to be run: all that a client hands over, and an engine keeps to recover the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from rocketship.dataclass import dataclass
from rocketship.values import JsonObject

#: Of each text of a run's context: lists show them, and databases look for runs by them.
MAX_CONTEXT_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tests of a suite to run; empty fields select everything.

    Attributes:
        patterns: Test names or ids, with `*` and `?`; one match is enough.
        tags: A tag expression such as `smoke and not slow`.
        ids: Exact test ids, for runs that repeat the failed tests of another.
    """

    patterns: tuple[str, ...] = ()
    tags: str = ""
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunSpec:
    """A run as requested.

    Attributes:
        file: The suite file as shown to people.
        source: Its bytes.
        vars: The complete variables, merged.
        env_names: The environment names the suite mentions; their values travel apart, as secrets.
        files: The files the suite refers to, by the path it uses.
        concurrency: Most tests at once, or None for the suite's or the runtime's own limit.
        timeout_seconds: Deadline of the run, or None for the suite's own.
        context: Where the run comes from: project, source, branch, commit, trigger, metadata.
        workdir: The directory scripts run in.
    """

    file: str
    source: bytes
    vars: JsonObject = field(default_factory=dict)
    env_names: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    selection: Selection = Selection()
    concurrency: int | None = None
    timeout_seconds: float | None = None
    fail_fast: bool = False
    context: JsonObject = field(default_factory=dict)
    workdir: str = "."
