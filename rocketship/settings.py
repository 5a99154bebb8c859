"""Settings of the engine, as a server and inside the CLI, from ROCKETSHIP_* variables.

Names are strict: a ROCKETSHIP_ENGINE_* variable that nothing reads is an error with a suggestion,
because a setting that is silently ignored is worse than none.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError
from rocketship.values import DURATION_HELP, parse_duration

PREFIX = "ROCKETSHIP_"
DEFAULT_RETENTION_DAYS = 30
MIN_PARALLEL_TESTS = 16
PARALLEL_TESTS_PER_CORE = 4
MAX_PORT = 65_535
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("console", "json")
#: Everything that begins with ROCKETSHIP_ENGINE_ and is read somewhere.
ENGINE_NAMES = (
    "ROCKETSHIP_ENGINE_GRPC_ADDRESS",
    "ROCKETSHIP_ENGINE_HTTP_ADDRESS",
    "ROCKETSHIP_ENGINE_REFLECTION",
    "ROCKETSHIP_ENGINE_TLS_CERT",
    "ROCKETSHIP_ENGINE_TLS_CLIENT_CA",
    "ROCKETSHIP_ENGINE_TLS_KEY",
)
_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s:\[\]/]+)):(?P<port>\d{1,5})")
#: What Kubernetes tells every container about a service called rocketship-engine.
_SERVICE_LINK = re.compile(r"ROCKETSHIP_ENGINE_(?:SERVICE_(?:HOST|PORT.*)|PORT(?:_\d+_.*)?)")


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How the engine of this process works.

    Attributes:
        data_dir: Holds the history database, the encryption key and the lock files.
        max_parallel_tests: Most tests at once, over all runs.
        retention_days: Ended runs older than this are removed; 0 keeps everything.
        disabled_plugins: Plugins, or plugin variants such as `script.shell`, that are refused.
        recovery: `resume` or `cleanup`: what becomes of runs whose process was lost.
        journal_full_sync: Survive a crash of the operating system, at the price of an fsync a step.
        encryption_key: Text the key for stored secrets is derived from; empty means a key file.
    """

    data_dir: Path
    max_parallel_tests: int
    retention_days: int = DEFAULT_RETENTION_DAYS
    disabled_plugins: tuple[str, ...] = ()
    recovery: str = "cleanup"
    journal_full_sync: bool = False
    encryption_key: str = ""


