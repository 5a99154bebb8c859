"""Contract coverage: how many operations of each API description a run has used."""

from __future__ import annotations

from collections.abc import Iterable

from rocketship.dataclass import dataclass
from rocketship.run.result import RunResult, StepResult
from rocketship.values import to_text


@dataclass(frozen=True, slots=True)
class Coverage:
    """One description: where it is, its operations used and not used, and how many it has.

    `unused` is empty when the description has too many operations to name them all.
    """

    spec: str
    total: int
    used: tuple[str, ...]
    unused: tuple[str, ...] = ()


def coverage(results: Iterable[RunResult]) -> tuple[Coverage, ...]:
    """Return the coverage of every description that steps were checked against, by its name."""
    used: dict[str, dict[str, None]] = {}
    known: dict[str, tuple[int, tuple[str, ...]]] = {}
    for step in _steps(results):
        told = step.contract
        if told is None:
            continue
        spec, total, names = to_text(told.get("spec")), told.get("total"), told.get("operations")
        used.setdefault(spec, {})[to_text(told.get("operation"))] = None
        listed = tuple(map(to_text, names)) if isinstance(names, list) else ()
        known[spec] = (total if isinstance(total, int) else len(listed), listed)
    return tuple(
        Coverage(spec, known[spec][0], tuple(sorted(used[spec])), _unused(used[spec], *known[spec]))
        for spec in sorted(used)
    )


def _unused(used: Iterable[str], total: int, listed: tuple[str, ...]) -> tuple[str, ...]:
    if len(listed) < total:
        return ()
    return tuple(name for name in listed if name not in set(used))


def _steps(results: Iterable[RunResult]) -> Iterable[StepResult]:
    return (step for run in results for unit in run.units for step in unit.steps)
