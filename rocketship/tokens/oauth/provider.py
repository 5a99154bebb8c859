"""An issuer of tokens, found by its own discovery document and not by what an engine claims."""

from __future__ import annotations

from rocketship.dataclass import dataclass
from rocketship.errors import Refused
from rocketship.tokens.oauth.client import OAuthClient, check_endpoint, origin

_DOCUMENT = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Advertised:
    """What an engine says about how to log in for it; what it does not say is empty.

    Attributes:
        server: The engine's address; the tokens are for it alone.
    """

    server: str
    issuer: str
    client_id: str
    audience: str = ""
    scopes: tuple[str, ...] = ()
    device_endpoint: str = ""
    token_endpoint: str = ""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where an issuer takes requests; `revocation_endpoint` is empty when it takes none."""

    issuer: str
    device_endpoint: str
    token_endpoint: str
    revocation_endpoint: str = ""


def find_provider(client: OAuthClient, advertised: Advertised) -> Provider:
    """Return the endpoints of the issuer an engine names.

    Raises:
        Refused: The engine says too little, or other than the issuer itself.
        Unanswered: The issuer does not answer.
    """
    issuer = advertised.issuer
    for value, name in ((issuer, "issuer"), (advertised.client_id, "client id")):
        if not value:
            raise Refused(
                f"the engine at {advertised.server} does not say which {name} to log in with",
                hint="whoever runs it must set ROCKETSHIP_OIDC_ISSUER and _CLIENT_ID",
            )
    url = issuer.rstrip("/") + _DOCUMENT
    answer = client.get(url)
    if answer.error:
        raise Refused(f"{issuer} does not describe itself at {url}: {answer.error}")
    if answer.text("issuer") != issuer:
        raise Refused(
            f'the issuer at {issuer} calls itself "{answer.text("issuer")}"',
            hint="whoever runs the engine must write ROCKETSHIP_OIDC_ISSUER exactly so",
        )
    revocation = answer.text("revocation_endpoint")
    if revocation:
        check_endpoint(revocation)
    return Provider(
        issuer,
        _endpoint(
            "device",
            advertised.device_endpoint,
            answer.text("device_authorization_endpoint"),
            issuer,
        ),
        _endpoint("token", advertised.token_endpoint, answer.text("token_endpoint"), issuer),
        revocation,
    )


def _endpoint(name: str, claimed: str, documented: str, issuer: str) -> str:
    """Return an endpoint that the issuer itself names, or that is at least of the issuer."""
    chosen = documented or claimed
    if not chosen:
        raise Refused(
            f"{issuer} has no {name} endpoint",
            hint="switch the device flow on there, or use a token: set ROCKETSHIP_TOKEN",
        )
    check_endpoint(chosen)
    if claimed and documented and claimed != documented:
        raise Refused(
            f"the engine names {claimed} as the {name} endpoint, and its issuer {documented}",
            hint="this may be an attempt to get at your login; ask whoever runs the engine",
        )
    if not documented and origin(chosen) != origin(issuer):
        raise Refused(
            f"the {name} endpoint {chosen} is not one of the issuer {issuer}",
            hint="ask whoever runs the engine",
        )
    return chosen
