"""The `delay` plugin: waits, and does nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from rocketship.plugins.api import Call, Outcome, Plugin
from rocketship.suite.fields import Duration, Field, Object
from rocketship.values import format_duration


class Delay(Plugin):
    """Waits for a while; less than nothing is no wait."""

    name: ClassVar[str] = "delay"
    summary: ClassVar[str] = "Waits for a while."
    config: ClassVar[Object] = Object(
        Field("duration", Duration(positive=False), "How long to wait.", required=True),
    )

    async def run(self, call: Call) -> Outcome:
        seconds = max(0.0, call.config["duration"])
        call.log(f"Delaying for {format_duration(seconds)}", source="delay")
        await asyncio.sleep(seconds)
        return Outcome()

    def replay_safe(self, config: Mapping[str, Any]) -> bool:
        return True
