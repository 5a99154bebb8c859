"""What an engine says about itself before anybody is logged in, whatever its age."""

from __future__ import annotations

from rocketship import __version__
from rocketship.client.connection import Connection
from rocketship.client.credentials import Asked
from rocketship.client.diagnose import UnknownCall
from rocketship.dataclass import dataclass
from rocketship.wire._generated import engine_pb2 as pb

DISCOVERY_SECONDS = 5.0
#: The capability without which an engine is one of the original kind.
WATCH = "runs.watch"


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """An engine's discovery document; what it does not tell is empty.

    Attributes:
        source: The call that told it: GetServerInfo, GetAuthConfig, or empty when it knows neither.
        auth_type: none, token, oidc or cloud.
        endpoints: Public addresses by type: grpc, http, ui.
    """

    source: str = ""
    version: str = ""
    auth_enabled: bool = False
    auth_type: str = "none"
    auth_endpoint: str = ""
    device_authorization_endpoint: str = ""
    token_endpoint: str = ""
    issuer: str = ""
    audience: str = ""
    scopes: tuple[str, ...] = ()
    client_id: str = ""
    capabilities: tuple[str, ...] = ()
    endpoints: tuple[tuple[str, str], ...] = ()

    @property
    def asked(self) -> Asked:
        """How callers show who they are."""
        kinds = {kind for kind in ("token", "oidc") if f"auth.{kind}" in self.capabilities}
        if self.auth_enabled and not kinds:
            kinds = {"token"} if self.auth_type == "token" else {"oidc"}
        return Asked(
            needed=self.auth_enabled if self.source else None,
            token="token" in kinds,
            oidc="oidc" in kinds,
            issuer=self.issuer,
            audience=self.audience,
        )

    @property
    def legacy(self) -> bool:
        """Whether it is an engine of the original kind, which knows no structured events."""
        return WATCH not in self.capabilities


async def discover(connection: Connection) -> ServerInfo:
    """Ask an engine about itself; one that cannot tell is taken for one without sign-in.

    Raises:
        RocketshipError: The engine cannot be used.
    """
    stub = connection.stub
    try:
        reply = await connection.call(
            stub.GetServerInfo, pb.GetServerInfoRequest(), seconds=DISCOVERY_SECONDS, again=True
        )
    except UnknownCall:
        return await _older(connection)
    return ServerInfo(
        source="GetServerInfo",
        version=reply.version,
        auth_enabled=reply.auth_enabled,
        auth_type=reply.auth_type.lower() or "none",
        auth_endpoint=reply.auth_endpoint,
        device_authorization_endpoint=reply.device_authorization_endpoint,
        token_endpoint=reply.token_endpoint,
        issuer=reply.issuer,
        audience=reply.audience,
        scopes=tuple(reply.scopes),
        client_id=reply.client_id,
        capabilities=tuple(sorted(reply.capabilities)),
        endpoints=tuple(
            sorted((item.type, item.address) for item in reply.endpoints if item.address)
        ),
    )


async def _older(connection: Connection) -> ServerInfo:
    try:
        reply = await connection.call(
            connection.stub.GetAuthConfig,
            pb.GetAuthConfigRequest(),
            seconds=DISCOVERY_SECONDS,
            again=True,
        )
    except UnknownCall:
        return ServerInfo()
    return ServerInfo(
        source="GetAuthConfig",
        auth_enabled=reply.auth_enabled,
        auth_type=reply.auth_type.lower() or "none",
        auth_endpoint=reply.auth_endpoint,
    )


def compatibility_warning(info: ServerInfo, own_version: str = __version__) -> str | None:
    """Return what somebody should know who uses this engine with this client, if anything."""
    version = f"version {info.version}" if info.version else "an unknown version"
    if info.legacy:
        return (
            f"the engine ({version}) is of the original kind: it takes no files, environment "
            "values, test selection or run options, and tells of no steps"
        )
    if _major(info.version) != _major(own_version):
        return f"the engine has {version}, this client {own_version}; they may not work together"
    return None


def _major(version: str) -> str:
    return version.lstrip("v").partition(".")[0]
