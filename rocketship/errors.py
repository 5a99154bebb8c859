"""Every error Rocketship raises on purpose, so that callers can catch coarse or fine.

RocketshipError
├── UsageError           somebody asks for something impossible               exit 2
│   └── Conflict             not possible in the present state of a run
├── InvalidSuite         suite files with problems                            exit 2
├── NotFound             no such run, test or file                            exit 2
├── Ambiguous            a run id prefix that fits several runs               exit 2
├── SettingsError        a ROCKETSHIP_* setting that cannot be used           exit 2
├── Infrastructure       the machinery failed, not the system under test      exit 3
│   ├── StoreError           the history database cannot be read or written
│   │   └── Disowned             another process carries the run out by now
│   ├── Unreachable          no engine answers, or something else does
│   ├── Refused              the engine does not accept who is calling
│   ├── Unauthenticated      the engine does not know who is calling
│   ├── Unavailable          something the engine depends on does not answer
│   ├── Overloaded           more was asked for than the engine takes
│   └── Draining             the engine is about to stop; another try later works
└── StepError            one attempt of one step went wrong                   exit 1
    ├── AssertionFailed      AssertionError
    ├── StepTimeout          TimeoutError
    ├── ConnectionFailed     ConnectionError
    ├── TemplateError        TemplateError
    ├── ConfigError          ConfigError
    ├── ContractError        ContractError
    ├── ScriptError          ScriptError
    ├── DatabaseError        DatabaseError
    └── PluginError          PluginError

The right-hand names of the step errors are their `type_name`: what `non_retryable_errors` in a
suite refers to and what reports show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rocketship.dataclass import dataclass

#: How a command ends that somebody stopped; the other exit codes belong to errors.
EXIT_CANCELLED = 130


class RocketshipError(Exception):
    """An error with a message for people, and what they can do about it.

    Args:
        message: What went wrong and where, in one sentence.
        hint: The next step to try, or None when the message already says it.
    """

    code: ClassVar[str] = "internal"
    exit_code: ClassVar[int] = 3
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RocketshipError):
    """Somebody asks for something that cannot be done."""

    code = "usage"
    exit_code = 2


class Conflict(UsageError):
    """What is asked for cannot be done in the present state of the run."""

    code = "conflict"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong with a suite; `place` is `file:line:column`, or empty."""

    place: str
    message: str


class InvalidSuite(RocketshipError):
    """One or more suite files have problems.

    Attributes:
        report: The complete text to show.
        violations: The same, one by one, as far as they are known.
    """

    code = "invalid-suite"
    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        report: str = "",
        violations: Sequence[Violation] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.report = report
        self.violations = tuple(violations)


class NotFound(RocketshipError):
    """There is no such run, test or file."""

    code = "not-found"
    exit_code = 2


class Ambiguous(RocketshipError):
    """A run id prefix that fits more than one run."""

    code = "ambiguous"
    exit_code = 2


class SettingsError(RocketshipError):
    """A ROCKETSHIP_* setting is unknown or has a value that cannot be used."""

    code = "settings"
    exit_code = 2


class Infrastructure(RocketshipError):
    """The machinery failed; it says nothing about the system under test."""

    code = "infrastructure"
    retryable = True


class StoreError(Infrastructure):
    """The history database cannot be read or written."""

    code = "store"


class Disowned(StoreError):
    """Another process carries the run out by now; whatever this one knows of it is out of date."""

    code = "disowned"


class Unreachable(Infrastructure):
    """No engine answers at an address, or something that is not an engine does."""

    code = "unreachable"


class Refused(Infrastructure):
    """The engine, or something in front of it, does not accept who is calling."""

    code = "refused"
    retryable = False


class Unauthenticated(Infrastructure):
    """There is no token, or it is none that the engine accepts; another one may be."""

    code = "unauthenticated"
    retryable = False


class Unavailable(Infrastructure):
    """Something the engine itself depends on does not answer; another try later may work."""

    code = "unavailable"


class Overloaded(Infrastructure):
    """More was asked for at once than the engine takes."""

    code = "overloaded"


class Draining(Infrastructure):
    """The engine is about to stop; another try finds the next one."""

    code = "draining"


class StepError(RocketshipError):
    """One attempt of a step went wrong; `type_name` is the word suites and reports use for it."""

    code = "step"
    exit_code = 1
    retryable = True
    type_name: ClassVar[str] = "PluginError"


class AssertionFailed(StepError):
    """The system under test answered, and the answer was not the expected one."""

    code = "assertion"
    type_name = "AssertionError"


class StepTimeout(StepError):
    """An attempt took longer than it may."""

    code = "timeout"
    type_name = "TimeoutError"


class ConnectionFailed(StepError):
    """The system under test could not be reached, or hung up."""

    code = "connection"
    type_name = "ConnectionError"


class TemplateError(StepError):
    """A template names something that does not exist or cannot be evaluated."""

    code = "template"
    type_name = "TemplateError"


class ConfigError(StepError):
    """A rendered step configuration has a value of the wrong kind."""

    code = "config"
    type_name = "ConfigError"


class ContractError(StepError):
    """A request or response breaks its API description."""

    code = "contract"
    type_name = "ContractError"


class ScriptError(StepError):
    """A script threw, exited with a failure code, or used up its limits."""

    code = "script"
    type_name = "ScriptError"


class DatabaseError(StepError):
    """A database refused a statement."""

    code = "database"
    type_name = "DatabaseError"


class PluginError(StepError):
    """A plugin failed in a way it did not foresee."""

    code = "plugin"
    type_name = "PluginError"


#: The names `non_retryable_errors` knows; others are accepted with a warning.
STEP_ERROR_NAMES = frozenset(
    {
        "AssertionError",
        "TimeoutError",
        "ConnectionError",
        "TemplateError",
        "ConfigError",
        "ContractError",
        "ScriptError",
        "DatabaseError",
        "PluginError",
    }
)
