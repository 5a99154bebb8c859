"""Other tools, when they happen to be installed, doing the same requests and checks."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from suites import Shape


def commands(folder: Path, shape: Shape, url: str) -> dict[str, list[str]]:
    """Return the command lines of the installed tools by their name; their files go to `folder`."""
    makers = {"hurl": _hurl, "tavern-ci": _tavern, "robot": _robot}
    found = {name: path for name in makers if (path := _which(name))}
    return {name: [path, *makers[name](folder, shape, url)] for name, path in found.items()}


def _which(name: str) -> str | None:
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


def _hurl(folder: Path, shape: Shape, url: str) -> list[str]:
    entries = [
        f'GET {url}{path}\nHTTP 200\n[Asserts]\njsonpath "$.status" == "ok"\n\n'
        for path in shape.urls
    ]
    files = []
    for number in range(shape.tests):
        file = folder / f"test-{number}.hurl"
        file.write_text("".join(entries[number * shape.steps : (number + 1) * shape.steps]))
        files.append(str(file))
    return ["--parallel", "--no-output", *files]


def _tavern(folder: Path, shape: Shape, url: str) -> list[str]:
    paths = iter(shape.urls)
    documents = []
    for number in range(shape.tests):
        stages = "".join(
            "  - name: get\n"
            f"    request: {{url: '{url}{next(paths)}', method: GET}}\n"
            "    response: {status_code: 200, strict: false, json: {status: ok}}\n"
            for _ in range(shape.steps)
        )
        documents.append(f"test_name: test {number}\nstages:\n{stages}")
    file = folder / "test_bench.tavern.yaml"
    file.write_text("---\n".join(documents))
    return [str(file)]


def _robot(folder: Path, shape: Shape, url: str) -> list[str]:
    paths = iter(shape.urls)
    lines = ["*** Settings ***", "Library    RequestsLibrary", "*** Test Cases ***"]
    for number in range(shape.tests):
        lines.append(f"test {number}")
        for _ in range(shape.steps):
            lines.append(f"    ${{answer}}=    GET    {url}{next(paths)}    expected_status=200")
            lines.append("    Should Be Equal    ${answer.json()}[status]    ok")
    file = folder / "bench.robot"
    file.write_text("\n".join(lines) + "\n")
    return ["--output", "NONE", "--log", "NONE", "--report", "NONE", str(file)]
