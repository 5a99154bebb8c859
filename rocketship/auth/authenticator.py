"""The one place where it is decided who calls, and whether they may.

gRPC and HTTP ask the same `Authenticator`. It asks its verifiers in turn; each knows one sort of
token. What is slow about one, such as fetching keys, is bounded there.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from rocketship.auth.caller import (
    ANONYMOUS,
    TOKEN_HINT,
    Credentials,
    Kind,
    Principal,
    bearer_token,
)
from rocketship.auth.policy import Rule
from rocketship.errors import Refused, RocketshipError, Unauthenticated, Unavailable

log = logging.getLogger(__name__)

#: How long any single step of finding out who calls may take.
PATIENCE_SECONDS = 5.0

_USER: frozenset[Rule] = frozenset({Rule.USER})
_WORKER: frozenset[Rule] = frozenset({Rule.WORKER})


class Verifier(Protocol):
    """Knows one sort of token."""

    async def verify(self, token: str) -> Principal | None:
        """Return whose token it is, or None when it is of another sort.

        Raises:
            Unauthenticated: It is of this sort, and not good.
            Unavailable: That cannot be found out now.
        """


class Authenticator:
    """Decides who calls and what they may do.

    Args:
        verifiers: Asked in this order.
        load_balancer: Knows what a load balancer says about people it has logged in, if one does.
        anonymous: Whether callers without a good token are let in, whatever they show.
        worker_token: Whether workers have a token; then nobody else may do what they do.
    """

    def __init__(
        self,
        verifiers: Sequence[Verifier],
        *,
        load_balancer: Verifier | None = None,
        anonymous: bool = False,
        worker_token: bool = False,
    ) -> None:
        self._verifiers = tuple(verifiers)
        self._load_balancer = load_balancer
        self._anonymous = anonymous
        nothing: frozenset[Rule] = frozenset()
        everything = _USER if worker_token else _USER | _WORKER
        self._rights: Mapping[Kind, frozenset[Rule]] = {
            Kind.ANONYMOUS: everything if anonymous else nothing,
            Kind.USER: _USER,
            Kind.WORKER: _WORKER,
        }

    async def admit(self, rule: Rule, credentials: Credentials) -> Principal:
        """Return who calls, when they may do what is asked for.

        Raises:
            Unauthenticated: It is not known who calls.
            Refused: It is known, and they may not.
            Unavailable: It cannot be found out now.
        """
        if rule is Rule.EXEMPT:
            return ANONYMOUS
        principal = await self.authenticate(credentials)
        if rule not in self._rights[principal.kind]:
            raise _refused(rule, principal)
        return principal

    async def authenticate(self, credentials: Credentials) -> Principal:
        """Return who calls; errors are those of `admit`, without Refused."""
        try:
            return await self._authenticate(credentials)
        except RocketshipError:
            raise
        except Exception as error:  # a fault in here must never let anybody in, or tell why
            log.exception("authentication_failed")
            raise Unavailable("it cannot be found out who is calling") from error

    async def _authenticate(self, credentials: Credentials) -> Principal:
        values = credentials.authorization
        if self._anonymous:
            return await self._perhaps_known(values)
        if credentials.load_balancer and not values and self._load_balancer:
            return await self._from_load_balancer(self._load_balancer, credentials)
        return await self._ask(bearer_token(values))

    async def _perhaps_known(self, values: tuple[str, ...]) -> Principal:
        """Return who calls an engine that is open; a header may have been meant for others."""
        if not values or not self._verifiers:
            return ANONYMOUS
        try:
            return await self._ask(bearer_token(values))
        except Unauthenticated:
            return ANONYMOUS

    async def _ask(self, token: str) -> Principal:
        for verifier in self._verifiers:
            principal = await verifier.verify(token)
            if principal is not None:
                return principal
        raise Unauthenticated("the token is not valid here", hint=TOKEN_HINT)

    async def _from_load_balancer(self, verifier: Verifier, credentials: Credentials) -> Principal:
        if len(credentials.load_balancer) > 1:
            raise Unauthenticated("there are multiple x-amzn-oidc-data headers")
        principal = await verifier.verify(credentials.load_balancer[0])
        if principal is None:
            raise Unauthenticated("the load balancer's word about who is calling is not valid")
        return principal


def _refused(rule: Rule, principal: Principal) -> Refused:
    if rule is Rule.WORKER:
        return Refused("only workers may do this", hint="workers use ROCKETSHIP_WORKER_TOKEN")
    if principal.kind is Kind.WORKER:
        return Refused("a worker's token is only for reporting runs", hint=TOKEN_HINT)
    return Refused("nobody may do this")
