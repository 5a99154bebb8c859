"""Lines of external workers, for runs that the engine carries out and for those of our workers."""

from __future__ import annotations

import pytest

from tests.contracts.add_log import AddLogContract, Place
from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.temporal import Cluster
from tests.fixtures.workbench import Workbench

pytestmark = pytest.mark.slow


class TestEmbedded(AddLogContract):
    @pytest.fixture
    def place(self, engine_process: EngineProcess, bench: Workbench) -> Place:
        return Place(engine_process, bench)


class TestTemporal(AddLogContract):
    @pytest.fixture
    def place(self, cluster: Cluster) -> Place:
        cluster.worker()
        return Place(cluster.engine, cluster.bench)
