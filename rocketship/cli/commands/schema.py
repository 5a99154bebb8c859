"""Print the JSON Schema of the suite language, with every installed plugin.

Save it and name it in your editor's YAML settings, or in the first line of a suite:
`# yaml-language-server: $schema=rocketship.schema.json`.
"""

from __future__ import annotations

import json

from rocketship.cli.context import plugin_registry


def main() -> None:
    """Print the JSON Schema of the suite language."""
    from rocketship.suite.schema import json_schema

    print(json.dumps(json_schema(plugin_registry()), indent=2, ensure_ascii=False))
