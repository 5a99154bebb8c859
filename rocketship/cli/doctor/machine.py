"""Checks of this machine: versions, settings, files, and the local server."""

from __future__ import annotations

import os
import platform
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from rocketship import __version__
from rocketship.cli.doctor.check import Check, failed, ok, warning
from rocketship.cli.local_server.record import Place
from rocketship.errors import RocketshipError
from rocketship.profiles.file import ConfigFile
from rocketship.settings.engine import data_dir, server_engine_settings
from rocketship.settings.server import server_settings
from rocketship.settings.tokens import token_settings
from rocketship.store.sqlite.store import FILE_NAME
from rocketship.tokens.file import FileStore
from rocketship.tokens.logins import Logins

#: With less room than this a history soon cannot grow any more.
MIN_FREE_BYTES = 200 * 1024 * 1024
_MEGABYTE = 1024 * 1024


def machine_checks(environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield the checks that need no network."""
    python = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield ok("version", f"rocketship {__version__}, {python}")
    yield _settings(environ)
    file = ConfigFile(environ)
    yield _configuration(file)
    yield _permissions(file)
    yield _keyring(environ, file)
    yield _data(data_dir(environ))
    yield _local_server(environ)


def _settings(environ: Mapping[str, str]) -> Check:
    try:
        server_engine_settings(environ)
        server_settings(environ)
    except RocketshipError as error:
        return failed("settings", error.message, error.hint)
    count = sum(name.startswith("ROCKETSHIP_") for name in environ)
    variables = "variable is" if count == 1 else "variables are"
    return ok("settings", f"{count or 'no'} ROCKETSHIP_ {variables} set")


def _configuration(file: ConfigFile) -> Check:
    try:
        config = file.load()
    except RocketshipError as error:
        return failed("configuration", error.message, error.hint)
    if not file.path.exists():
        return ok("configuration", f"no file {file.path}; only the built-in profile")
    count = len(config.profiles)
    profiles = "1 profile" if count == 1 else f"{count} profiles"
    return ok("configuration", f'{file.path}: {profiles}, active "{config.active}"')


def _permissions(file: ConfigFile) -> Check:
    """Look who else can read or change the configuration."""
    name = "permissions"
    if not file.folder.exists():
        return ok(name, f"{file.folder} does not exist yet")
    for path, mode in ((file.folder, 0o700), (file.path, 0o600)):
        if not path.exists():
            continue
        found = path.stat()
        if found.st_uid != os.geteuid():
            hint = f"make it yours with: sudo chown $(id -u) '{path}'"
            return failed(name, f"{path} belongs to somebody else", hint)
        if not os.access(path, os.W_OK):
            return failed(name, f"{path} cannot be written", f"chmod u+w '{path}'")
        if loose := stat.S_IMODE(found.st_mode) & ~mode & 0o077:
            what = "changed" if loose & 0o022 else "read"
            return warning(name, f"{path} can be {what} by others", f"chmod {mode:o} '{path}'")
    return ok(name, f"{file.folder} is for you alone")


def _keyring(environ: Mapping[str, str], file: ConfigFile) -> Check:
    """Say where the next login will be kept."""
    name, repairs = "keyring", list[str]()
    try:
        logins = Logins(file.folder / "tokens", token_settings(environ).store, repairs.append)
    except RocketshipError as error:
        return failed(name, error.message, error.hint)
    store, why = logins.best_store()
    if not why:
        return ok(name, f"logins are kept in {store.describe()}")
    if isinstance(store, FileStore):
        return ok(name, f"logins are kept in {store.describe()}, for you alone: {why}")
    return failed(name, why, "unlock or install a keyring, or unset ROCKETSHIP_TOKEN_STORE")


def _data(folder: Path) -> Check:
    name = "data"
    hint = "check its permissions, or point ROCKETSHIP_DATA_DIR somewhere else"
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        return failed(name, f"{there} cannot be written", hint)
    free = shutil.disk_usage(there).free
    if free < MIN_FREE_BYTES:
        left = f"only {free // _MEGABYTE} MiB are free in {there}"
        return warning(name, left, "make room, or lower ROCKETSHIP_RETENTION_DAYS")
    database = folder / FILE_NAME
    if not database.exists():
        return ok(name, f"{folder}: no history yet")
    try:
        runs = _count_runs(database)
    except OSError as error:
        return failed(name, f"{database} cannot be used: {error}", hint)
    size = database.stat().st_size / _MEGABYTE
    return ok(name, f"{folder}: runs: {runs}, size: {size:.1f} MiB")


def _count_runs(database: Path) -> int:
    import sqlite3

    try:
        connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
        try:
            (count,) = connection.execute("SELECT count(*) FROM run").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    return int(count)


def _local_server(environ: Mapping[str, str]) -> Check:
    name = "local server"
    place = Place(environ)
    record = place.find()
    if record is None:
        if place.holder():
            return warning(name, "it is starting or stopping right now", "look again in a moment")
        return ok(name, "none is running; the profile local uses an engine in each command")
    running = f"process {record.pid} at {record.grpc}, web pages at {record.http}"
    if record.version != __version__:
        hint = "restart it: rocketship stop server && rocketship start server -b"
        return warning(name, f"{running} is of version {record.version}", hint)
    return ok(name, running)
