"""The program around a Python script, run by an interpreter of its own: standard library only.

Reads one request from standard input, runs the script in a fresh `__main__`, and writes what it
saves and how it failed as lines of JSON to the file descriptor named on the command line.
"""

from __future__ import annotations

import json
import linecache
import os
import resource
import signal
import sys
import traceback
from types import ModuleType
from typing import Any, NoReturn

NAME = "<script>"
#: From linux/prctl.h.
PR_SET_PDEATHSIG = 1


class Channel:
    """Carries messages to the process that started this one."""

    def __init__(self, descriptor: int, reserved: list[str], levels: int) -> None:
        # What the script starts must not hold on to it.
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self._reserved = reserved
        self._levels = levels

    def save(self, name: str, value: Any) -> None:
        """Keep a value for the steps that follow; it must be one that JSON can hold."""
        if not isinstance(name, str) or not name:
            raise TypeError("save(name, value): the name must be text and not empty")
        if name in self._reserved:
            raise ValueError(f'save("{name}", …): the name is reserved, choose another one')
        try:
            line = encoded("save", name, value)
            too_deep = deeper(value, self._levels)
        except RecursionError:
            too_deep = True
        except (TypeError, ValueError) as error:
            raise type(error)(f'save("{name}", …): {error}; convert it first, e.g. str()') from None
        if too_deep:
            limit = f"there are more than {self._levels} levels of lists and dictionaries"
            raise ValueError(f'save("{name}", …): {limit}; save a part of it')
        self._write(line)

    def fail(self, message: str, *, assertion: bool) -> None:
        """Tell how the script failed."""
        self._write(encoded("failed", {"message": message, "assertion": assertion}))

    def _write(self, content: bytes) -> None:
        line = memoryview(content)
        while line:
            line = line[os.write(self._descriptor, line) :]


def encoded(*message: Any) -> bytes:
    """Return a message as a line of JSON."""
    return json.dumps(message, allow_nan=False).encode() + b"\n"


def deeper(value: Any, levels: int) -> bool:
    """Return whether a value has more levels of lists and dictionaries."""
    level = [value]
    for _ in range(levels):
        level = [item for outer in level if is_outer(outer) for item in inner(outer)]
    return any(map(is_outer, level))


def is_outer(value: Any) -> bool:
    """Return whether a value has others inside."""
    return isinstance(value, list | tuple | dict)


def inner(value: Any) -> Any:
    """Return the values inside one that has some."""
    return value.values() if isinstance(value, dict) else value


def main() -> None:
    """Run the one script this process is for."""
    request = json.loads(sys.stdin.buffer.read())
    end_with(request["parent"])
    limit_memory(request["memory_bytes"])
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    channel = Channel(int(sys.argv[1]), request["reserved"], request["levels"])
    source = request["source"]
    linecache.cache[NAME] = (len(source), None, source.splitlines(keepends=True), NAME)
    sys.argv = ["script"]
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    module = ModuleType("__main__")
    vars(module).update(request["globals"], save=channel.save, __file__=NAME)
    sys.modules["__main__"] = module
    try:
        exec(compile(source, NAME, "exec", dont_inherit=True), vars(module))
    except SystemExit:
        raise
    except BaseException as error:
        fail(channel, error)


def end_with(parent: int) -> None:
    """Be killed when the process that started this one dies, whatever the script does then.

    Only Linux can do that; elsewhere an endless script outlives a killed process.
    """
    if sys.platform != "linux":
        return
    from ctypes import CDLL

    CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def limit_memory(size: int) -> None:
    """Let this process, and what it starts, have no more than so many bytes each.

    The limit is a soft one: a script that needs more can raise it.
    """
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if sys.platform == "linux" and (hard == resource.RLIM_INFINITY or size < hard):
        resource.setrlimit(resource.RLIMIT_DATA, (size, hard))


def fail(channel: Channel, error: BaseException) -> NoReturn:
    """Tell what the script raised, with its own lines only, and exit as Python does."""
    told = traceback.TracebackException.from_exception(error)
    told.stack = traceback.StackSummary.from_list(
        [frame for frame in told.stack if frame.filename == NAME]
    )
    sys.stderr.write("".join(told.format()))
    asserted = isinstance(error, AssertionError)
    what = "".join(told.format_exception_only()).strip().splitlines()[-1]
    if asserted:
        what = f"assertion failed: {error}" if str(error) else "assertion failed"
    if isinstance(error, MemoryError):
        limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
        what = f"MemoryError: the script needs more than {limit >> 20} MiB of memory"
    line = error.lineno if isinstance(error, SyntaxError) else None
    if told.stack and line is None:
        line = told.stack[-1].lineno
        if asserted and not str(error):
            what += f": {told.stack[-1].line}"
    message = f"{what} (line {line})" if line else what
    channel.fail(message, assertion=asserted)
    sys.exit(1)


if __name__ == "__main__":
    main()
