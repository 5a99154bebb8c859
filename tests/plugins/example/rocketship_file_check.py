"""A plugin for files that the system under test writes: do they exist, and what is in them?

It is a complete example of a distribution of its own: one module that imports nothing of Rocketship
but `rocketship.plugins`, and an entry point that names its class.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rocketship.plugins import (
    Absent,
    Boolean,
    Call,
    Field,
    Found,
    Object,
    Observable,
    Observation,
    Outcome,
    Plugin,
    StepError,
    Text,
)


@dataclass(frozen=True)
class Sighting:
    """What was found at a path; None when nothing was."""

    content: bytes | None


def _exists(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    return Found(outcome.subject.content is not None)


def _size(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    content = outcome.subject.content
    return Absent("there is no such file") if content is None else Found(len(content))


def _text(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
    content = outcome.subject.content
    return Absent("there is no such file") if content is None else Found(content.decode())


class FileCheck(Plugin):
    """Looks at one file."""

    name: ClassVar[str] = "file_check"
    summary: ClassVar[str] = "Looks at a file."
    config: ClassVar[Object] = Object(
        Field(
            "path", Text(empty=False), "The file, relative to the suite's directory.", required=True
        ),
    )
    assertions: ClassVar[Mapping[str, Observable]] = {
        "exists": Observable("Whether the file exists.", _exists),
        "size": Observable("Its size in bytes.", _size),
    }
    saves: ClassVar[Mapping[str, Observable]] = {
        "text": Observable("What is in it.", _text, argument=Boolean()),
    }

    async def run(self, call: Call) -> Outcome:
        path = Path(call.workdir, call.config["path"])
        call.log(f"Looking at {path.name}")
        return Outcome(subject=await asyncio.to_thread(_look, path))

    def replay_safe(self, config: Mapping[str, Any]) -> bool:
        return True


def _look(path: Path) -> Sighting:
    try:
        return Sighting(path.read_bytes())
    except FileNotFoundError:
        return Sighting(None)
    except OSError as error:
        raise StepError(f"{path} cannot be read: {error.strerror}") from error
