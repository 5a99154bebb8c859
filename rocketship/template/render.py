"""Filling in templates: the one evaluator, used for every field of every plugin.

Each group is evaluated once and what it yields is final: substituted text is never looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import TemplateError
from rocketship.template.functions import FILTERS, GENERATORS
from rocketship.template.model import (
    Expression,
    FunctionCall,
    Literal,
    Reference,
    TemplateSyntaxError,
)
from rocketship.template.parse import parse
from rocketship.template.scope import Scope
from rocketship.values import Json, to_text, type_name

#: How many names a message lists.
#: A few references to a large value make a text that no memory holds.
MAX_TEXT_CHARACTERS = 64 << 20
MAX_NAMES_SHOWN = 20


def render(value: Json, scope: Scope, where: str = "") -> Json:
    """Return a copy of a value with every template in it filled in, keys of mappings included.

    A text that is exactly one group becomes the group's value with its type; all others stay text.

    Args:
        value: Any JSON value.
        scope: What templates can see.
        where: The name of the field, for messages; keys and indexes are added to it.

    Raises:
        TemplateError: A name is missing, a function cannot use its value, or a group is malformed.
    """
    if isinstance(value, str):
        return _render_field(value, scope, where) if "{{" in value else value
    if isinstance(value, list):
        return [render(item, scope, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict):
        prefix = f"{where}." if where else ""
        return {
            render_text(key, scope, where): render(item, scope, prefix + key)
            for key, item in value.items()
        }
    return value


def render_text(text: str, scope: Scope, where: str = "") -> str:
    """Return a text with every template in it filled in; always text, even for a single group.

    Raises:
        TemplateError: As for `render`.
    """
    return to_text(_render_field(text, scope, where)) if "{{" in text else text


def _render_field(text: str, scope: Scope, where: str) -> Json:
    try:
        parts = parse(text).parts
        if len(parts) == 1 and isinstance(parts[0], Expression):
            return _evaluate(parts[0], scope)
        return _join(parts, scope)
    except TemplateError as error:
        raise _located(error, where) from None


def _join(parts: Sequence[str | Expression], scope: Scope) -> str:
    texts: list[str] = []
    room = MAX_TEXT_CHARACTERS
    for part in parts:
        text = part if isinstance(part, str) else to_text(_evaluate(part, scope))
        room -= len(text)
        if room < 0:
            limit = MAX_TEXT_CHARACTERS >> 20
            raise TemplateError(f"the text becomes longer than {limit} million characters")
        texts.append(text)
    return "".join(texts)


def _located(error: TemplateError, where: str) -> TemplateError:
    message = f"{where}: {error.message}" if where else error.message
    if isinstance(error, TemplateSyntaxError):
        return TemplateSyntaxError(message, offset=error.offset, hint=error.hint)
    return TemplateError(message, hint=error.hint)


@dataclass(frozen=True, slots=True)
class _Missing:
    """Stands for the value of a reference that leads nowhere, until a `default` replaces it."""

    reference: Reference
    depth: int


def _evaluate(expression: Expression, scope: Scope) -> Json:
    value = _head(expression.head, scope)
    for call in expression.filters:
        if isinstance(value, _Missing):
            value = None if call.name == "default" else value
        if not isinstance(value, _Missing):
            value = _apply(call, scope, value)
    if isinstance(value, _Missing):
        raise _missing_error(value, scope)
    return value


def _head(head: Reference | Literal | FunctionCall, scope: Scope) -> Json | _Missing:
    if isinstance(head, FunctionCall):
        # A suite may have saved a value under the name of a generator; what it saved wins.
        if not head.arguments and head.name in scope.saved:
            return scope.saved[head.name]
        return _apply(head, scope)
    return _operand(head, scope)


def _operand(operand: Reference | Literal, scope: Scope) -> Json | _Missing:
    return operand.value if isinstance(operand, Literal) else _look_up(operand, scope)


def _apply(call: FunctionCall, scope: Scope, *piped: Json) -> Json | _Missing:
    if call.name == "default" and piped[0] is not None:
        return piped[0]
    arguments: list[Json] = []
    for operand in call.arguments:
        value = _operand(operand, scope)
        if isinstance(value, _Missing):
            return value
        arguments.append(value)
    function = FILTERS[call.name] if piped else GENERATORS[call.name]
    try:
        return function.call(*piped, *arguments)
    except ValueError as error:
        raise TemplateError(f'"{call.name}" failed: {error}') from None


def _look_up(reference: Reference, scope: Scope) -> Json | _Missing:
    root: Any = getattr(scope, reference.namespace)
    path = reference.path
    # A saved name may itself contain dots, so the longest name that exists is taken.
    for end in range(_leading_names(path), 1, -1):
        name = ".".join(map(str, path[:end]))
        if name in root:
            root, path = {name: root[name]}, (name, *path[end:])
            break
    value = root
    for depth, key in enumerate(path):
        if not _has(value, key):
            return _Missing(reference, depth)
        value = value[key]
    return dict(value) if isinstance(value, Mapping) else value


def _has(value: Any, key: str | int) -> bool:
    if isinstance(key, str):
        return isinstance(value, Mapping) and key in value
    return isinstance(value, list) and -len(value) <= key < len(value)


def _leading_names(path: tuple[str | int, ...]) -> int:
    return next((i for i, key in enumerate(path) if isinstance(key, int)), len(path))


_PREFIXES = {"vars": ".vars.", "env": ".env.", "run": ".run.", "saved": ""}
_NOUNS = {
    "vars": "variable",
    "env": "environment variable",
    "run": "run field",
    "saved": "saved value",
}


def _missing_error(missing: _Missing, scope: Scope) -> TemplateError:
    reference = missing.reference
    value: Any = getattr(scope, reference.namespace)
    for key in reference.path[: missing.depth]:
        value = value[key]
    if missing.depth == 0:
        noun = _NOUNS[reference.namespace]
        message = f'there is no {noun} "{reference.text}"'
        return TemplateError(message, hint=_root_hint(reference, scope))
    key = reference.path[missing.depth]
    what = f"index {key}" if isinstance(key, int) else f'key "{key}"'
    message = f'"{reference.text}" leads nowhere: there is no {what} in {_kind(value)}'
    known = [str(name) for name in value] if isinstance(value, Mapping) else []
    return TemplateError(message, hint=_names_hint(str(key), known, "keys"))


def _root_hint(reference: Reference, scope: Scope) -> str:
    name = str(reference.path[0])
    prefix = _PREFIXES[reference.namespace]
    for other in ("saved", "vars", "env", "run"):
        if other != reference.namespace and name in getattr(scope, other):
            return f"did you mean {_PREFIXES[other] or '.'}{name}?"
    known = [prefix + other for other in getattr(scope, reference.namespace)]
    if reference.namespace == "env":
        return f"set {name} in the environment or an --env-file"
    label = "saved so far" if reference.namespace == "saved" else "defined"
    return _names_hint(prefix + name, known, label)


def _names_hint(name: str, known: list[str], label: str) -> str:
    import difflib

    if not known:
        return 'add | default "x" when it may be missing'
    near = difflib.get_close_matches(name, known, n=1)
    shown = ", ".join(sorted(known)[:MAX_NAMES_SHOWN])
    more = f" and {len(known) - MAX_NAMES_SHOWN} more" if len(known) > MAX_NAMES_SHOWN else ""
    return (f"did you mean {near[0]}? " if near else "") + f"{label}: {shown}{more}"


def _kind(value: Any) -> str:
    """Name a value without showing it: a secret cut short could not be recognised any more."""
    if isinstance(value, Mapping):
        return "the mapping"
    if isinstance(value, list):
        return f"the list of {len(value)}"
    return {"string": "a text", "null": "null"}.get(type_name(value), f"a {type_name(value)}")
