"""What stands below the words of a description: chosen names, or what describes nothing.

A word means something only where OpenAPI has a field for it. The same text as the name of a
response, a header, or a property (`default`, `description`, `x-rate-limit`) is a name like others.
"""

from __future__ import annotations

#: Where what moved here from other documents is kept, apart from schemas.
OTHERS = "others"

#: Keys below which nothing is a reference or a schema.
LITERAL = frozenset({"example", "examples", "default", "enum", "const"})

#: Keys below which other keys are just names: in schemas, and around them.
NAMES_IN_SCHEMAS = frozenset(
    {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
)
NAMES = NAMES_IN_SCHEMAS | {
    "callbacks",
    "content",
    "encoding",
    "headers",
    "links",
    "parameters",
    "pathItems",
    "requestBodies",
    "responses",
    "securitySchemes",
    "webhooks",
    OTHERS,
}


def is_extension(key: str) -> bool:
    """Return whether a key, where it is no name, belongs to somebody else than OpenAPI."""
    return key.startswith("x-")
