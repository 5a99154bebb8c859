"""Settings of who may call the engine.

They are strict, because a lock that is left open by a slip of the pen looks like a closed one: what
a mode needs must be there, and what no mode reads must not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from rocketship.dataclass import dataclass
from rocketship.errors import SettingsError
from rocketship.redaction import Secret
from rocketship.settings.reader import PREFIX, Reader, refuse_unknown

MODES = (("none",), ("token",), ("oidc",), ("token", "oidc"))
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
DEFAULT_SCOPES = ("openid", "profile", "email", "offline_access")
DEFAULT_LEEWAY_SECONDS = 60
MAX_LEEWAY_SECONDS = 300
#: Everything that begins with one of these and is read somewhere.
NAMES = {
    "ROCKETSHIP_AUTH_": ("ROCKETSHIP_AUTH_ADVERTISE_CLOUD", "ROCKETSHIP_AUTH_MODE"),
    "ROCKETSHIP_OIDC_": (
        "ROCKETSHIP_OIDC_ALLOWED_ALGS",
        "ROCKETSHIP_OIDC_AUDIENCE",
        "ROCKETSHIP_OIDC_CLIENT_ID",
        "ROCKETSHIP_OIDC_DEVICE_ENDPOINT",
        "ROCKETSHIP_OIDC_ISSUER",
        "ROCKETSHIP_OIDC_JWKS_URL",
        "ROCKETSHIP_OIDC_LEEWAY_SECONDS",
        "ROCKETSHIP_OIDC_SCOPES",
        "ROCKETSHIP_OIDC_TOKEN_ENDPOINT",
        "ROCKETSHIP_OIDC_USERNAME_CLAIM",
    ),
    "ROCKETSHIP_ALB_": (
        "ROCKETSHIP_ALB_ARNS",
        "ROCKETSHIP_ALB_CLIENT_ID",
        "ROCKETSHIP_ALB_ISSUER",
        "ROCKETSHIP_ALB_REGION",
    ),
}
_TOKEN_NAMES = ("ROCKETSHIP_ENGINE_TOKEN", "ROCKETSHIP_ENGINE_TOKEN_FILE")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_SEPARATORS = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Tokens given directly, or the path of a file of them; see `rocketship.auth.tokens`."""

    value: Secret[str] = Secret("")
    file: str = ""

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return bool(self.value.reveal() or self.file)


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """An identity provider whose access tokens are good here.

    Attributes:
        issuer: What it calls itself, character by character; needed (ROCKETSHIP_OIDC_ISSUER).
        audience: What its access tokens must be for; needed (ROCKETSHIP_OIDC_AUDIENCE).
        client_id: Told to command lines that log in (ROCKETSHIP_OIDC_CLIENT_ID).
        scopes: Told to them, too (ROCKETSHIP_OIDC_SCOPES).
        jwks_url: Where its keys are; its discovery document says so unless given
            (ROCKETSHIP_OIDC_JWKS_URL).
        device_endpoint: Where a device login begins; its discovery document says so unless given
            (ROCKETSHIP_OIDC_DEVICE_ENDPOINT).
        token_endpoint: Where tokens are given out; its discovery document says so unless given
            (ROCKETSHIP_OIDC_TOKEN_ENDPOINT).
        allowed_algs: The algorithms its tokens may be signed with (ROCKETSHIP_OIDC_ALLOWED_ALGS).
        leeway_seconds: How many seconds the clocks may be apart, at most 300
            (ROCKETSHIP_OIDC_LEEWAY_SECONDS).
        username_claim: The claim people are called by; the first of `preferred_username`, `email`
            and `sub` unless given (ROCKETSHIP_OIDC_USERNAME_CLAIM).
    """

    issuer: str
    audience: str
    client_id: str = ""
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    jwks_url: str = ""
    device_endpoint: str = ""
    token_endpoint: str = ""
    allowed_algs: tuple[str, ...] = ALGORITHMS
    leeway_seconds: int = DEFAULT_LEEWAY_SECONDS
    username_claim: str = ""


