"""The `script` plugin: its keys, what can be observed, and which language runs where."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from rocketship.errors import ConfigError
from rocketship.plugins import json_path
from rocketship.plugins.api import (
    Absent,
    Call,
    Finding,
    Found,
    Observable,
    Observation,
    Outcome,
    Plugin,
)
from rocketship.plugins.script import javascript, python, shell
from rocketship.plugins.script.job import Job, Result
from rocketship.plugins.script.process import shown_whole
from rocketship.suite.fields import (
    Boolean,
    Choice,
    Duration,
    Field,
    FilePath,
    MapOf,
    Object,
    Scalar,
    Text,
    has_template,
)
from rocketship.template.render import render_text
from rocketship.values import Json, JsonObject

#: As much of a script as reports show.
MAX_SHOWN_CHARACTERS = 64 * 1024
_LITERAL_SAVE = re.compile(r"""\bsave\s*\(\s*(["'])([^"'\\\n{]+)\1\s*,""")
_ANY_SAVE = re.compile(r"\bsave\b")


def _output(name: str) -> Callable[[Outcome, Mapping[str, Any]], Observation]:
    def observe(outcome: Outcome, options: Mapping[str, Any]) -> Observation:
        result: Result = outcome.subject
        if result.exit_code is None:
            return Absent(f"JavaScript has no {name}")
        return Found(getattr(result, name))

    return observe


def _saved(outcome: Outcome) -> Json:
    result: Result = outcome.subject
    return dict(result.saved)


class Script(Plugin):
    """Runs a program that computes, checks and saves."""

    name: ClassVar[str] = "script"
    summary: ClassVar[str] = "Runs JavaScript, shell or Python."
    variant: ClassVar[str | None] = "language"
    config: ClassVar[Object] = Object(
        Field(
            "language",
            Choice(("javascript", "shell", "python")),
            "What the script is written in.",
            required=True,
        ),
        Field(
            "script",
            Text(empty=False),
            "The program text. What it saves, later steps see: javascript and python call "
            "save(name, value), shell appends lines name=text or name:=json to the file "
            "$ROCKETSHIP_OUTPUT. A shell script that leaves that to another program mentions the "
            "variable in a comment.",
        ),
        Field(
            "file",
            FilePath(templated=True),
            "A file with the program text; templates in it are filled in.",
        ),
        Field(
            "timeout",
            Duration(),
            "The longest it may run; javascript: 30s, others: as long as the step, unless set.",
        ),
        Field(
            "env",
            MapOf(Scalar()),
            "Variables: the object `env` of javascript and python, and the environment of shell "
            "and python, which gets nothing of the engine's own but PATH, HOME and the like.",
            default={},
        ),
        Field(
            "cwd",
            Text(empty=False),
            "The directory shell and python run in, relative to the suite's; it must exist.",
        ),
        exactly_one=[("script", "file")],
    )
    assertions: ClassVar[Mapping[str, Observable]] = {
        "exit_code": Observable(
            "The exit code of shell and python; a step that asserts it may exit with any.",
            _output("exit_code"),
        ),
        "stdout": Observable("What shell and python wrote to standard output.", _output("stdout")),
        "stderr": Observable("What shell and python wrote to standard error.", _output("stderr")),
        "json_path": json_path.for_assertions(_saved),
    }
    saves: ClassVar[Mapping[str, Observable]] = {
        "json_path": json_path.for_saves(_saved),
        "text": Observable(
            "What shell and python wrote to standard output.",
            _output("stdout"),
            argument=Boolean(),
        ),
    }

    def __init__(self) -> None:
        self._javascript = javascript.JavaScript()

    async def run(self, call: Call) -> Outcome:
        job = _job(call)
        language = call.config["language"]
        if language == "javascript":
            result = await self._javascript.run(job)
        elif language == "shell":
            result = await shell.run_shell(job)
        else:
            result = await python.run_python(job)
        request: JsonObject = {"language": language}
        if call.config["file"] is not None:
            request["file"] = call.config["file"]
        request["body"] = job.source[:MAX_SHOWN_CHARACTERS]
        if len(job.source) > MAX_SHOWN_CHARACTERS:
            request["truncated"] = True
        return Outcome(
            subject=result,
            saved=result.saved,
            request=request,
            response=_response(result),
            failure=result.failure,
        )

    def check(self, config: Mapping[str, Json]) -> Iterable[Finding]:
        source = config.get("script")
        if not isinstance(source, str) or has_template(source):
            return
        if source and not source.strip():
            yield Finding(("script",), "must not be empty")
        language = config.get("language")
        if language == "javascript" and (complaint := javascript.complaint(source)):
            yield Finding(("script",), f"not JavaScript: {complaint}")
        if language == "python" and (complaint := python.complaint(source)):
            yield Finding(("script",), f"not Python: {complaint}")

    def saved_names(self, config: Mapping[str, Json]) -> frozenset[str] | None:
        source, language = config.get("script"), config.get("language")
        if not isinstance(source, str) or has_template(language):
            return None
        if language == "shell":
            computed = has_template(source) or shell.OUTPUT_VARIABLE in source
            return None if computed else shell.SAVED_NAMES
        # Wherever else the word stands, it may be a call in disguise.
        literal = [match[2] for match in _LITERAL_SAVE.finditer(source)]
        return frozenset(literal) if len(literal) == len(_ANY_SAVE.findall(source)) else None

    async def close(self) -> None:
        self._javascript.close()


def _response(result: Result) -> Json:
    """Return how a process ended, and what it printed as far as the log leaves parts of it out.

    The log has the outputs together, in the order in which they were written.
    """
    if result.exit_code is None:
        return None
    outputs = {"stdout": result.stdout, "stderr": result.stderr}
    left_out = {name: text for name, text in outputs.items() if not shown_whole(text)}
    return {"exit_code": result.exit_code, **left_out}


def _job(call: Call) -> Job:
    source = call.config["script"]
    if source is None:
        source = _file_text(call, call.config["file"])
    if not source.strip():
        raise ConfigError("script: there is nothing in it to run")
    return Job(
        source=source,
        scope=call.scope,
        env=call.config["env"],
        cwd=os.path.join(call.workdir, call.config["cwd"] or ""),
        timeout=call.config["timeout"],
        log=call.log,
        asserts_exit_code="exit_code" in call.asserted,
    )


def _file_text(call: Call, path: str) -> str:
    try:
        text = call.files.read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"file: {path} is not UTF-8 text ({error.reason})") from None
    return render_text(text, call.scope, path)
