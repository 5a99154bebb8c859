"""Writes the files that are made from code; with --check, only tells whether they are up to date."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rocketship.plugins.registry import Registry
from rocketship.suite.schema import json_schema

ROOT = Path(__file__).parents[1]


def generated() -> dict[Path, str]:
    """Return the content of every generated file."""
    schema = json.dumps(json_schema(Registry()), indent=2, ensure_ascii=False)
    return {ROOT / "docs" / "suite.schema.json": schema + "\n"}


def main(arguments: list[str]) -> int:
    """Write or check, and return the exit code."""
    stale = [
        path
        for path, content in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run `make generate`", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(generated()[path], encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
