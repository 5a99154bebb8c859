"""What `validate` finds in a description before anything runs: whether it can be used at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from rocketship.errors import ConfigError
from rocketship.plugins.api import Finding
from rocketship.plugins.http.contract.description import load
from rocketship.plugins.http.contract.source.references import gather
from rocketship.suite.fields import has_template
from rocketship.suite.problem import did_you_mean
from rocketship.values import Json


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
    known = [operation.id for operation in description.operations.all if operation.id]
    if isinstance(wanted, str) and not has_template(wanted) and wanted not in known:
        message = f'{spec} has no operation "{wanted}"'
        yield Finding(("openapi", "operation_id"), message, did_you_mean(wanted, known))


def missing_spec(config: Mapping[str, Json], suite: Mapping[str, Json]) -> Iterator[Finding]:
    """Yield that neither a step nor its suite names a description, although the step wants one."""
    own, block = _mapping(config.get("openapi")), _mapping(suite.get("openapi"))
    off = own.get("validate_request") is False and own.get("validate_response") is False
    if own and not off and not (own.get("spec") or block.get("spec")):
        hint = "name a file or a URL here, or in the suite's openapi"
        yield Finding(("openapi",), '"spec" is missing', hint)


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