@dataclass(frozen=True, slots=True)
class AlbSettings:
    """AWS load balancers that log people in before the web pages.

    Attributes:
        arns: Which ones are believed (ROCKETSHIP_ALB_ARNS).
        region: Where their keys are published (ROCKETSHIP_ALB_REGION).
        issuer: The provider they log in at; that of OIDC unless given (ROCKETSHIP_ALB_ISSUER).
        client_id: The client they are there; that of OIDC unless given (ROCKETSHIP_ALB_CLIENT_ID).
    """

    arns: tuple[str, ...]
    region: str
    issuer: str
    client_id: str


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Who may call the engine.

    Attributes:
        modes: `none`, or one or both of `token` and `oidc` (ROCKETSHIP_AUTH_MODE).
        allow_anonymous: Whether `none` is meant, even where strangers can reach the engine
            (ROCKETSHIP_ALLOW_ANONYMOUS).
        token: What users show (ROCKETSHIP_ENGINE_TOKEN, or its path in
            ROCKETSHIP_ENGINE_TOKEN_FILE).
        worker: What workers show, and only they (ROCKETSHIP_WORKER_TOKEN, or its path in
            ROCKETSHIP_WORKER_TOKEN_FILE).
        advertise_cloud: Whether clients are told `cloud` instead of `oidc`
            (ROCKETSHIP_AUTH_ADVERTISE_CLOUD).
    """

    modes: tuple[str, ...] = ("none",)
    allow_anonymous: bool = False
    token: TokenSettings = TokenSettings()
    worker: TokenSettings = TokenSettings()
    oidc: OidcSettings | None = None
    alb: AlbSettings | None = None
    advertise_cloud: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown; the values of files are not known here."""
        texts = (self.token.value.reveal(), self.worker.value.reveal())
        lines = [line.strip() for text in texts for line in text.splitlines()]
        return tuple({part for line in lines for part in (line, line.rpartition(":")[2]) if part})


def auth_settings(environ: Mapping[str, str]) -> AuthSettings:
    """Return the settings an environment describes.

    Raises:
        SettingsError: A value cannot be used, is missing, or is there and means nothing.
    """
    for prefix, names in NAMES.items():
        refuse_unknown(environ, prefix, names)
    reader = Reader(environ)
    modes = _modes(reader)
    _refuse_unread(reader, modes)
    oidc = _oidc(reader) if "oidc" in modes else None
    return AuthSettings(
        modes=modes,
        allow_anonymous=reader.flag("ALLOW_ANONYMOUS"),
        token=_token(reader, "ENGINE_TOKEN"),
        worker=_token(reader, "WORKER_TOKEN"),
        oidc=oidc,
        alb=_alb(reader, oidc),
        advertise_cloud=reader.flag("AUTH_ADVERTISE_CLOUD"),
    )


def is_safe_url(url: str) -> bool:
    """Return whether an URL is one of HTTPS, or of HTTP within this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    plain = all(32 < ord(char) < 127 for char in url) and "@" not in parts.netloc
    safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))
    return bool(host) and plain and safe and not parts.fragment


def is_loopback(host: str) -> bool:
    """Return whether only this machine is reached by a host's name or address."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _modes(reader: Reader) -> tuple[str, ...]:
    text = reader.text("AUTH_MODE", "none").lower()
    given = {part.strip() for part in text.split(",")}
    for modes in MODES:
        if given == set(modes):
            return modes
    raise SettingsError(f"{PREFIX}AUTH_MODE={text}: expected none, token, oidc or token,oidc")


def _refuse_unread(reader: Reader, modes: tuple[str, ...]) -> None:
    """Refuse the means of a mode that is not on: whoever gave them believes that it is."""
    means = {
        "token": _TOKEN_NAMES,
        "oidc": (*NAMES["ROCKETSHIP_OIDC_"], "ROCKETSHIP_AUTH_ADVERTISE_CLOUD"),
    }
    if modes == ("none",):
        means["token or oidc"] = NAMES["ROCKETSHIP_ALB_"]
    for mode, names in means.items():
        if mode in modes:
            continue
        for name in names:
            if reader.text(name.removeprefix(PREFIX)):
                on = reader.text("AUTH_MODE") and f" without {mode}" or " unset"
                raise SettingsError(
                    f"{name} is set, and {PREFIX}AUTH_MODE is{on}, so that nothing reads it",
                    hint=f"set {PREFIX}AUTH_MODE to {mode}, or unset {name}",
                )


