"""`rocketship.plugins` is a promise to plugin authors: what it exports changes only on purpose."""

from __future__ import annotations

import rocketship.plugins

EXPORTS = """
Absent AnyJson AnyOf AssertionFailed Boolean Call Choice ConfigError ConnectionFailed ContractError
DatabaseError Duration Field FilePath Files Finding Found Integer Jq Json Large ListOf Log MapOf
Number Object Observable Observation Outcome Plugin PluginError Scalar Scope ScriptError StepError
StepTimeout TemplateError Text
"""


def test_exports_are_exactly_the_promised_ones() -> None:
    assert rocketship.plugins.__all__ == EXPORTS.split()


def test_exports_are_sorted_and_exist() -> None:
    assert sorted(rocketship.plugins.__all__) == rocketship.plugins.__all__
    assert all(hasattr(rocketship.plugins, name) for name in rocketship.plugins.__all__)
