"""The keys of suites, the operators of assertions, and what templates can compute."""

from __future__ import annotations

from collections.abc import Mapping

from reference import fields
from reference.markdown import anchored, code, table
from rocketship.errors import StepError
from rocketship.plugins.registry import Registry
from rocketship.suite.grammar import ASSERTION_FIELDS, SAVE_FIELDS, STEP, suite_object
from rocketship.suite.language.step import DefaultsKind, StepKind
from rocketship.suite.operators import OPERATORS
from rocketship.template.functions import FILTERS, GENERATORS, Function


def regions() -> dict[str, str]:
    """Return the generated parts of the page by their name."""
    catalog = Registry()
    suite = suite_object(StepKind(catalog, {}), DefaultsKind(catalog, ()))
    test = fields.below(suite.fields["tests"].kind)
    assert test is not None
    return {
        "suite-keys": fields.keys(suite.fields.values(), "suite", apart="tests"),
        "test-keys": fields.keys(test.fields.values(), "test"),
        "step-keys": fields.keys(STEP.fields.values(), "step"),
        "assertion-keys": fields.keys(ASSERTION_FIELDS, "assertion"),
        "save-keys": fields.keys(SAVE_FIELDS, "save"),
        "operators": table(
            ("operator", "holds for"),
            [(anchored(f"operator-{name}", name), item.doc) for name, item in OPERATORS.items()],
        ),
        "filters": _functions("filter", FILTERS),
        "generators": _functions("generator", GENERATORS),
        "step-errors": _step_errors(),
    }


def _functions(kind: str, functions: Mapping[str, Function]) -> str:
    rows = [(anchored(f"{kind}-{name}", item.usage), item.doc) for name, item in functions.items()]
    return table((kind, "result"), rows)


def _step_errors() -> str:
    rows = [(code(kind.type_name), kind.__doc__ or "") for kind in StepError.__subclasses__()]
    return table(("name", "an attempt failed because"), rows)
