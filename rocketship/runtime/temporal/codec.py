"""Seals everything that Temporal keeps for us: checkpoints and messages may hold secrets.

Histories stay in Temporal's database, and are shown in its pages, long after a run has ended.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadCodec,
)

ENCODING = b"binary/rocketship-sealed"
#: What a payload is bound to; runs cannot be told apart here.
_CONTEXT = "temporal"


class Seal(Protocol):
    """Seals and opens bytes; see `rocketship.store.sealing.Sealer`."""

    def seal(self, data: bytes, context: str) -> bytes: ...
    def open(self, data: bytes, context: str) -> bytes: ...


class SealingCodec(PayloadCodec):
    """Seals payloads with the engine's encryption key."""

    def __init__(self, sealer: Seal) -> None:
        self._sealer = sealer

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload(
                metadata={"encoding": ENCODING},
                data=self._sealer.seal(payload.SerializeToString(), _CONTEXT),
            )
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._open(payload) for payload in payloads]

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            return payload
        return Payload.FromString(self._sealer.open(payload.data, _CONTEXT))


def converter(sealer: Seal) -> DataConverter:
    """Return how messages become payloads: as JSON, sealed, and so is what failures say."""
    return dataclasses.replace(
        DataConverter.default,
        payload_codec=SealingCodec(sealer),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