def _token(reader: Reader, name: str) -> TokenSettings:
    value, file = reader.text(name), reader.text(f"{name}_FILE")
    if value and file:
        raise SettingsError(f"{PREFIX}{name} and {PREFIX}{name}_FILE are both set", hint="keep one")
    return TokenSettings(Secret(value), file)


def _oidc(reader: Reader) -> OidcSettings:
    issuer, audience = reader.text("OIDC_ISSUER"), reader.text("OIDC_AUDIENCE")
    for name, value in (("OIDC_ISSUER", issuer), ("OIDC_AUDIENCE", audience)):
        if not value:
            raise SettingsError(f"{PREFIX}{name} is missing", hint="the mode oidc needs it")
    urls = ("OIDC_ISSUER", "OIDC_JWKS_URL", "OIDC_DEVICE_ENDPOINT", "OIDC_TOKEN_ENDPOINT")
    for name in urls:
        text = reader.text(name)
        if text and not is_safe_url(text):
            raise SettingsError(f"{PREFIX}{name}={text}: expected an https URL")
    leeway = reader.integer("OIDC_LEEWAY_SECONDS", DEFAULT_LEEWAY_SECONDS, minimum=0)
    if leeway > MAX_LEEWAY_SECONDS:
        name = f"{PREFIX}OIDC_LEEWAY_SECONDS"
        raise SettingsError(f"{name}={leeway}: expected at most {MAX_LEEWAY_SECONDS}")
    return OidcSettings(
        issuer=issuer,
        audience=audience,
        client_id=reader.text("OIDC_CLIENT_ID"),
        scopes=_words(reader, "OIDC_SCOPES") or DEFAULT_SCOPES,
        jwks_url=reader.text("OIDC_JWKS_URL"),
        device_endpoint=reader.text("OIDC_DEVICE_ENDPOINT"),
        token_endpoint=reader.text("OIDC_TOKEN_ENDPOINT"),
        allowed_algs=_algorithms(reader),
        leeway_seconds=leeway,
        username_claim=reader.text("OIDC_USERNAME_CLAIM"),
    )


def _algorithms(reader: Reader) -> tuple[str, ...]:
    names = _words(reader, "OIDC_ALLOWED_ALGS")
    for name in names:
        if name not in ALGORITHMS:
            text = f"{PREFIX}OIDC_ALLOWED_ALGS has {name}: expected some of {', '.join(ALGORITHMS)}"
            raise SettingsError(text, hint="only asymmetric algorithms are safe here")
    return names or ALGORITHMS


def _alb(reader: Reader, oidc: OidcSettings | None) -> AlbSettings | None:
    arns, region = _words(reader, "ALB_ARNS"), reader.text("ALB_REGION")
    issuer = reader.text("ALB_ISSUER") or (oidc.issuer if oidc else "")
    client_id = reader.text("ALB_CLIENT_ID") or (oidc.client_id if oidc else "")
    if not any(reader.text(name.removeprefix(PREFIX)) for name in NAMES["ROCKETSHIP_ALB_"]):
        return None
    needed = {"ARNS": arns, "REGION": region, "ISSUER": issuer, "CLIENT_ID": client_id}
    for name, value in needed.items():
        if not value:
            hint = "a load balancer is believed only with its ARN, region, issuer and client"
            raise SettingsError(f"{PREFIX}ALB_{name} is missing", hint=hint)
    if not _REGION.fullmatch(region):
        raise SettingsError(f"{PREFIX}ALB_REGION={region}: expected a region such as eu-west-1")
    for arn in arns:
        if not arn.startswith("arn:aws"):
            raise SettingsError(f"{PREFIX}ALB_ARNS has {arn}: expected arn:aws:…")
    return AlbSettings(arns, region, issuer, client_id)


def _words(reader: Reader, name: str) -> tuple[str, ...]:
    return tuple(word for word in _SEPARATORS.split(reader.text(name)) if word)
