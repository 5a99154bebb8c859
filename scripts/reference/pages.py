"""Puts what is generated into the pages that have a place for it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from reference import api, chart, command_line, errors, plugins, settings, suite_language

DOCS = Path(__file__).parents[2] / "docs"
_PARTS = (suite_language, plugins, command_line, settings, errors, api, chart)
_REGION = re.compile(r"(<!-- generated: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> dict[Path, str]:
    """Return the pages with tables as they should be, by their path."""
    regions = {name: text for part in _PARTS for name, text in part.regions().items()}
    regions["design-records"] = _design_records()
    used: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        begin, name, end = match.groups()
        if name not in regions:
            sys.exit(f"nothing makes the region {name!r} of docs/")
        used.add(name)
        return f"{begin}\n{regions[name]}\n\n{end}"

    found = [*sorted((DOCS / "reference").glob("*.md")), DOCS / "design" / "index.md"]
    filled = {page: _REGION.sub(fill, page.read_text(encoding="utf-8")) for page in found}
    if missing := sorted(set(regions) - used):
        sys.exit(f"no page of docs/reference has a place for: {', '.join(missing)}")
    return filled


def _design_records() -> str:
    records = sorted((DOCS / "design").glob("0*.md"))
    titles = [page.read_text(encoding="utf-8").partition("\n")[0] for page in records]
    return "\n".join(
        f"- [{title.removeprefix('# ')}]({page.name})"
        for page, title in zip(records, titles, strict=True)
    )
