from __future__ import annotations

from rocketship.run.contracts import Coverage, coverage
from tests.builders import StepSpec, UnitSpec, make_result


def step(operation: str, *operations: str, spec: str = "api.yaml", total: int = 3) -> StepSpec:
    told = {"spec": spec, "operation": operation, "total": total, "operations": [*operations]}
    return StepSpec(extra={"contract": told})


def test_coverage_counts_each_operation_once_over_all_runs() -> None:
    every = ("GET /a", "GET /b", "PUT /a")
    first = make_result([UnitSpec("one", (step("PUT /a", *every), step("GET /a", *every)))])
    second = make_result([UnitSpec("two", (step("GET /a", *every), StepSpec()))])
    assert coverage([first, second]) == (
        Coverage("api.yaml", 3, ("GET /a", "PUT /a"), ("GET /b",)),
    )


def test_coverage_does_not_name_what_it_cannot_know() -> None:
    run = make_result([UnitSpec("one", (step("GET /a", "GET /a", total=900),))])
    assert coverage([run]) == (Coverage("api.yaml", 900, ("GET /a",)),)


def test_coverage_without_contracts_is_empty() -> None:
    assert coverage([make_result()]) == ()
