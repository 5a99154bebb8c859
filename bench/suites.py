"""The suites that are measured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Shape:
    """So many tests of so many HTTP steps each."""

    tests: int
    steps: int

    def __str__(self) -> str:
        return f"{_count(self.tests, 'test')} × {_count(self.steps, 'HTTP step')}"

    @property
    def urls(self) -> list[str]:
        """The paths of all requests, in order."""
        return [f"/items/{number}" for number in range(self.tests * self.steps)]


SHAPES = (Shape(1, 1), Shape(1, 100), Shape(100, 1))


def write_http(path: Path, shape: Shape, url: str) -> Path:
    """Write a suite in which every step checks a status and a value of the JSON answered."""
    paths = iter(shape.urls)
    tests = [
        _test(f"test {number}", [_http_step(url + next(paths)) for _ in range(shape.steps)])
        for number in range(shape.tests)
    ]
    return _write(path, tests)


def write_many(path: Path, tests: int, steps: int = 1) -> Path:
    """Write a suite of tests with steps that do nothing but log."""
    step = _lines("- name: say", "  plugin: log", "  config:", "    message: hello")
    return _write(path, (_test(f"test {number}", [step] * steps) for number in range(tests)))


def write_slow(path: Path, steps: int) -> Path:
    """Write a suite of one test whose steps end well apart from each other."""
    step = _lines("- name: wait", "  plugin: delay", "  config:", "    duration: 37ms")
    return _write(path, [_test("test", [step] * steps)])


def _write(path: Path, tests: Iterable[str]) -> Path:
    path.write_text("name: bench\ntests:\n" + "".join(tests), encoding="utf-8")
    return path


def _test(name: str, steps: Iterable[str]) -> str:
    return f"  - name: {name}\n    steps:\n" + "".join(steps)


def _http_step(url: str) -> str:
    return _lines(
        "- name: get",
        "  plugin: http",
        "  config:",
        "    method: GET",
        f"    url: {url}",
        "  assertions:",
        "    - type: status_code",
        "      expected: 200",
        "    - type: json_path",
        "      path: .status",
        "      expected: ok",
    )


def _lines(*lines: str) -> str:
    return "".join(f"      {line}\n" for line in lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
