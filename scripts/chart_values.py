"""Makes the table of values in the chart's README from the comments in its values.yaml."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parents[1] / "chart"
BEGIN, END = "<!-- values: made by `make generate` -->\n", "<!-- end of values -->\n"
_KEY = re.compile(r"(?P<indent> *)(?P<key>[A-Za-z]+):")


def readme() -> str:
    """Return the README with the table as it should be."""
    text = (CHART / "README.md").read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{_table()}\n{END}{after}"


def described() -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the path of every described value and what is said about it."""
    path: list[str] = []
    comment = ""
    for line in (CHART / "values.yaml").read_text(encoding="utf-8").splitlines():
        if match := _KEY.match(line):
            depth = len(match["indent"]) // 2
            path[depth:] = [match["key"]]
            if comment:
                yield tuple(path), comment
        marker, _, words = line.strip().partition("# -- ")
        comment = words if not marker else ""


def leaves(values: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the path and default of everything that is no group of values."""
    for key, value in values.items():
        path = (*above, key)
        if isinstance(value, dict) and value and key != "resources":
            yield from leaves(value, path)
        else:
            yield path, value


def _table() -> str:
    about = dict(described())
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    rows = ["| value | default | what it does |", "|---|---|---|"]
    for path, default in leaves(values):
        if path not in about:
            sys.exit(f"chart/values.yaml: {'.'.join(path)} has no comment that begins with `# --`")
        shown = json.dumps(default).replace("|", "\\|")
        words = about[path].replace("|", "\\|")
        rows.append(f"| `{'.'.join(path)}` | `{shown}` | {words} |")
    return "\n".join(rows) + "\n"
