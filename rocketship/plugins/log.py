"""The `log` plugin: says something to whoever watches the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from rocketship.plugins.api import Call, Finding, Outcome, Plugin
from rocketship.suite.fields import Choice, Field, Object, Text
from rocketship.values import Json

LEVELS = ("debug", "info", "warn", "error")


class LogPlugin(Plugin):
    """Emits one record, at once; text of several lines stays together."""

    name: ClassVar[str] = "log"
    summary: ClassVar[str] = "Shows a message."
    config: ClassVar[Object] = Object(
        Field("message", Text(), "What to say.", required=True),
        Field("level", Choice(LEVELS), "How important it is.", default="info"),
    )

    async def run(self, call: Call) -> Outcome:
        if message := call.config["message"]:
            call.log(message, level=call.config["level"], source="log")
        return Outcome()

    def check(self, config: Mapping[str, Json]) -> Iterable[Finding]:
        # Only as written: a template may well come out empty, and then there is nothing to say.
        if config.get("message") == "":
            yield Finding(("message",), "must not be empty")

    def replay_safe(self, config: Mapping[str, Any]) -> bool:
        return True
