"""Native TLS for both listeners; a renewed certificate is used without a restart.

Certificate, key and client authorities are read together and checked before they replace the ones
in use, so that a renewal caught half-way changes nothing until it is complete.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
from cryptography import x509

from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError
from rocketship.settings.server import TlsSettings

log = logging.getLogger(__name__)

#: How often the files are looked at.
CHECK_SECONDS = 1.0
_ALPN = ["h2", "http/1.1"]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """One state of the files, ready for either listener."""

    context: ssl.SSLContext
    grpc: grpc.ServerCertificateConfiguration
    expires: datetime


class _Renewing(ssl.SSLContext):
    """Leaves each connection to the latest context.

    A context keeps the sessions of its clients, and who resumes one is not asked for a certificate
    again: no session may be known to a context with other authorities.
    """

    latest: Callable[[], ssl.SSLContext]

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        return self.latest().wrap_bio(*arguments, **options)


class Certificates:
    """The certificates of the listeners.

    Raises:
        SettingsError: A file cannot be used.
    """

    def __init__(self, settings: TlsSettings) -> None:
        self._settings = settings
        self._seen = _state(settings)
        self._loaded = _load(settings)
        self._given = self._loaded
        _tell("tls_loaded", self._loaded)

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context whose handshakes use the certificates of their time."""
        context = _Renewing(ssl.PROTOCOL_TLS_SERVER)
        context.latest = lambda: self._loaded.context
        return context

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Return credentials that ask for the certificates at every handshake."""
        authenticate = self._settings.client_ca is not None
        return grpc.dynamic_ssl_server_credentials(
            self._given.grpc,
            self._renewed,  # type: ignore[arg-type]  # None says that nothing has changed
            require_client_authentication=authenticate,
        )

    def refresh(self) -> None:
        """Take over the files if they have changed and can be used."""
        seen = _state(self._settings)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._loaded = _load(self._settings)
        except SettingsError as error:
            log.warning("tls_not_renewed", extra={"error": error.message})
        else:
            _tell("tls_renewed", self._loaded)

    async def watch(self) -> None:
        """Refresh for ever."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.refresh()

    def _renewed(self) -> grpc.ServerCertificateConfiguration | None:
        loaded = self._loaded
        if loaded is self._given:
            return None
        self._given = loaded
        return loaded.grpc


def _load(settings: TlsSettings) -> _Loaded:
    """Read the files; raises SettingsError."""
    context = _context(settings)
    certificate, key = _read(settings.certificate), _read(settings.key)
    client_ca = _read(settings.client_ca) if settings.client_ca else None
    configuration = grpc.ssl_server_certificate_configuration([(key, certificate)], client_ca)
    expires = x509.load_pem_x509_certificate(certificate).not_valid_after_utc
    return _Loaded(context, configuration, expires)


def _context(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(_ALPN)
    path = settings.certificate
    try:
        # With an empty password a locked key is refused instead of asked about on the terminal.
        context.load_cert_chain(settings.certificate, settings.key, password="")
        if settings.client_ca:
            path = settings.client_ca
            context.load_verify_locations(path)
            context.verify_mode = ssl.CERT_REQUIRED
            # A ticket would still let its owner in when the certificate has expired.
            context.num_tickets = 0
            context.options |= ssl.OP_NO_TICKET
    except (OSError, ValueError) as error:
        raise _unusable(path, settings, error) from error
    return context


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from error


def _unusable(path: Path, settings: TlsSettings, error: Exception) -> SettingsError:
    if isinstance(error, FileNotFoundError):
        missing = next(
            (item for item in (settings.certificate, settings.key) if not item.exists()), path
        )
        return SettingsError(
            f"{missing}: there is no such file", hint="see ROCKETSHIP_ENGINE_TLS_*"
        )
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return SettingsError(f"{settings.key} is not the key of {settings.certificate}")
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    hint = "both must be PEM files, and the key must have no password"
    if path == settings.certificate:
        return SettingsError(f"{path} with {settings.key} cannot be used: {reason}", hint=hint)
    return SettingsError(f"{path} cannot be used: {reason}", hint="it must be a PEM file")


def _state(settings: TlsSettings) -> tuple[Any, ...]:
    """Return what changes when a file is replaced, also through a symbolic link."""
    state: list[Any] = []
    for path in (settings.certificate, settings.key, settings.client_ca):
        try:
            found = path.stat() if path else None
        except OSError:
            found = None
        state.append(found and (found.st_ino, found.st_mtime_ns, found.st_size))
    return tuple(state)


def _tell(event: str, loaded: _Loaded) -> None:
    expired = loaded.expires < datetime.now(UTC)
    level = logging.WARNING if expired else logging.INFO
    log.log(level, event, extra={"expires": loaded.expires.isoformat(), "expired": expired})
