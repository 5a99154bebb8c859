"""A client as plain as possible, so that the sample API is not judged through our own plugin."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import pytest


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


Call: TypeAlias = Callable[..., Reply]


@pytest.fixture
def call(sample_api: str) -> Call:
    """Sends one request: `call("GET", "/path", body=…, **{"Header-Name": "value"})`."""
    address = urlsplit(sample_api).netloc

    def send(
        method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        content = json.dumps(body).encode() if isinstance(body, dict | list) else body
        connection = HTTPConnection(address, timeout=10)
        try:
            connection.request(method, path, content, headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    return send
