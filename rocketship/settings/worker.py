"""Settings of a worker."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError
from rocketship.redaction import Secret
from rocketship.settings.reader import PREFIX, Address, Reader
from rocketship.settings.server import LOG_FORMATS, LOG_LEVELS

SLOTS_PER_CORE = 4
DEFAULT_GRACE_SECONDS = 25.0
DEFAULT_ENGINE = "127.0.0.1:7700"
#: A worker listens for every combination of its labels.
MAX_LABELS = 5
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker works.

    Attributes:
        token: What it shows the engine (ROCKETSHIP_WORKER_TOKEN, or its path
            in ROCKETSHIP_WORKER_TOKEN_FILE).
        labels: What suites and tests can ask for by `runs_on`, separated by commas
            (ROCKETSHIP_WORKER_LABELS).
        slots: Most tests at once; 4 for each core unless given (ROCKETSHIP_WORKER_SLOTS).
        grace_seconds: What steps in flight are given to end, once the worker is told to stop
            (ROCKETSHIP_WORKER_GRACE).
        http: Where probes are answered, as HOST:PORT; nowhere unless given
            (ROCKETSHIP_WORKER_HTTP_ADDRESS).
        log_level: `debug`, `info`, `warning` or `error` (ROCKETSHIP_LOG).
        log_format: `console` or `json` (ROCKETSHIP_LOG_FORMAT).
    """

    token: Secret[str] = Secret("")
    labels: tuple[str, ...] = ()
    slots: int = SLOTS_PER_CORE
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    http: Address | None = None
    log_level: str = LOG_LEVELS[1]
    log_format: str = LOG_FORMATS[0]


def worker_settings(environ: Mapping[str, str]) -> WorkerSettings:
    """Return the settings an environment describes.

    Raises:
        SettingsError: A value cannot be used.
    """
    reader = Reader(environ)
    http = reader.address("WORKER_HTTP_ADDRESS", Address("", 0))
    return WorkerSettings(
        token=Secret(reader.secret("WORKER_TOKEN")),
        labels=_labels(reader),
        slots=reader.integer("WORKER_SLOTS", SLOTS_PER_CORE * (os.cpu_count() or 1), minimum=1),
        grace_seconds=reader.duration("WORKER_GRACE", DEFAULT_GRACE_SECONDS),
        http=http if http.host else None,
        log_level=reader.choice("LOG", LOG_LEVELS, LOG_LEVELS[1]),
        log_format=reader.choice("LOG_FORMAT", LOG_FORMATS, LOG_FORMATS[0]),
    )


def _labels(reader: Reader) -> tuple[str, ...]:
    labels = tuple(sorted({label.lower() for label in reader.names("WORKER_LABELS")}))
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise SettingsError(
                f"{PREFIX}WORKER_LABELS: {label!r} is not a label",
                hint="labels have letters, digits, hyphens, dots and underscores: gpu, eu-west",
            )
    if len(labels) > MAX_LABELS:
        raise SettingsError(f"{PREFIX}WORKER_LABELS has more than {MAX_LABELS} labels")
    return labels
