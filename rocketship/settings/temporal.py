"""Settings of the distributed runtime: which Temporal, how it is trusted, and how it is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError
from rocketship.redaction import Secret
from rocketship.settings.reader import MAX_PORT, PREFIX, Address, Reader

BACKENDS = ("embedded", "temporal")
DEFAULT_DEV_PORT = 7233
DEFAULT_QUEUE_PREFIX = "rocketship"
DEFAULT_HEARTBEAT_SECONDS = 10.0
#: Less than this, and a busy machine would pass for a lost one.
MIN_HEARTBEAT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class TemporalSettings:
    """How to reach and use Temporal; what is left out is taken from a TOML profile if there is one.

    Attributes:
        address: HOST:PORT of a cluster; the profile's unless given, or a development server that
            the engine starts on this machine (ROCKETSHIP_TEMPORAL_ADDRESS).
        namespace: The namespace in it; `default` unless given (ROCKETSHIP_TEMPORAL_NAMESPACE).
        api_key: The key to show it (ROCKETSHIP_TEMPORAL_API_KEY, or its path in
            ROCKETSHIP_TEMPORAL_API_KEY_FILE).
        tls: Whether it is spoken to by TLS; true whenever one of the files below is given, or an
            API key (ROCKETSHIP_TEMPORAL_TLS).
        tls_ca: PEM file of the authorities to trust (ROCKETSHIP_TEMPORAL_TLS_CA).
        tls_cert: PEM file of the certificate to show (ROCKETSHIP_TEMPORAL_TLS_CERT).
        tls_key: PEM file of its key (ROCKETSHIP_TEMPORAL_TLS_KEY).
        tls_server_name: The name in the server's certificate
            (ROCKETSHIP_TEMPORAL_TLS_SERVER_NAME).
        profile: The TOML profile to read; its file is where the tools of Temporal keep it, or where
            TEMPORAL_CONFIG_FILE says (ROCKETSHIP_TEMPORAL_PROFILE).
        queue_prefix: What all task queues begin with (ROCKETSHIP_TEMPORAL_QUEUE_PREFIX).
        binary: The server for development; `temporal` beside Python or on PATH unless given
            (ROCKETSHIP_TEMPORAL_BIN).
        dev_port: Where that server listens (ROCKETSHIP_TEMPORAL_DEV_PORT).
        heartbeat_seconds: A worker that was not heard of for so long is lost
            (ROCKETSHIP_HEARTBEAT_TIMEOUT).
    """

    address: str = ""
    namespace: str = ""
    api_key: Secret[str] = Secret("")
    tls: bool = False
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_server_name: str = ""
    profile: str = ""
    queue_prefix: str = DEFAULT_QUEUE_PREFIX
    binary: str = ""
    dev_port: int = DEFAULT_DEV_PORT
    heartbeat_seconds: float = DEFAULT_HEARTBEAT_SECONDS


def chosen_backend(environ: Mapping[str, str]) -> str:
    """Return the runtime an engine uses: ROCKETSHIP_BACKEND, `embedded` unless given.

    Raises:
        SettingsError: It is none of those there are.
    """
    return Reader(environ).choice("BACKEND", BACKENDS, BACKENDS[0])


def temporal_settings(environ: Mapping[str, str]) -> TemporalSettings:
    """Return the settings an environment describes.

    Raises:
        SettingsError: A value cannot be used, or a certificate comes without its key.
    """
    reader = Reader(environ)
    files = {name: reader.text(f"TEMPORAL_TLS_{name}") for name in ("CA", "CERT", "KEY")}
    if bool(files["CERT"]) is not bool(files["KEY"]):
        missing = "KEY" if files["CERT"] else "CERT"
        hint = "a certificate and its key are given together"
        raise SettingsError(f"{PREFIX}TEMPORAL_TLS_{missing} is missing", hint=hint)
    api_key = reader.secret("TEMPORAL_API_KEY")
    tls = "true" if any(files.values()) or api_key else "false"
    heartbeat = reader.duration("HEARTBEAT_TIMEOUT", DEFAULT_HEARTBEAT_SECONDS)
    if heartbeat < MIN_HEARTBEAT_SECONDS:
        raise SettingsError(f"{PREFIX}HEARTBEAT_TIMEOUT must be at least 1s")
    address = reader.address("TEMPORAL_ADDRESS", Address("", 0))
    ca, cert, key = (Path(path) if path else None for path in files.values())
    return TemporalSettings(
        address=str(address) if address.host else "",
        namespace=reader.text("TEMPORAL_NAMESPACE"),
        api_key=Secret(api_key),
        tls=reader.choice("TEMPORAL_TLS", ("true", "false"), tls) == "true",
        tls_ca=ca,
        tls_cert=cert,
        tls_key=key,
        tls_server_name=reader.text("TEMPORAL_TLS_SERVER_NAME"),
        profile=reader.text("TEMPORAL_PROFILE"),
        queue_prefix=reader.text("TEMPORAL_QUEUE_PREFIX", DEFAULT_QUEUE_PREFIX),
        binary=reader.text("TEMPORAL_BIN"),
        dev_port=reader.integer("TEMPORAL_DEV_PORT", DEFAULT_DEV_PORT, minimum=1, maximum=MAX_PORT),
        heartbeat_seconds=heartbeat,
    )
