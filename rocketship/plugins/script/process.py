"""One child process in a group of its own: fed, read, bounded, and ended as a group.

The program text reaches the child through its standard input, where no process list shows it. Both
outputs are read as they come, so neither can fill up and block the child; what is beyond the limit
is thrown away. What the child leaves running in the background may live on, but cannot hold up the
step by keeping the outputs open.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError, ScriptError, StepError, StepTimeout
from rocketship.plugins.api import Log
from rocketship.plugins.script.job import Job
from rocketship.processes import groups, marks
from rocketship.values import format_duration

#: How much of each output is kept, and shown: its beginning as it comes, and its last lines at the
#: end, as they tend to say why a script has failed.
MAX_OUTPUT_BYTES = 1 << 20
MAX_SHOWN_LINES = 1000
MAX_LAST_LINES = 100
MAX_LAST_BYTES = 64 * 1024
MAX_LINE_CHARACTERS = 8000
MAX_DETAIL_CHARACTERS = 2000
#: How long a group has between being asked to end and being ended.
TERMINATE_GRACE_SECONDS = 0.5
#: How long outputs that a background process keeps open are still read after the exit.
DRAIN_SECONDS = 0.25
#: What a child sees of this process's environment, besides every `LC_` name.
INHERITED_NAMES = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM"}
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended; `exit_code` is 128 plus the signal's number when one killed it."""

    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    timed_out: bool


