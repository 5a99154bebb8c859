"""What `validate` finds in a description before anything runs: whether it can be used at all, and
the schemas of the operations that steps use.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from rocketship.errors import ConfigError
from rocketship.plugins.api import Finding
from rocketship.plugins.http.contract.description import Description, load
from rocketship.plugins.http.contract.operation import Operation
from rocketship.plugins.http.contract.schema import Direction
from rocketship.plugins.http.contract.source.references import gather
from rocketship.suite.fields import has_template
from rocketship.suite.problem import did_you_mean
from rocketship.values import Json

#: What turns a check off, and the direction it is for.
_CHECKS = {"validate_request": Direction.REQUEST, "validate_response": Direction.RESPONSE}
_WHOLE = re.compile(r"\{\{|[A-Za-z][A-Za-z0-9+.-]*://")
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
#: Stands for what a template will be: in a path most likely the value of a variable.
_UNKNOWN = "{}"


def findings(
    config: Mapping[str, Json],
    suite: Mapping[str, Json],
    read: Callable[[str], bytes | None],
) -> Iterator[Finding]:
    """Yield what is wrong with the description of a step as far as files can tell.

    Args:
        config: The step's configuration as written.
        suite: The suite's blocks as written.
        read: Returns a file by its path as written, or None for what is no file.
    """
    own, block = _mapping(config.get("openapi")), _mapping(suite.get("openapi"))
    spec = own.get("spec") or block.get("spec")
    content = read(spec) if isinstance(spec, str) else None
    if not isinstance(spec, str) or content is None:
        return

    def must_read(path: str) -> bytes:
        found = content if path == spec else read(path)
        if found is None:
            raise ConfigError(
                f'{spec}: refers to "{path}", which cannot be read',
                hint="the file is missing, or outside of the folders a suite may use",
            )
        return found

    try:
        description = load(gather(spec, must_read).key())
    except ConfigError as error:
        yield Finding(("openapi", "spec"), error.message, error.hint, of_suite=not own.get("spec"))
        return
    wanted = own.get("operation_id")
    known = {operation.id: operation for operation in description.operations.all if operation.id}
    literal = wanted if isinstance(wanted, str) and not has_template(wanted) else None
    if literal is not None and literal not in known:
        message = f'{spec} has no operation "{literal}"'
        yield Finding(("openapi", "operation_id"), message, did_you_mean(literal, [*known]))
    operation = known.get(literal) if literal else _used(config, description)
    if operation is None:
        return
    for key, direction in _CHECKS.items():
        if own.get(key, block.get(key)) is not False:
            for wrong in description.checker.unusable(operation, direction):
                yield Finding(("openapi", "spec"), wrong.message, of_suite=not own.get("spec"))


def _used(config: Mapping[str, Json], description: Description) -> Operation | None:
    """Return the operation that a step uses, as far as its method and URL are written out.

    To compile the schemas of all operations could take many seconds, and what is wrong with others
    than the suite uses must not keep it from running.
    """
    method, url, base = (config.get(key) for key in ("method", "url", "base_url"))
    if not isinstance(method, str) or not isinstance(url, str):
        return None
    written = url
    if isinstance(base, str) and not _WHOLE.match(url):
        written = f"{base.rstrip('/')}/{url.lstrip('/')}"
    written = _TEMPLATE.sub(_UNKNOWN, written)
    operations, unknown = description.operations, written.startswith(f"{_UNKNOWN}/")
    if unknown:  # the address of the API, with a base path or without
        written = f"http://{written}"
    try:
        found = operations.find(method, written)
        if found is None and unknown:
            found = operations.find(method, written, baseless=True)
    except ValueError:
        return None
    return found.operation if found else None


def missing_spec(config: Mapping[str, Json], suite: Mapping[str, Json]) -> Iterator[Finding]:
    """Yield that neither a step nor its suite names a description, although the step wants one."""
    own, block = _mapping(config.get("openapi")), _mapping(suite.get("openapi"))
    off = own.get("validate_request") is False and own.get("validate_response") is False
    if own and not off and not (own.get("spec") or block.get("spec")):
        hint = "name a file or a URL here, or in the suite's openapi"
        yield Finding(("openapi",), '"spec" is missing', hint)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
