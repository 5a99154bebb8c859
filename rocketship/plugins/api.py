"""The contract between the interpreter and a plugin.

A plugin does one thing to the system under test and describes what can be observed afterwards. It
never evaluates assertions, saves values, retries, or counts time for its step: the interpreter
does, the same way for every plugin. Write one by subclassing `Plugin` and naming the class in the
entry point group `rocketship.plugins`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import field
from typing import Any, ClassVar, Protocol, TypeAlias

from rocketship.dataclass import dataclass
from rocketship.errors import StepError
from rocketship.suite.fields import Object
from rocketship.template.scope import Scope
from rocketship.values import Json, JsonObject


class Files(Protocol):
    """The files a suite refers to, as they were when the run was created."""

    def read(self, path: str) -> bytes:
        """Return the bytes of a file by the path the suite uses for it.

        Raises:
            ConfigError: The file was not collected with the run.
        """
        ...


class Log(Protocol):
    """Sends a line to whoever watches the run, at once."""

    def __call__(self, message: str, *, level: str = "info", source: str = "log") -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """Everything one attempt of one step may use.

    Attributes:
        config: The step's configuration, rendered, and converted by the plugin's own description of
            it: durations are seconds, absent optional keys have their defaults.
        scope: All values a template can see, typed.
        files: The files the suite refers to.
        log: Emits a line that belongs to this step.
        memory: JSON the plugin keeps for the rest of this test (a cookie jar). It survives a lost
            process.
        asserted: The assertion types the step has, for plugins whose verdict depends on them.
        suite: Suite-wide configuration blocks by name (`openapi`), as written: whoever needs one
            renders it with `scope`.
        workdir: The directory relative commands run in.
    """

    config: Mapping[str, Any]
    scope: Scope
    files: Files
    log: Log
    memory: MutableMapping[str, Json] = field(default_factory=dict)
    asserted: frozenset[str] = frozenset()
    suite: Mapping[str, Json] = field(default_factory=dict)
    workdir: str = "."


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt did.

    Attributes:
        subject: Whatever the plugin's observables look at.
        saved: Values the plugin saves by itself, by name; kept even when the step fails.
        secrets: Texts that must never be shown from now on.
        request, response: What reports show of the exchange, as JSON; the interpreter redacts known
            secrets, the plugin redacts by position (headers such as `authorization`).
        timings: Phase name to seconds.
        reproduce: A command line that repeats the call, free of secrets.
        contract: Which operation of which API description was used, for the coverage in reports.
        failure: The step failed. With a `subject` it can still be observed (a script's output) and
            saves are tried; without one nothing is.
    """

    subject: Any = None
    saved: Mapping[str, Json] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    request: Json = None
    response: Json = None
    timings: Mapping[str, float] = field(default_factory=dict)
    reproduce: str | None = None
    contract: JsonObject | None = None
    failure: StepError | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An observation that yielded a value."""

    value: Json


@dataclass(frozen=True, slots=True)
class Absent:
    """An observation that yielded nothing, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Large:
    """A text so large that to read it would keep everybody waiting; it is compared in a child.

    Attributes:
        content: The text, encoded.
        charset: How it is encoded; what cannot be decoded is replaced.
    """

    content: bytes
    charset: str

    def read(self) -> str:
        """Return the text, however long that takes."""
        return self.content.decode(self.charset, errors="replace")


Observation: TypeAlias = Found | Absent | Large


@dataclass(frozen=True, slots=True)
class Observable:
    """Something assertions can check or saves can keep.

    Attributes:
        doc: One sentence for the reference.
        observe: Takes the outcome and the entry's rendered options; for a save that is the key
            which names the observable with its value (`{"json_path": ".id"}`). Returns Found,
            Absent or Large, or raises StepError when it cannot look (a body that is not JSON). It
            may be a coroutine function.
        options: The entry's own keys, for assertions (`path`, `name`).
        target: The option that names what is looked at, shown in messages.
        argument: For saves: the field that describes the key's value.
        matches: Replaces plain equality wherever values are compared for it (status code `2xx`).
            Takes the actual value, null when there is none, and the expected one.
    """

    doc: str
    observe: Callable[[Outcome, Mapping[str, Any]], Observation | Awaitable[Observation]]
    options: Object = field(default_factory=Object)
    target: str | None = None
    argument: Any = None
    matches: Callable[[Json, Json], bool] | None = None

    async def look(self, outcome: Outcome, options: Mapping[str, Any]) -> Observation:
        """Return what `observe` does, of whichever kind it is."""
        found = self.observe(outcome, options)
        return found if isinstance(found, Found | Absent | Large) else await found


@dataclass(frozen=True, slots=True)
class Finding:
    """Something `check` or `check_files` found wrong: the key, a sentence, and the remedy.

    The path leads to the key from the step's configuration, or `of_suite` from the top of the file.
    """

    path: tuple[str | int, ...]
    message: str
    hint: str | None = None
    of_suite: bool = False


class Plugin(ABC):
    """Base class of all plugins; one instance serves every step of a process.

    Importing the module must be cheap: heavy libraries are imported where they are used.

    Attributes:
        name: The word suites use for it.
        summary: One sentence for the reference.
        config: The keys of a step's configuration.
        assertions: What assertions can look at, by assertion type.
        saves: What saves can keep, by the key that names it.
        variant: The config key by whose value an operator can disable part of the plugin
            (`language`, for `script.shell`).
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    config: ClassVar[Object]
    assertions: ClassVar[Mapping[str, Observable]] = {}
    saves: ClassVar[Mapping[str, Observable]] = {}
    variant: ClassVar[str | None] = None

    @abstractmethod
    async def run(self, call: Call) -> Outcome:
        """Do the step once.

        Cancellation must end the work in flight at once: sockets closed, process groups killed.

        Raises:
            StepError: The attempt failed and there is nothing to observe.
        """

    def check(self, config: Mapping[str, Json]) -> Iterable[Finding]:
        """Yield problems of a configuration as written that its description cannot express."""
        return ()

    def check_files(
        self,
        config: Mapping[str, Json],
        suite: Mapping[str, Json],
        read: Callable[[str], bytes | None],
    ) -> Iterable[Finding]:
        """Yield problems inside the files a step refers to.

        Args:
            config: The configuration as written, free of problems.
            suite: The suite-wide blocks as written.
            read: Returns a file's bytes by its path as written, or None for what is no file, or
                outside of the suite's folders. What was read travels with the run.
        """
        return ()

    def replay_safe(self, config: Mapping[str, Any]) -> bool:
        """Return whether a step whose outcome a lost process left unknown may be repeated."""
        return False

    def saved_names(self, config: Mapping[str, Json]) -> frozenset[str] | None:
        """Return the names `run` saves by itself; None when only running can tell."""
        return frozenset()

    async def close(self) -> None:  # noqa: B027 - most plugins hold nothing
        """Release what the instance holds, at the end of the process."""
