"""Settings of the engine as a server.

Names are strict: a ROCKETSHIP_ENGINE_* variable that nothing reads is an error with a suggestion,
because a setting that is silently ignored is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError
from rocketship.settings.auth import AuthSettings, auth_settings, is_loopback
from rocketship.settings.reader import PREFIX, Address, Reader, refuse_unknown
from rocketship.settings.web import WebSettings, web_settings

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("console", "json")
#: Hosts that stand for every address of the machine.
_ALL_HOSTS = frozenset(("0.0.0.0", "::"))
#: Everything that begins with ROCKETSHIP_ENGINE_ and is read somewhere.
ENGINE_NAMES = (
    "ROCKETSHIP_ENGINE_GRPC_ADDRESS",
    "ROCKETSHIP_ENGINE_HTTP_ADDRESS",
    "ROCKETSHIP_ENGINE_REFLECTION",
    "ROCKETSHIP_ENGINE_TLS_CERT",
    "ROCKETSHIP_ENGINE_TLS_CLIENT_CA",
    "ROCKETSHIP_ENGINE_TLS_KEY",
    "ROCKETSHIP_ENGINE_TOKEN",
    "ROCKETSHIP_ENGINE_TOKEN_FILE",
)


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """The PEM files of both listeners; without any they speak plaintext.

    Attributes:
        certificate: The certificate, with those that lead to its authority
            (ROCKETSHIP_ENGINE_TLS_CERT).
        key: Its key (ROCKETSHIP_ENGINE_TLS_KEY).
        client_ca: Clients must show a certificate of one of these authorities
            (ROCKETSHIP_ENGINE_TLS_CLIENT_CA).
    """

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How the engine listens, stops and tells what it does.

    Attributes:
        grpc: Where gRPC listens, as HOST:PORT (ROCKETSHIP_ENGINE_GRPC_ADDRESS).
        http: Where HTTP listens: pages, probes and metrics (ROCKETSHIP_ENGINE_HTTP_ADDRESS).
        tls: None means plaintext.
        reflection: Whether clients may ask for the API's description
            (ROCKETSHIP_ENGINE_REFLECTION).
        public_grpc: The address clients are told to use for gRPC, as a URL or HOST:PORT
            (ROCKETSHIP_PUBLIC_GRPC_ENDPOINT).
        public_http: The same for the web (ROCKETSHIP_PUBLIC_HTTP_ENDPOINT).
        drain_seconds: From being told to stop to refusing work, for load balancers to notice
            (ROCKETSHIP_DRAIN_DELAY).
        grace_seconds: How long requests may then still take (ROCKETSHIP_GRACE).
        log_level: `debug`, `info`, `warning` or `error` (ROCKETSHIP_LOG).
        log_format: `console` or `json` (ROCKETSHIP_LOG_FORMAT).
        auth: Who may call.
        web: What browsers see.
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
    auth: AuthSettings = AuthSettings()
    web: WebSettings = WebSettings()

    @property
    def public_addresses(self) -> str:
        """The addresses that others than this machine can reach, as text."""
        found = dict.fromkeys(
            str(item) for item in (self.grpc, self.http) if not is_loopback(item.host)
        )
        return " and ".join(found)

    @property
    def open_to_strangers(self) -> bool:
        """Whether anybody from anywhere may do everything."""
        return self.auth.modes == ("none",) and bool(self.public_addresses)


def server_settings(environ: Mapping[str, str]) -> ServerSettings:
    """Return the settings an environment describes for the engine as a server.

    Raises:
        SettingsError: A value cannot be used, or nothing reads a ROCKETSHIP_ENGINE_* variable.
    """
    refuse_unknown(environ, f"{PREFIX}ENGINE_", ENGINE_NAMES)
    reader, default = Reader(environ), ServerSettings()
    settings = ServerSettings(
        auth=auth_settings(environ),
        grpc=reader.address("ENGINE_GRPC_ADDRESS", default.grpc),
        http=reader.address("ENGINE_HTTP_ADDRESS", default.http),
        tls=_tls(reader),
        reflection=reader.flag("ENGINE_REFLECTION"),
        public_grpc=reader.advertised("PUBLIC_GRPC_ENDPOINT"),
        public_http=reader.advertised("PUBLIC_HTTP_ENDPOINT"),
        drain_seconds=reader.duration("DRAIN_DELAY", default.drain_seconds),
        grace_seconds=reader.duration("GRACE", default.grace_seconds),
        log_level=reader.choice("LOG", LOG_LEVELS, default.log_level),
        log_format=reader.choice("LOG_FORMAT", LOG_FORMATS, default.log_format),
        web=web_settings(reader),
    )
    _refuse_one_port(settings)
    _refuse_open_door(settings)
    return settings


def _tls(reader: Reader) -> TlsSettings | None:
    names = ("ENGINE_TLS_CERT", "ENGINE_TLS_KEY", "ENGINE_TLS_CLIENT_CA")
    certificate, key, client_ca = map(reader.text, names)
    if not (certificate or key or client_ca):
        return None
    for name, value in zip(names[:2], (certificate, key), strict=True):
        if not value:
            hint = "TLS needs a certificate and its key, both as PEM files"
            raise SettingsError(f"{PREFIX}{name} is missing", hint=hint)
    return TlsSettings(Path(certificate), Path(key), Path(client_ca) if client_ca else None)


def _refuse_one_port(settings: ServerSettings) -> None:
    grpc, http = settings.grpc, settings.http
    hosts = {grpc.host.lower(), http.host.lower()}
    if not grpc.port or grpc.port != http.port or not (len(hosts) == 1 or hosts & _ALL_HOSTS):
        return
    raise SettingsError(
        f"{PREFIX}ENGINE_GRPC_ADDRESS ({grpc}) and {PREFIX}ENGINE_HTTP_ADDRESS ({http}) need "
        "ports of their own",
        hint="give one of them another port",
    )


def _refuse_open_door(settings: ServerSettings) -> None:
    if not settings.open_to_strangers or settings.auth.allow_anonymous:
        return
    raise SettingsError(
        f"{PREFIX}AUTH_MODE is none, and the engine would listen on {settings.public_addresses}, "
        "where anybody could use it",
        hint=f"set {PREFIX}AUTH_MODE to token or oidc, listen on 127.0.0.1, "
        f"or set {PREFIX}ALLOW_ANONYMOUS=true if that is meant",
    )
