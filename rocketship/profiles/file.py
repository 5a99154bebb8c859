"""The configuration file: where it is, who may read it, and how it is changed safely."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rocketship.errors import SettingsError
from rocketship.profiles.document import format_config, parse_config
from rocketship.profiles.model import Config

FILE_NAME = "config.toml"
LOCK_NAME = "config.lock"
FOLDER_MODE = 0o700
FILE_MODE = 0o600


class ConfigFile:
    """The configuration file of a person.

    Attributes:
        folder: Its folder, which is for the person alone.
        path: The file.
        notes: What a reader should be told: that an older file was taken over.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.folder = config_dir(environ)
        self.path = self.folder / FILE_NAME
        self.notes: list[str] = []
        self._environ = environ

    def load(self) -> Config:
        """Return the configuration; without a file, that of the original tool or an empty one.

        Raises:
            SettingsError: The file cannot be read or understood.
        """
        found = self._read()
        return self._import() if found is None else found

    def update(self, change: Callable[[Config], Config]) -> Config:
        """Change the configuration, alone and completely or not at all; return the new one.

        Raises:
            SettingsError: The file cannot be read, understood or written.
        """
        with self._locked():
            found = self._read()
            config = change(self._older() if found is None else found)
            self._write(config)
        return config

    def _read(self) -> Config | None:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise SettingsError(f"{self.path}: this is not UTF-8 text") from None
        except OSError as error:
            raise _unusable(self.path, "read", error) from error
        return parse_config(text, str(self.path))

    def _import(self) -> Config:
        """Take over the original tool's file for good; for this time only if that cannot be."""
        older = self._older()
        if older.profiles:
            try:
                return self.update(lambda config: config)
            except SettingsError:
                return older
        return older

    def _older(self) -> Config:
        for path in _older_files(self._environ, self.folder):
            if path.exists():
                from rocketship.profiles.older import read_older

                config, told = read_older(path)
                self.notes = told
                return config
        return Config()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.folder / LOCK_NAME
        try:
            # A mode is not for parents that are made on the way.
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(exist_ok=True, mode=FOLDER_MODE)
            handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            raise _unusable(path, "written", error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _write(self, config: Config) -> None:
        # Somebody may keep the file elsewhere and link to it; only within a folder is renaming
        # atomic.
        path = Path(os.path.realpath(self.path))
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            temporary.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with os.fdopen(os.open(temporary, flags, FILE_MODE), "wb") as file:
                file.write(format_config(config).encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise _unusable(path, "written", error) from error


def config_dir(environ: Mapping[str, str]) -> Path:
    """Return the folder of the configuration: ROCKETSHIP_CONFIG_DIR or the platform's."""
    if configured := environ.get("ROCKETSHIP_CONFIG_DIR"):
        return Path(configured).expanduser()
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/Rocketship").expanduser()
    return _xdg_folder(environ) / "rocketship"


def _older_files(environ: Mapping[str, str], folder: Path) -> Iterator[Path]:
    """Yield where the original tool may have left its file."""
    yield folder / "config.json"
    if not environ.get("ROCKETSHIP_CONFIG_DIR") and sys.platform != "darwin":
        yield _xdg_folder(environ) / "Rocketship" / "config.json"


def _xdg_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()


def _unusable(path: Path, what: str, error: OSError) -> SettingsError:
    return SettingsError(
        f"{path} cannot be {what}: {error.strerror}",
        hint="check its permissions, or point ROCKETSHIP_CONFIG_DIR somewhere else",
    )
