"""Channels to engines: opened with the right trust, proxy and limits, and never waited for long.

The time to connect is bounded apart from the time a call may take, so that an address where nobody
answers is noticed after seconds, and a busy engine is given its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from rocketship import __version__
from rocketship.client import diagnose, tls
from rocketship.client.address import Address
from rocketship.client.credentials import Credentials
from rocketship.client.proxy import Proxy
from rocketship.client.tls import TlsOptions
from rocketship.dataclass import dataclass
from rocketship.errors import UsageError
from rocketship.wire.limits import MAX_REQUEST_BYTES
from rocketship.wire.quiet import grpc

CONNECT_TIMEOUT_SECONDS = 5.0
#: A run with all its events may be large.
MAX_REPLY_BYTES = 64 * 1024 * 1024
KEEPALIVE_SECONDS = 30.0
KEEPALIVE_TIMEOUT_SECONDS = 10
FIRST_RECONNECT_SECONDS = 0.1
MAX_RECONNECT_SECONDS = 2.0

#: Takes one sentence for the person at the terminal.
Note: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An engine to connect to, and everything that decides how.

    Attributes:
        profile: The profile the address is from; empty when it was given directly.
        connect_timeout_seconds: How long a connection may take to stand.
        credentials: What says who is calling; None when nobody has said so.
        allow_plaintext_token: Whether a token may be sent where others on the way can read it.
        spread: Whether calls go in turns to all engines that a name stands for.
    """

    address: Address
    tls: TlsOptions = TlsOptions()
    proxy: Proxy | None = None
    profile: str = ""
    connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS
    credentials: Credentials | None = None
    allow_plaintext_token: bool = False
    spread: bool = False

    @property
    def confidential(self) -> bool:
        """Whether a token may be sent there: nobody on the way can read it, or nobody minds."""
        return self.address.tls or self.address.loopback or self.allow_plaintext_token

    def __str__(self) -> str:
        extra = [f'profile "{self.profile}"'] if self.profile else []
        if self.proxy:
            extra.append(f"through the proxy {self.proxy} from {self.proxy.variable}")
        return f"{self.address} ({', '.join(extra)})" if extra else str(self.address)


async def open_channel(endpoint: Endpoint, warn: Note) -> grpc.aio.Channel:
    """Return a channel that connects when it is first used.

    Args:
        endpoint: Where and how.
        warn: Told when the connection is not as safe as it looks.

    Raises:
        UsageError: The TLS options cannot be used.
        Unreachable: The certificate to be trusted could not be fetched.
    """
    options = _options(endpoint)
    target = f"dns:///{endpoint.address.authority}"
    if not endpoint.address.tls:
        if endpoint.tls != TlsOptions():
            hint = f"write grpcs://{endpoint.address.authority}, or leave the TLS options out"
            raise UsageError(f"{endpoint.address} is an address without TLS", hint=hint)
        return grpc.aio.insecure_channel(target, options=options)
    identity = tls.load(endpoint.tls)
    roots, name = identity.roots, endpoint.tls.server_name
    if endpoint.tls.insecure_skip_verify:
        presented = await _fetch(endpoint)
        roots, name = presented.pem, presented.name
        warn(
            f"the identity of {endpoint.address} is NOT verified (--insecure-skip-verify); "
            f"trusting the certificate it presents now, SHA-256 {presented.fingerprint}"
        )
    if name and name != endpoint.address.host:
        options.append(("grpc.ssl_target_name_override", name))
    credentials = grpc.ssl_channel_credentials(roots, identity.key, identity.chain)
    return grpc.aio.secure_channel(target, credentials, options=options)


async def connect(channel: grpc.aio.Channel, endpoint: Endpoint) -> bool:
    """Give the channel its time to connect and return whether it did.

    When it did not, the next call fails at once and says why.

    Raises:
        Unreachable: There was neither a connection nor a refusal in time.
    """
    state = channel.get_state(try_to_connect=True)
    try:
        async with asyncio.timeout(endpoint.connect_timeout_seconds):
            while state not in _DECIDED:
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
    except TimeoutError:
        raise diagnose.silent(endpoint) from None
    return state is grpc.ChannelConnectivity.READY


_DECIDED = (
    grpc.ChannelConnectivity.READY,
    grpc.ChannelConnectivity.TRANSIENT_FAILURE,
    grpc.ChannelConnectivity.SHUTDOWN,
)


async def _fetch(endpoint: Endpoint) -> tls.Presented:
    try:
        async with asyncio.timeout(endpoint.connect_timeout_seconds):
            return await tls.fetch_certificate(endpoint.address, endpoint.tls, endpoint.proxy)
    except TimeoutError:
        raise diagnose.silent(endpoint) from None
    except OSError as error:
        raise diagnose.unfetched(error, endpoint) from error


def _options(endpoint: Endpoint) -> list[tuple[str, int | str]]:
    attempt = int(endpoint.connect_timeout_seconds * 1000)
    proxy: tuple[str, int | str] = ("grpc.enable_http_proxy", 0)
    if endpoint.proxy:
        proxy = ("grpc.http_proxy", endpoint.proxy.url)
    policy = "round_robin" if endpoint.spread else "pick_first"
    return [
        proxy,
        ("grpc.service_config", f'{{"loadBalancingConfig": [{{"{policy}": {{}}}}]}}'),
        ("grpc.primary_user_agent", f"rocketship/{__version__}"),
        ("grpc.max_receive_message_length", MAX_REPLY_BYTES),
        ("grpc.max_send_message_length", MAX_REQUEST_BYTES),
        ("grpc.keepalive_time_ms", int(KEEPALIVE_SECONDS * 1000)),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_SECONDS * 1000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", int(FIRST_RECONNECT_SECONDS * 1000)),
        ("grpc.max_reconnect_backoff_ms", int(MAX_RECONNECT_SECONDS * 1000)),
        # In gRPC's words this is also how long one attempt to connect may take.
        ("grpc.min_reconnect_backoff_ms", attempt),
        ("grpc.dns_ares_query_timeout", attempt),
        # Another channel's failed attempts must not count as this one's.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.service_config_disable_resolution", 1),
    ]
