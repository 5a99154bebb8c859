"""The values of the chart, one table for each group, from the comments in its values.yaml."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import chart_values
import yaml

from reference.markdown import anchored, code, table


def regions() -> dict[str, str]:
    """Return the generated parts of the page by their name."""
    about = dict(chart_values.described())
    values = yaml.safe_load((chart_values.CHART / "values.yaml").read_text(encoding="utf-8"))
    found = sorted(chart_values.leaves(values), key=lambda item: len(item[0]) > 1)
    parts = []
    for group, items in groupby(found, key=lambda item: item[0][0] if len(item[0]) > 1 else ""):
        rows = [_row(path, default, about[path]) for path, default in items]
        heading = f"## {group}" if group else "## Names and extras"
        parts.append(f"{heading}\n\n{table(('value', 'default', 'what it does'), rows)}")
    return {"chart-values": "\n\n".join(parts)}


def _row(path: tuple[str, ...], default: Any, about: str) -> tuple[str, str, str]:
    return anchored(".".join(path)), code(json.dumps(default)), about
