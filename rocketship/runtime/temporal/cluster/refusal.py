"""Why Temporal does not take us: what the SDK says about it, in words that tell what to change.

A cluster that is away comes back by itself. One that does not trust us, or that we do not trust,
does not, and whoever has configured that should hear of it at once.
"""

from __future__ import annotations

from temporalio.service import RPCError, RPCStatusCode

from rocketship.errors import Refused, RocketshipError, SettingsError

_CERTIFICATE = "set ROCKETSHIP_TEMPORAL_TLS_CERT and _KEY to a certificate that it accepts"
_KEY = "check ROCKETSHIP_TEMPORAL_API_KEY, and whether it has ended"
#: What the SDK's messages contain, what that means, and what to do about it; the first one counts.
_SIGNS = (
    (
        "NotValidForName",
        "its certificate is for another name",
        "set ROCKETSHIP_TEMPORAL_TLS_SERVER_NAME to the name in it, or check the address",
    ),
    ("InvalidCertificate(Expired", "its certificate has expired", "have it renewed"),
    (
        "InvalidCertificate",
        "its certificate is not of an authority that is trusted here",
        "set ROCKETSHIP_TEMPORAL_TLS_CA to the PEM file of its authority",
    ),
    (
        "InvalidMessage(InvalidContentType)",
        "it does not speak TLS",
        "check the port, or set ROCKETSHIP_TEMPORAL_TLS=false and leave certificates out",
    ),
    (
        "FRAME_SIZE_ERROR",
        "it wants TLS",
        "set ROCKETSHIP_TEMPORAL_TLS=true, or the certificates of ROCKETSHIP_TEMPORAL_TLS_*",
    ),
    ("fatal alert: CertificateRequired", "it wants a client certificate", _CERTIFICATE),
    ("received fatal alert", "it does not accept our certificate", _CERTIFICATE),
    ("code: Unauthenticated", "it does not know who is calling", _KEY),
    ("code: PermissionDenied", "it does not let us in", _KEY),
    ("status: 400", "something in front of it does not accept our certificate", _CERTIFICATE),
    ("status: 401", "something in front of it does not know who is calling", _KEY),
    ("status: 403", "something in front of it does not let us in", _KEY),
)
#: Ours do not fit together, so nobody is asked at all.
_UNFIT = ("KeyMismatch", "could not parse", "no private key")
_HANGING_UP = ("connection closed", "BrokenPipe", "ConnectionReset")


def hung_up(error: Exception) -> bool:
    """Return whether somebody was there, and left without a word."""
    text = str(error)
    return "after connection" in text and any(sign in text for sign in _HANGING_UP)


def refusal(error: Exception, place: str, namespace: str) -> RocketshipError | None:
    """Return what keeps us out for good, or None when Temporal may be there in a moment.

    Args:
        error: What a call, or the attempt to connect, has raised.
        place: HOST:PORT of Temporal.
        namespace: Whose runs are wanted.
    """
    where = f"Temporal at {place} cannot be used"
    if isinstance(error, RPCError):
        if error.status is RPCStatusCode.NOT_FOUND:
            hint = "create it, or set ROCKETSHIP_TEMPORAL_NAMESPACE to one that is there"
            return Refused(f'{where}: it has no namespace "{namespace}"', hint=hint)
        if error.status in (RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.PERMISSION_DENIED):
            hint = f"{_KEY}; it must be allowed to use the namespace {namespace}"
            return Refused(f"{where}: {error.message}", hint=hint)
        return None
    text = str(error)
    if any(sign.lower() in text.lower() for sign in _UNFIT):
        message = "ROCKETSHIP_TEMPORAL_TLS_CERT and ROCKETSHIP_TEMPORAL_TLS_KEY cannot be used"
        return SettingsError(message, hint="they must be PEM files that belong together")
    for sign, meaning, hint in _SIGNS:
        if sign in text:
            return Refused(f"{where}: {meaning}", hint=hint)
    return None