def inherited_environment() -> dict[str, str]:
    """Return the part of this process's environment that says where it runs and holds no secret."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED_NAMES or name.startswith("LC_")
    }


async def run_process(
    job: Job,
    command: Sequence[str],
    *,
    stdin: bytes,
    env: Mapping[str, str],
    pass_fds: Sequence[int] = (),
) -> Ended:
    """Run the command of a job to its end, showing its output line by line.

    Cancellation and the job's timeout end the whole process group, and what has left it.

    Raises:
        ConfigError: There is no such directory.
        ScriptError: The command cannot be started.
    """
    _require_directory(job.cwd)
    mark = marks.new_mark()
    child = _Child(stdin, job.log, mark)
    started = time.perf_counter()
    try:
        await asyncio.get_running_loop().subprocess_exec(
            lambda: child,
            *command,
            env={**env, marks.VARIABLE: mark},
            cwd=job.cwd,
            pass_fds=pass_fds,
            start_new_session=True,
        )
        timed_out = not await _happens(child.exited, job.timeout)
        await child.end()
        seconds = time.perf_counter() - started
        await _happens(child.drained, DRAIN_SECONDS)
    except (OSError, ValueError) as error:
        # Variables that no environment can hold are a ValueError.
        reason = error.strerror if isinstance(error, OSError) else error
        raise ScriptError(f"{command[0]} cannot be started: {reason}") from error
    finally:
        try:
            await child.end()
        finally:
            child.close()
    return Ended(child.exit_code, child.stdout.text, child.stderr.text, seconds, timed_out)


def exit_failure(job: Job, ended: Ended) -> StepError | None:
    """Return why a process that ended this way has failed, or None when it has not."""
    if ended.timed_out:
        return time_failure(job.timeout or 0)
    if ended.exit_code == 0 or job.asserts_exit_code:
        return None
    detail = ended.stderr.strip()
    if len(detail) > MAX_DETAIL_CHARACTERS:
        detail = f"…{detail[-MAX_DETAIL_CHARACTERS:]}"
    return ScriptError(
        f"the script ended with exit code {ended.exit_code}" + (f": {detail}" if detail else ""),
        hint="assert `exit_code` if this is the expected one",
    )


def shown_whole(output: str) -> bool:
    """Return whether the log has all of an output."""
    lines = output.removesuffix("\n").split("\n")
    return len(lines) <= MAX_SHOWN_LINES and max(map(len, lines)) <= MAX_LINE_CHARACTERS


def time_failure(limit_seconds: float) -> StepTimeout:
    """Return the failure of a script that its `timeout` has stopped."""
    return StepTimeout(
        f"the script took longer than {format_duration(limit_seconds)} and was stopped",
        hint="raise `timeout` in the step's config",
    )


def _require_directory(path: str) -> None:
    # The error of a failing start does not say whether it is the command that is missing.
    if not os.path.isdir(path):
        raise ConfigError(f"cwd: there is no directory {path}")


async def _happens(event: asyncio.Event, seconds: float | None) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


class _Child(asyncio.SubprocessProtocol):
    """Follows a process: hands it its input, collects its outputs, and can end all it started.

    The programs run here wait for their input before they do anything, and get it only once
    `connection_made` knows their process id; so no code of the user's runs that `end` cannot reach.
    """

    def __init__(self, stdin: bytes, log: Log, mark: str) -> None:
        self._mark = mark
        self.stdout = _Output("stdout", log)
        self.stderr = _Output("stderr", log)
        self.exited = asyncio.Event()
        self.drained = asyncio.Event()
        self._stdin = stdin
        self._outputs = {1: self.stdout, 2: self.stderr}
        self._open = set(self._outputs)
        self._transport: asyncio.SubprocessTransport | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of a process that has ended, as a shell would tell it."""
        code = self._transport.get_returncode() if self._transport else None
        return 0 if code is None else code if code >= 0 else 128 - code

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport
        groups.add(transport.get_pid(), self._mark)
        stdin = transport.get_pipe_transport(0)
        assert isinstance(stdin, asyncio.WriteTransport)
        stdin.write(self._stdin)
        stdin.write_eof()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        self._outputs[fd].feed(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self.drained.set()

    def process_exited(self) -> None:
        self.exited.set()

    async def end(self) -> None:
        """End the process and all it started if it still runs: politely, then for certain."""
        if self._transport is None or self.exited.is_set():
            return
        group = self._transport.get_pid()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + TERMINATE_GRACE_SECONDS
        try:
            # Others of the group may need longer than their leader, and no event tells about them.
            alive = _signal_group(group, signal.SIGTERM)
            strays = await asyncio.to_thread(_ask_strays, self._mark, group)
            while (alive or strays) and loop.time() < deadline:
                await asyncio.sleep(0.01)
                alive = alive and _signal_group(group, 0)
                strays = [process for process in strays if marks.has(process, self._mark)]
        finally:
            _signal_group(group, signal.SIGKILL)
            # Here, as a thread would not be waited for by whoever is cancelled once more.
            marks.kill(self._mark)
        await self.exited.wait()

    def close(self) -> None:
        """Stop reading, and show what is left of an unfinished line."""
        if self._transport is not None:
            self._transport.close()
            groups.discard(self._transport.get_pid())
        self.stdout.close()
        self.stderr.close()


class _Output:
    """One output of a process: kept up to a limit, and shown line by line."""

    def __init__(self, name: str, log: Log) -> None:
        self._name = name
        self._log = log
        self._kept = bytearray()
        self._full = False
        self._room = MAX_SHOWN_LINES
        self._rest = bytearray()
        self._held_back = False
        self._cut = False

    @property
    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")

    def feed(self, data: bytes) -> None:
        self._keep(data)
        if not self._room:
            self._rest += data
        else:
            *lines, self._rest = (self._rest + data).split(b"\n", self._room)
            for line in lines:
                self._show(line)
            self._room = 0 if self._full else self._room - len(lines)
        if self._rest and not self._room:
            self._hold_back()

    def close(self) -> None:
        """Show the last lines, and what is left of an unfinished one."""
        lines = self._rest.removesuffix(b"\n").split(b"\n") if self._rest else []
        if self._cut:
            lines[0] = bytearray("…".encode()) + lines[0][1 - MAX_LINE_CHARACTERS :]
        for line in lines[-MAX_LAST_LINES:]:
            self._show(line)
        self._rest.clear()

    def _keep(self, data: bytes) -> None:
        room = MAX_OUTPUT_BYTES - len(self._kept)
        self._kept += data[:room]
        if len(data) > room and not self._full:
            self._full = True
            self._note(f"only the first {MAX_OUTPUT_BYTES >> 20} MiB is kept")

    def _hold_back(self) -> None:
        """Wait for the end with what there is, of which only the last lines are shown then."""
        if not self._held_back:
            self._held_back = True
            self._note(f"from here on only the last {MAX_LAST_LINES} lines are shown")
        if len(self._rest) > 2 * MAX_LAST_BYTES:
            del self._rest[:-MAX_LAST_BYTES]
            self._cut = True

    def _show(self, line: bytearray) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r")
        if len(text) > MAX_LINE_CHARACTERS:
            text = f"{text[:MAX_LINE_CHARACTERS]}…"
        self._log(text, source=self._name)

    def _note(self, message: str) -> None:
        self._log(f"{self._name}: {message}", level="warn", source=self._name)


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group (0 only asks); return whether the group is still there."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # All that is left of it has changed its user (sudo), or has ended but was not waited for.
        return False
    return True


def _ask_strays(mark: str, group: int) -> list[int]:
    """Ask what has left the group to end, too; return the processes that were asked."""
    return [
        process
        for process in marks.carriers(mark)
        if _group_of(process) != group and marks.send(process, signal.SIGTERM)
    ]


def _group_of(process: int) -> int | None:
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return None
