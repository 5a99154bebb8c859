"""Settings of the engine, inside the CLI and as a server."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError
from rocketship.redaction import Secret
from rocketship.settings.database import DatabaseSettings, database_settings
from rocketship.settings.reader import Reader
from rocketship.settings.temporal import TemporalSettings, chosen_backend, temporal_settings

DEFAULT_RETENTION_DAYS = 30
MIN_PARALLEL_TESTS = 16
PARALLEL_TESTS_PER_CORE = 4


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine of this process works.

    Attributes:
        data_dir: Holds the history database, the encryption key and the lock files; the platform's
            data folder unless given, such as `~/.local/share/rocketship` (ROCKETSHIP_DATA_DIR).
        max_parallel_tests: Most tests at once, over all runs; 4 for each core and at least 16
            unless given (ROCKETSHIP_MAX_PARALLEL_TESTS).
        retention_days: Ended runs older than this are removed; 0 keeps everything
            (ROCKETSHIP_RETENTION_DAYS).
        disabled_plugins: Plugins, or plugin variants such as `script.shell`, that are refused,
            separated by commas (ROCKETSHIP_DISABLE_PLUGINS).
        recovery: What becomes of runs whose process was lost: `resume`, which an engine does unless
            told otherwise, or `cleanup`, which a single command does (ROCKETSHIP_RECOVERY).
        journal_full_sync: `full` survives a crash of the operating system, at the price of an fsync
            a step; `normal`, the default, survives that of the process (ROCKETSHIP_JOURNAL_SYNC).
        encryption_key: Text the key for stored secrets is derived from; a key file in the data
            folder unless given (ROCKETSHIP_ENCRYPTION_KEY, or its path in
            ROCKETSHIP_ENCRYPTION_KEY_FILE).
        database: The PostgreSQL database that engines share, as `postgresql://…`; a SQLite file in
            the data folder unless given (ROCKETSHIP_DATABASE_URL, or its path in
            ROCKETSHIP_DATABASE_URL_FILE).
        temporal: Who carries runs out: `embedded`, the default, is the engine's own process, and
            `temporal` leaves it to workers (ROCKETSHIP_BACKEND).
    """

    data_dir: Path
    max_parallel_tests: int
    retention_days: int = DEFAULT_RETENTION_DAYS
    disabled_plugins: tuple[str, ...] = ()
    recovery: str = "cleanup"
    journal_full_sync: bool = False
    encryption_key: Secret[str] = Secret("")
    database: DatabaseSettings | None = None
    temporal: TemporalSettings | None = None


def engine_settings(environ: Mapping[str, str], *, default_recovery: str) -> EngineSettings:
    """Return the settings an environment describes.

    Raises:
        SettingsError: A value cannot be used; the message names the variable and what it accepts.
    """
    reader = Reader(environ)
    return EngineSettings(
        data_dir=data_dir(environ),
        max_parallel_tests=reader.integer("MAX_PARALLEL_TESTS", _default_parallel(), minimum=1),
        retention_days=reader.integer("RETENTION_DAYS", DEFAULT_RETENTION_DAYS, minimum=0),
        disabled_plugins=reader.names("DISABLE_PLUGINS"),
        recovery=reader.choice("RECOVERY", ("resume", "cleanup"), default_recovery),
        journal_full_sync=reader.choice("JOURNAL_SYNC", ("normal", "full"), "normal") == "full",
        encryption_key=Secret(reader.secret("ENCRYPTION_KEY")),
    )


def server_engine_settings(environ: Mapping[str, str]) -> EngineSettings:
    """Return the settings of an engine that serves, which alone may share a database with others.

    A single command keeps its own history: it would otherwise take over what engines left behind.

    Raises:
        SettingsError: As for `engine_settings`, or a shared database has no shared key.
    """
    settings = engine_settings(environ, default_recovery="resume")
    database = database_settings(Reader(environ))
    if database is not None and not settings.encryption_key.reveal():
        raise SettingsError(
            "ROCKETSHIP_ENCRYPTION_KEY is missing, and ROCKETSHIP_DATABASE_URL needs it",
            hint="give all engines of one database the same long random text",
        )
    temporal = temporal_settings(environ) if chosen_backend(environ) == "temporal" else None
    return replace(settings, database=database, temporal=temporal)


def data_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder for history and keys: ROCKETSHIP_DATA_DIR or the platform's data folder."""
    if configured := environ.get("ROCKETSHIP_DATA_DIR"):
        return Path(configured).expanduser()
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/Rocketship").expanduser()
    base = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "rocketship"


def _default_parallel() -> int:
    return max(MIN_PARALLEL_TESTS, PARALLEL_TESTS_PER_CORE * (os.cpu_count() or 1))
