"""The engine in this process is an EngineClient."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from rocketship.client.base import EngineClient
from rocketship.client.local import open_local
from rocketship.plugins.registry import Registry
from rocketship.settings.engine import engine_settings
from tests.contracts.engine_client import EngineClientContract


class TestLocalClient(EngineClientContract):
    def open_client(self, folder: Path) -> AbstractAsyncContextManager[EngineClient]:
        environ = {"ROCKETSHIP_DATA_DIR": str(folder / "data")}
        return open_local(engine_settings(environ, default_recovery="cleanup"), Registry())
