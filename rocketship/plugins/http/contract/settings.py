"""What a step is checked against: the suite's `openapi` block with the step's own put over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.plugins.api import Call
from rocketship.suite.fields import Boolean, Field, FilePath, Object, Text
from rocketship.template.render import render

DEFAULT_CACHE_TTL_SECONDS = 1800.0

FIELD = Field(
    "openapi",
    Object(
        Field("spec", FilePath(), "The API description: a file or a URL."),
        Field("operation_id", Text(empty=False), "The operation the request must be."),
        Field("version", Text(), "Tells descriptions at the same place apart."),
        Field("validate_request", Boolean(), "Whether the request is checked."),
        Field("validate_response", Boolean(), "Whether the response is checked."),
    ),
    "The API description of this step, over the suite's `openapi`.",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the description is, how long it may be kept, and what is checked."""

    spec: str
    operation_id: str | None
    version: str
    request: bool
    response: bool
    cache_ttl_seconds: float


def resolve(call: Call) -> Settings | None:
    """Return what a step is checked against, or None when nothing is to be checked.

    Raises:
        ConfigError: There is a block, and it names no description.
        TemplateError: A template in the suite's block cannot be filled in.
    """
    if not (call.suite or call.config["openapi"]):
        return None
    values: dict[str, Any] = {}
    written = call.suite.get("openapi")
    if isinstance(written, dict):
        from rocketship.suite.grammar import OPENAPI

        values = OPENAPI.convert(render(written, call.scope, "openapi"), "openapi")
    own: Mapping[str, Any] = call.config["openapi"] or {}
    values |= {name: value for name, value in own.items() if value is not None}
    request, response = values.get("validate_request"), values.get("validate_response")
    if not values or (request is False and response is False):
        return None
    if not values.get("spec"):
        raise ConfigError("openapi: names no description", hint='add "spec": a file or a URL')
    return Settings(
        spec=values["spec"],
        operation_id=values.get("operation_id"),
        version=values.get("version") or "",
        request=request is not False,
        response=response is not False,
        cache_ttl_seconds=values.get("cache_ttl") or DEFAULT_CACHE_TTL_SECONDS,
    )
