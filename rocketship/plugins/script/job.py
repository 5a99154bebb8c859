"""What goes into a script and what comes out of it, whatever its language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field

from rocketship.dataclass import dataclass
from rocketship.errors import ScriptError, StepError
from rocketship.plugins.api import Log
from rocketship.template.scope import RESERVED_NAMES, Scope
from rocketship.values import MAX_LEVELS, Json, JsonObject, read_json, to_text

#: The most that one script may save, in bytes of JSON.
MAX_SAVED_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """A script that is ready to run.

    Attributes:
        source: The program text, rendered.
        scope: The values it may see; of `scope.env` it sees nothing.
        env: The variables its step gives it.
        cwd: The directory it runs in.
        timeout: Its limit in seconds, or None when only the step's own counts.
        log: Where its output goes while it runs.
        asserts_exit_code: Whether an assertion, not the plugin, judges the exit code.
    """

    source: str
    scope: Scope
    env: Mapping[str, str]
    cwd: str
    timeout: float | None
    log: Log
    asserts_exit_code: bool = False

    def globals(self) -> JsonObject:
        """Return what JavaScript and Python scripts find under global names."""
        saved = dict(self.scope.saved)
        return {
            "state": {name: to_text(value) for name, value in saved.items()},
            "saved": saved,
            "vars": dict(self.scope.vars),
            "env": dict(self.env),
        }


@dataclass(frozen=True, slots=True)
class Result:
    """What a script did; `exit_code` is None for JavaScript, which has none."""

    saved: Mapping[str, Json] = field(default_factory=dict)
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    failure: StepError | None = None


def read_messages(lines: Iterable[bytes]) -> tuple[dict[str, Json], JsonObject | None]:
    """Return the values a script saved and the failure it reported, from lines of JSON.

    A script that runs its own code can write anything here, so nothing is taken for granted.

    Raises:
        ScriptError: A line is not one of our messages.
    """
    saved: dict[str, Json] = {}
    failure: JsonObject | None = None
    for line in lines:
        try:
            # A message is a level around its value.
            match read_json(line.decode("utf-8"), levels=MAX_LEVELS + 1):
                case ["save", str(name), value] if name not in RESERVED_NAMES:
                    saved[name] = value
                case ["failed", dict(report)]:
                    failure = report
                case _:
                    raise ValueError
        except ValueError:
            raise ScriptError("the script disturbed the channel its results travel on") from None
    return saved, failure