def engine_settings(environ: Mapping[str, str], *, default_recovery: str) -> EngineSettings:
    """Return the settings an environment describes.

    Raises:
        SettingsError: A value cannot be used; the message names the variable and what it accepts.
    """
    reader = _Reader(environ)
    return EngineSettings(
        data_dir=data_dir(environ),
        max_parallel_tests=reader.integer("MAX_PARALLEL_TESTS", _default_parallel(), minimum=1),
        retention_days=reader.integer("RETENTION_DAYS", DEFAULT_RETENTION_DAYS, minimum=0),
        disabled_plugins=reader.names("DISABLE_PLUGINS"),
        recovery=reader.choice("RECOVERY", ("resume", "cleanup"), default_recovery),
        journal_full_sync=reader.choice("JOURNAL_SYNC", ("normal", "full"), "normal") == "full",
        encryption_key=reader.secret("ENCRYPTION_KEY"),
    )


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; `host` without brackets, port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The PEM files of both listeners; with `client_ca` clients must show a certificate."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the engine listens, stops and tells what it does.

    Attributes:
        tls: None means plaintext.
        reflection: Whether clients may ask for the API's description.
        public_grpc: The address clients are told to use for gRPC, as an URL or host:port, or empty.
        public_http: The same for the web.
        drain_seconds: From being told to stop to refusing work, for load balancers to notice.
        grace_seconds: How long requests may then still take.
        log_level: debug, info, warning or error.
        log_format: console or json.
    """

    grpc: Address = Address("127.0.0.1", 7700)
    http: Address = Address("127.0.0.1", 7701)
    tls: TlsSettings | None = None
    reflection: bool = False
    public_grpc: str = ""
    public_http: str = ""
    drain_seconds: float = 0.0
    grace_seconds: float = 10.0
    log_level: str = "info"
    log_format: str = "console"


def server_settings(environ: Mapping[str, str]) -> ServerSettings:
    """Return the settings an environment describes for the engine as a server.

    Raises:
        SettingsError: A value cannot be used, or nothing reads a ROCKETSHIP_ENGINE_* variable.
    """
    _refuse_unknown(environ)
    reader, default = _Reader(environ), ServerSettings()
    return ServerSettings(
        grpc=reader.address("ENGINE_GRPC_ADDRESS", default.grpc),
        http=reader.address("ENGINE_HTTP_ADDRESS", default.http),
        tls=_tls(reader),
        reflection=reader.choice("ENGINE_REFLECTION", ("true", "false"), "false") == "true",
        public_grpc=reader.text("PUBLIC_GRPC_ENDPOINT"),
        public_http=reader.text("PUBLIC_HTTP_ENDPOINT"),
        drain_seconds=reader.duration("DRAIN_DELAY", default.drain_seconds),
        grace_seconds=reader.duration("GRACE", default.grace_seconds),
        log_level=reader.choice("LOG", LOG_LEVELS, default.log_level),
        log_format=reader.choice("LOG_FORMAT", LOG_FORMATS, default.log_format),
    )


def _tls(reader: _Reader) -> TlsSettings | None:
    names = ("ENGINE_TLS_CERT", "ENGINE_TLS_KEY", "ENGINE_TLS_CLIENT_CA")
    certificate, key, client_ca = map(reader.text, names)
    if not (certificate or key or client_ca):
        return None
    for name, value in zip(names[:2], (certificate, key), strict=True):
        if not value:
            hint = "TLS needs a certificate and its key, both as PEM files"
            raise SettingsError(f"{PREFIX}{name} is missing", hint=hint)
    return TlsSettings(Path(certificate), Path(key), Path(client_ca) if client_ca else None)


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith(f"{PREFIX}ENGINE_") or name in ENGINE_NAMES:
            continue
        if not _SERVICE_LINK.fullmatch(name):
            import difflib

            near = difflib.get_close_matches(name, ENGINE_NAMES, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(ENGINE_NAMES)}"
            raise SettingsError(f"{name} is not a setting", hint=hint)


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


class _Reader:
    """Reads variables by their name without the prefix; an empty value counts as unset."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str = "") -> str:
        return self._environ.get(PREFIX + name, "").strip() or default

    def integer(self, name: str, default: int, *, minimum: int) -> int:
        text = self.text(name)
        if not text:
            return default
        try:
            number = int(text)
        except ValueError:
            number = minimum - 1
        if number < minimum:
            raise SettingsError(
                f"{PREFIX}{name}={text}: expected a whole number of at least {minimum}"
            )
        return number

    def choice(self, name: str, options: tuple[str, ...], default: str) -> str:
        text = self.text(name, default).lower()
        if text not in options:
            raise SettingsError(f"{PREFIX}{name}={text}: expected one of {', '.join(options)}")
        return text

    def duration(self, name: str, default: float) -> float:
        text = self.text(name)
        if not text:
            return default
        try:
            seconds = parse_duration(text)
        except ValueError:
            seconds = -1.0
        if seconds < 0:
            raise SettingsError(f"{PREFIX}{name}={text}: expected {DURATION_HELP}")
        return seconds

    def address(self, name: str, default: Address) -> Address:
        text = self.text(name)
        if not text:
            return default
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match["port"]) > MAX_PORT:
            hint = "examples: 127.0.0.1:7700, 0.0.0.0:7700, [::]:7700"
            raise SettingsError(f"{PREFIX}{name}={text}: expected HOST:PORT", hint=hint)
        return Address(match["v6"] or match["host"], int(match["port"]))

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.text(name).split(",") if part.strip())

    def secret(self, name: str) -> str:
        """Return a secret given directly or, as NAME_FILE, by the path of a file that holds it."""
        path = self.text(f"{name}_FILE")
        if not path:
            return self.text(name)
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{PREFIX}{name}_FILE={path}: cannot be read: {error}") from error
