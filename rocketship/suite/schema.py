"""The JSON Schema of the suite language, for editors: the grammar and the plugins, written out.

A step may leave out what the suite's `defaults` hold, which a schema cannot follow. So steps are
described twice, and in suites with defaults the configuration of a step need not be complete.
"""

from __future__ import annotations

from rocketship.suite.grammar import STEP, suite_object
from rocketship.suite.language.catalog import Catalog, PluginShape
from rocketship.suite.language.entries import Entries
from rocketship.suite.language.step import DefaultsKind, StepKind
from rocketship.suite.operators import OPERATORS
from rocketship.values import Json, JsonObject

DIALECT = "http://json-schema.org/draft-07/schema#"

_NULL: JsonObject = {"type": "null"}
_OVER_DEFAULTS = "-over-defaults"


def json_schema(catalog: Catalog) -> JsonObject:
    """Return the JSON Schema (draft 7) of suite files.

    It accepts whatever the validator accepts. The validator finds more: jq programs, templates,
    names, files, and expectations that do not fit their operator.

    Args:
        catalog: The plugins steps can use, all of which are described.
    """
    names = sorted(catalog.names(third_party=True))
    plugins = [plugin for name in names if (plugin := catalog.get(name))]
    suite = suite_object(StepKind(catalog, {}), DefaultsKind(catalog, ())).schema()
    definitions: JsonObject = {
        "suite": suite,
        "suite" + _OVER_DEFAULTS: _over_defaults(suite),
        "step": _step(plugins, complete=True),
        "step" + _OVER_DEFAULTS: _step(plugins, complete=False),
        "defaults": _defaults(plugins),
    }
    for plugin in plugins:
        definitions |= _plugin_definitions(plugin)
    return {
        "$schema": DIALECT,
        "title": "Rocketship suite",
        "description": "Declarative end-to-end tests.",
        "if": {"required": ["defaults"], "properties": {"defaults": {"type": "object"}}},
        "then": _ref("suite" + _OVER_DEFAULTS),
        "else": _ref("suite"),
        "definitions": definitions,
    }


def _plugin_definitions(plugin: PluginShape) -> JsonObject:
    name, entries = plugin.name, Entries(plugin)
    config = {**plugin.config.schema(), "title": f"{name} configuration"}
    config["description"] = plugin.summary
    definitions: JsonObject = {
        f"config-{name}": config,
        f"config-{name}{_OVER_DEFAULTS}": _incomplete(config),
    }
    if plugin.saves:
        definitions[f"save-{name}"] = {**entries.save.schema(), "title": f"{name} save"}
    if plugin.assertions:
        definitions[f"assertion-{name}"] = _assertion(plugin)
    for type_name, shape in plugin.assertions.items():
        described = entries.assertion(type_name)
        if described is not None:
            title: JsonObject = {"title": f"{name} {type_name}", "description": shape.doc}
            definitions[f"assertion-{name}-{type_name}"] = {**described.schema(), **title}
    return definitions


def _step(plugins: list[PluginShape], *, complete: bool) -> JsonObject:
    schema = STEP.schema()
    properties = schema["properties"]
    assert isinstance(properties, dict)
    words: list[Json] = [plugin.name for plugin in plugins]
    properties["plugin"] = {"enum": words, "description": STEP.fields["plugin"].doc}
    cases: list[Json] = [
        _case("plugin", plugin.name, _step_of(plugin, complete=complete)) for plugin in plugins
    ]
    return {**schema, "title": "Step", "allOf": cases}


def _step_of(plugin: PluginShape, *, complete: bool) -> JsonObject:
    """Return what holds for a step with this plugin, beyond what holds for all steps."""
    needed = complete and _needs_config(plugin)
    config = _ref(f"config-{plugin.name}" + ("" if complete else _OVER_DEFAULTS))
    schema: JsonObject = {
        "properties": {
            "config": config if needed else {"anyOf": [config, _NULL]},
            "assertions": _entries(f"assertion-{plugin.name}" if plugin.assertions else None),
            "save": _entries(f"save-{plugin.name}" if plugin.saves else None),
        }
    }
    if needed:
        schema["required"] = ["config"]
    return schema


def _needs_config(plugin: PluginShape) -> bool:
    required = any(field.required for field in plugin.config.fields.values())
    return required or bool(plugin.config.exactly_one)


def _entries(definition: str | None) -> JsonObject:
    """Return a list of entries, which is empty for plugins that have none."""
    if definition is None:
        return {"anyOf": [{"type": "array", "maxItems": 0}, _NULL]}
    return {"anyOf": [{"type": "array", "items": _ref(definition)}, _NULL]}


def _assertion(plugin: PluginShape) -> JsonObject:
    types: list[Json] = [*plugin.assertions]
    alone: list[Json] = [
        name for name, operator in OPERATORS.items() if not operator.needs_expected
    ]
    has_exists: JsonObject = {
        "required": ["exists"],
        "properties": {"exists": {"type": "boolean"}},
    }
    has_operator: JsonObject = {
        "required": ["operator"],
        "properties": {"operator": {"type": "string"}},
    }
    needs_nothing: JsonObject = {
        "required": ["operator"],
        "properties": {"operator": {"enum": alone}},
    }
    return {
        "title": f"{plugin.name} assertion",
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": types}},
        "anyOf": [{"required": ["expected"]}, needs_nothing, has_exists],
        "not": {"allOf": [has_exists, has_operator]},
        "allOf": [
            _case("type", name, _ref(f"assertion-{plugin.name}-{name}"))
            for name in plugin.assertions
        ],
    }


def _defaults(plugins: list[PluginShape]) -> JsonObject:
    return {
        "type": "object",
        "properties": {
            plugin.name: _ref(f"config-{plugin.name}{_OVER_DEFAULTS}") for plugin in plugins
        },
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
    }


def _case(key: str, value: str, then: JsonObject) -> JsonObject:
    condition: JsonObject = {"required": [key], "properties": {key: {"const": value}}}
    return {"if": condition, "then": then}


def _ref(name: str) -> JsonObject:
    return {"$ref": f"#/definitions/{name}"}


def _over_defaults(schema: Json) -> Json:
    """Return a description of the suite in which steps may be incomplete."""
    if isinstance(schema, list):
        return [_over_defaults(item) for item in schema]
    if isinstance(schema, dict):
        if schema == _ref("step"):
            return _ref("step" + _OVER_DEFAULTS)
        return {key: _over_defaults(item) for key, item in schema.items()}
    return schema


def _incomplete(schema: Json) -> Json:
    """Return a description without what must be there and what excludes each other.

    In mappings with free keys nothing (null) takes a default away.
    """
    if isinstance(schema, list):
        return [_incomplete(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    relaxed: JsonObject = {}
    for key, item in schema.items():
        if key == "properties" and isinstance(item, dict):
            relaxed[key] = {name: _incomplete(value) for name, value in item.items()}
        elif key == "additionalProperties" and item:
            relaxed[key] = {"anyOf": [_incomplete(item), _NULL]}
        elif key not in ("required", "allOf", "minItems"):
            relaxed[key] = _incomplete(item)
    return relaxed
