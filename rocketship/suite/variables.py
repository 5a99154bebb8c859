"""Configuration variables: where they come from, and which source wins.

`--var` wins over `--var-file` (later files over earlier ones), that over the suite's `vars`, and
all of them over the values configured on an engine. Mappings merge, everything else is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import NoReturn

from rocketship.dataclass import dataclass
from rocketship.errors import UsageError
from rocketship.suite.problem import Problems, format_problem
from rocketship.suite.source import load, read_bounded
from rocketship.values import Json, JsonObject, UnfitJson, read_json, to_json

_USAGE = "write --var name=text, or --var name:=json"


@dataclass(frozen=True, slots=True)
class VariableInputs:
    """The variables given from outside of a suite.

    Attributes:
        over: Wins over the suite's own, by name: files and assignments of the command line.
        under: Holds where the suite says nothing: values configured on an engine.
    """

    over: JsonObject = field(default_factory=dict)
    under: JsonObject = field(default_factory=dict)

    @classmethod
    def read(cls, assignments: Sequence[str], files: Sequence[Path] = ()) -> VariableInputs:
        """Return the variables of a command line.

        Args:
            assignments: The values of `--var`, as they were given.
            files: The files of `--var-file`, later ones winning.

        Raises:
            UsageError: An assignment cannot be understood, two of them contradict each other, or a
                file cannot be read.
        """
        over: JsonObject = {}
        for path in files:
            over = merge(over, read_file(path))
        return cls(over=merge(over, parse_assignments(assignments)))

    def around(self, own: Mapping[str, Json]) -> JsonObject:
        """Return a suite's own variables merged with these."""
        return merge(merge(self.under, own), self.over)


def merge(under: Mapping[str, Json], over: Mapping[str, Json]) -> JsonObject:
    """Return two mappings as one; where both have a key, mappings merge and `over` wins."""
    merged: JsonObject = dict(under)
    for key, value in over.items():
        known = merged.get(key)
        both = isinstance(known, dict) and isinstance(value, dict)
        merged[key] = merge(known, value) if both else value  # type: ignore[arg-type]
    return merged


def parse_assignments(assignments: Sequence[str]) -> JsonObject:
    """Return the variables of `--var` options; dots in names make nested mappings.

    Raises:
        UsageError: An option is not an assignment, or two options contradict each other.
    """
    variables: JsonObject = {}
    for text in assignments:
        for name, value in _pairs(text):
            _set(variables, name, value)
    return variables


def read_file(path: Path) -> JsonObject:
    """Return the variables of a YAML or JSON file.

    Raises:
        UsageError: The file cannot be read, or is not a mapping.
    """
    try:
        data = read_bounded(path)
    except OSError as error:
        raise UsageError(f"cannot read the variables in {path}: {error.strerror}") from error
    value = _load_json(data, path) if path.suffix == ".json" else _load_yaml(data, path)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"{path}: a file of variables is a mapping", hint="write name: value")
    return value


def _load_yaml(data: bytes, path: Path) -> Json:
    problems = Problems()
    root = load(data, str(path), problems)
    if root is None or problems.failed:
        complaints = (format_problem(problem, data) for problem in problems.in_order())
        raise UsageError(f"the variables in {path} cannot be read:\n" + "\n".join(complaints))
    return root.value


def _load_json(data: bytes, path: Path) -> Json:
    try:
        return read_json(data.decode("utf-8-sig"))
    except UnfitJson as error:
        raise UsageError(f"{path}: {error}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not JSON: {error}") from error


def _pairs(text: str) -> list[tuple[str, Json]]:
    """Return the assignments in one option; several, split at commas, only with several `=`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--var {text}: there is no value", hint=_USAGE)
    if name.endswith(":"):
        return [(name[:-1], _typed(text, value))]
    if text.count("=") == 1 or "," not in text:
        name, _, value = text.strip('"').partition("=")
        return [(name, value)]
    import csv

    try:
        records = list(csv.reader([text], strict=True))
    except csv.Error as error:
        raise UsageError(
            f"--var {text}: {error}", hint='quote a pair: --var "\\"a=b=c,d\\""'
        ) from None
    pieces = [piece.partition("=") for record in records for piece in record]
    for piece, equals, _ in pieces:
        if not equals:
            raise UsageError(
                f'--var {text}: "{piece}" has no value',
                hint="where there are several =, a comma separates assignments; "
                "put such a value in a --var-file",
            )
    return [(name, value) for name, _, value in pieces]


def _typed(text: str, value: str) -> Json:
    try:
        return read_json(value)
    except ValueError as error:
        hint = f"write --var {text.partition(':=')[0]}={value} for text"
        what = f"{error}" if isinstance(error, UnfitJson) else f"not JSON: {error}"
        raise UsageError(f"--var {text}: {what}", hint=hint) from None


def _set(variables: JsonObject, name: str, value: Json) -> None:
    """Put a value at a dotted name; the same name may be given again, another shape may not."""
    *parents, last = name.split(".")
    if not all((*parents, last)):
        raise UsageError(f"--var {name}=…: the name is empty or has an empty part", hint=_USAGE)
    target = variables
    for index, parent in enumerate(parents):
        below = target.setdefault(parent, {})
        if not isinstance(below, dict):
            _contradiction(".".join(parents[: index + 1]), below)
        target = below
    known = target.get(last)
    if last in target and isinstance(known, dict) != isinstance(value, dict):
        _contradiction(name, known)
    if isinstance(known, dict) and isinstance(value, dict):
        value = merge(known, value)
    target[last] = value


def _contradiction(name: str, value: Json) -> NoReturn:
    what = "names below it" if isinstance(value, dict) else to_json(value)
    raise UsageError(
        f'--var: "{name}" is given a value and names below it ({what})',
        hint="drop one of the two",
    )
