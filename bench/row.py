"""One figure of a table, and what it should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure of the table; with a limit, it should be as good as that."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    digits: int = 0

    def __str__(self) -> str:
        found = f"| {self.name} | {self._shown(self.value)} |"
        if self.limit is None:
            return f"{found} | |"
        good = self.value >= self.limit if self.at_least else self.value <= self.limit
        sign = "≥" if self.at_least else "≤"
        return f"{found} {sign} {self._shown(self.limit)} | {'' if good else 'missed'} |"

    def _shown(self, value: float) -> str:
        return f"{value:.{self.digits}f} {self.unit}".rstrip()
