"""What every test of scripts begins with."""

from __future__ import annotations

import pytest

from tests.plugins.script.processes import ignore_others


@pytest.fixture(autouse=True)
def _only_own_children() -> None:
    ignore_others()
