"""Descriptions of what a key may hold: the one source of checks, conversions and the JSON Schema.

Each kind does three things. `check` looks at a node as written and reports problems with
positions; a scalar that holds a template is left for later. `convert` turns a rendered value into
what the code works with (seconds, integers) and raises `ConfigError`. `schema` is the kind's JSON
Schema fragment.
"""

from rocketship.suite.fields.containers import AnyOf, Fixed, ListOf, MapOf
from rocketship.suite.fields.kind import TEMPLATE_SCHEMA, Kind, Visit, describe, has_template
from rocketship.suite.fields.object import Field, Object
from rocketship.suite.fields.scalars import AnyJson, Boolean, Choice, Integer, Number, Scalar, Text
from rocketship.suite.fields.texts import Duration, FilePath, Jq

__all__ = [
    "TEMPLATE_SCHEMA",
    "AnyJson",
    "AnyOf",
    "Boolean",
    "Choice",
    "Duration",
    "Field",
    "FilePath",
    "Fixed",
    "Integer",
    "Jq",
    "Kind",
    "ListOf",
    "MapOf",
    "Number",
    "Object",
    "Scalar",
    "Text",
    "Visit",
    "describe",
    "has_template",
]
