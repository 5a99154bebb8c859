"""Keeping values for later steps: what a save finds, with its JSON type."""

from __future__ import annotations

from rocketship.errors import AssertionFailed, StepError
from rocketship.plugins.api import Absent, Found, Observable, Observation, Outcome
from rocketship.suite.model import Save
from rocketship.template.render import render
from rocketship.template.scope import Scope
from rocketship.values import to_text


async def extract(
    save: Save, observable: Observable, outcome: Outcome, scope: Scope
) -> Observation:
    """Return the value a save keeps; Absent leaves the name unset.

    A value that is null counts as missing. With `required: false` everything that keeps the value
    from being found means Absent: no body, text that is not JSON, a failing jq program.

    Raises:
        AssertionFailed: A required value is missing; the message has name, path and reason.
        TemplateError: The path holds a template that cannot be filled in.
        ConfigError: The rendered path has the wrong type.
    """
    field = f"save.{save.source}"
    argument = render(save.argument, scope, field)
    if observable.argument is not None:
        argument = observable.argument.convert(argument, field)
    try:
        found = await observable.look(outcome, {save.source: argument})
    except StepError as error:
        found = Absent(error.message)
    if isinstance(found, Found) and found.value is None:
        found = Absent("the value is null")
    if isinstance(found, Absent) and save.required:
        raise AssertionFailed(
            f'cannot save "{save.name}" from {save.source} {to_text(argument)}: {found.reason}',
            hint="add `required: false` to the save when the value may be missing",
        )
    return found
