"""An engine in another process is an EngineClient."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from rocketship.client.base import EngineClient
from rocketship.client.remote import open_remote
from tests.contracts.engine_client import EngineClientContract
from tests.fixtures.engine_process import EngineProcess


def unexpected(text: str) -> None:
    raise AssertionError(text)


class TestRemoteClient(EngineClientContract):
    @pytest.fixture(autouse=True)
    def _engine(self, shared_engine: EngineProcess) -> None:
        self.engine = shared_engine

    def open_client(self, folder: Path) -> AbstractAsyncContextManager[EngineClient]:
        return open_remote(self.engine.endpoint, note=unexpected, warn=unexpected)
