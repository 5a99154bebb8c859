"""Keeping values for later steps: what a save finds, with its JSON type."""

from __future__ import annotations

from rocketship.errors import AssertionFailed, StepError
from rocketship.plugins.api import Absent, Found, Large, Observable, Outcome
from rocketship.suite.model import Save
from rocketship.template.render import render
from rocketship.template.scope import Scope
from rocketship.values import Json, to_json, to_text

#: The most that one save keeps, as JSON: all that is kept is stored anew after every later step.
MAX_SAVED_CHARACTERS = 4 << 20
#: A text of more bytes has more characters than that, as none takes more than four.
MAX_READ_BYTES = 4 * MAX_SAVED_CHARACTERS


async def extract(
    save: Save, observable: Observable, outcome: Outcome, scope: Scope
) -> Found | Absent:
    """Return the value a save keeps; Absent leaves the name unset.

    A value that is null counts as missing. With `required: false` everything that keeps the value
    from being found means Absent: no body, text that is not JSON, a failing jq program.

    Raises:
        AssertionFailed: A required value is missing, or a value is too large; the message has name,
            path and reason.
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
    if isinstance(found, Large):
        # One byte more than fits is enough to know that the text is too large.
        found = Found(Large(found.content[: MAX_READ_BYTES + 1], found.charset).read())
    if isinstance(found, Found) and found.value is None:
        found = Absent("the value is null")
    what = f'cannot save "{save.name}" from {save.source} {to_text(argument)}'
    if isinstance(found, Absent) and save.required:
        hint = "add `required: false` to the save when the value may be missing"
        raise AssertionFailed(f"{what}: {found.reason}", hint=hint)
    if isinstance(found, Found) and _size(found.value) > MAX_SAVED_CHARACTERS:
        reason = f"the value has more than {MAX_SAVED_CHARACTERS >> 20} MiB"
        raise AssertionFailed(f"{what}: {reason}", hint="save only the part that later steps need")
    return found


def _size(value: Json) -> int:
    if isinstance(value, str):
        return len(value)
    return len(to_json(value)) if isinstance(value, list | dict) else 0
