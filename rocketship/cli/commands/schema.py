"""Print the JSON Schema of the suite language, with every installed plugin.

Save it and name it in your editor's YAML settings, or in the first line of a suite:
`# yaml-language-server: $schema=rocketship.schema.json`.
"""

from __future__ import annotations

import json

from rocketship.cli.console import standard_console
from rocketship.cli.context import plugin_registry


def main() -> None:
    """Print the JSON Schema of the suite language."""
    from rocketship.suite.schema import json_schema

    document = json_schema(plugin_registry())
    standard_console().print(json.dumps(document, indent=2, ensure_ascii=False))
