from __future__ import annotations

import json
from typing import Any

import pytest

from rocketship.errors import ConfigError
from rocketship.plugins.http.client import Reply
from rocketship.plugins.http.contract.description import Description
from rocketship.plugins.http.contract.source.document import parse

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"swagger: '2.0'", "is OpenAPI 2.0; 3.0 and 3.1 can be checked"),
        (b"openapi: 4.0.0", "is OpenAPI 4.0.0"),
        (b"name: x", "is not an OpenAPI description"),
        (b"- x", "is not an OpenAPI description"),
        (b"\xff", "is not UTF-8"),
        (b"a: [\n", "api:2:1: not YAML"),
        (b'{"openapi": ', "not YAML"),
        (b"[" * 5000 + b"]" * 5000, "api"),
        (f"openapi: 3.0.0\n{BOMB}".encode(), "nested too deep or has too many values"),
        (b"openapi: 3.0.0\na: &a {b: *a}", "nested too deep or has too many values"),
        (b"openapi: !!python/object/apply:os.getcwd []", "not YAML"),
    ],
)
def test_document_that_cannot_be_used_is_refused(content: bytes, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        parse(content, "api")


def test_yaml_words_stay_words_and_keys_become_text() -> None:
    document = parse(b"openapi: 3.0.3\n200: [yes, no, on, 2024-01-02, 1e3, 0x10, ~]", "api")
    assert document.version == "3.0"
    assert document.root["200"] == ["yes", "no", "on", "2024-01-02", 1000.0, 16, None]


def problems(
    schema: Any,
    value: Any,
    version: str = "3.0.3",
    status: str = "200",
    components: Any = None,
    **schemas: Any,
) -> list[str]:
    """Return what is wrong with a response body."""
    content = {"application/json": {"schema": schema}}
    operation = {"get": {"responses": {status: {"content": content}}}}
    document = {
        "openapi": version,
        "paths": {"/": operation},
        "components": components or {"schemas": schemas},
    }
    description = Description((("api", json.dumps(document).encode()),))
    body = json.dumps(value).encode()
    headers = (("Content-Type", "application/json"),)
    reply = Reply(200, "", "1.1", headers, body, {}, "", False)
    checked = description.checker.response(description.operations.all[0], reply)
    return [str(violation) for violation in checked]


def test_null_is_allowed_where_3_0_says_nullable() -> None:
    for schema in (
        {"type": "string", "nullable": True},
        {"type": "string", "nullable": True, "enum": ["a"]},
        {"nullable": True, "allOf": [{"type": "string"}]},
    ):
        assert problems(schema, None) == []
        assert problems(schema, 5) != []
    assert problems({"type": "string", "nullable": True}, None, "3.1.0") != []


def test_exclusive_bounds_of_both_versions() -> None:
    assert problems({"minimum": 5, "exclusiveMinimum": True}, 5) != []
    assert problems({"minimum": 5, "exclusiveMinimum": False}, 5) == []
    assert problems({"exclusiveMinimum": 5}, 5, "3.1.0") != []


@pytest.mark.parametrize(
    ("format_", "good", "bad"),
    [
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "x"),
        ("date", "2024-02-29", "2023-02-29"),
        ("date-time", "2024-01-02T03:04:05Z", "2024-01-02 03:04"),
        ("email", "a@b.example", "a"),
        ("ipv4", "10.0.0.1", "10.0.0"),
        ("byte", "aGk=", "hi!"),
    ],
)
def test_formats_are_rules(format_: str, good: str, bad: str) -> None:
    schema = {"type": "string", "format": format_}
    assert problems(schema, good) == []
    assert len(problems(schema, bad)) == 1


def test_integer_must_fit_its_format() -> None:
    assert problems({"type": "integer", "format": "int64"}, 2**63 - 1) == []
    assert problems({"type": "integer", "format": "int64"}, 2**63) != []


def test_discriminator_decides_which_alternative_is_checked() -> None:
    choice = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}],
        "discriminator": {"propertyName": "kind", "mapping": {"cat": "Cat"}},
    }
    base = {"required": ["kind"], "properties": {"kind": {"type": "string"}}}
    schemas: dict[str, Any] = {
        "Pet": choice,
        "Cat": {"allOf": [{"$ref": "#/components/schemas/Pet"}, base, {"required": ["lives"]}]},
        "Dog": {"allOf": [base, {"required": ["tricks"]}]},
    }
    pet = {"$ref": "#/components/schemas/Pet"}
    assert problems(pet, {"kind": "cat", "lives": 9}, **schemas) == []
    assert problems(pet, {"kind": "Dog"}, **schemas) == [
        'response body: "tricks" is a required property (required)'
    ]
    assert "is not one of" in problems(pet, {"kind": "cow"}, **schemas)[0]
    assert problems(pet, {}, **schemas) == [
        'response body: "kind" is a required property (required)'
    ]


def test_circles_of_references_end() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    deep: Any = {"next": 5}
    for _ in range(100):
        deep = {"next": deep}
    found = problems({"$ref": "#/components/schemas/Node"}, deep, Node=node)
    assert len(found) == 1
    with pytest.raises(ConfigError, match="leads in a circle"):
        problems(
            {"$ref": "#/components/schemas/A"},
            {},
            A={"$ref": "#/components/schemas/B"},
            B={"$ref": "#/components/schemas/A"},
        )


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("#/components/schemas/Gone", "points to nothing"),
    ],
)
def test_reference_that_leads_nowhere_is_refused(reference: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        problems({"$ref": reference}, {})


def test_pattern_that_needs_too_long_does_not_hang() -> None:
    assert problems({"type": "string", "pattern": "^(a+)+(?=b)$"}, "a" * 40) != []


def test_pattern_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match=r"schema/pattern: is not usable in a schema: .*regex"):
        problems({"type": "string", "pattern": "("}, "a")


NAMES = ["default", "description", "example", "examples", "x-any", "schema", "schemas", "headers"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["responses", "headers", "parameters", "schemas", "properties"])
def test_name_may_be_a_word_of_openapi(name: str, kind: str) -> None:
    rule = {"type": "object", "required": ["error"]}
    content = {"application/json": {"schema": rule}}
    around: dict[str, Any] = {
        "responses": {"content": content},
        "headers": {"schema": rule},
        "parameters": {"name": "p", "in": "query", "content": content},
        "schemas": rule,
    }
    below = "" if kind == "schemas" else "/schema"
    if kind in ("responses", "parameters"):
        below = "/content/application~1json/schema"
    components: dict[str, Any] = {kind: {name: around.get(kind)}}
    reference = f"#/components/{kind}/{name}{below}"
    if kind == "properties":
        components = {"schemas": {"S": {"properties": {name: rule}}}}
        reference = f"#/components/schemas/S/properties/{name}"
    assert problems({"$ref": reference}, {"error": 1}, components=components) == []
    assert problems({"$ref": reference}, {}, components=components) == [
        'response body: "error" is a required property (required)'
    ]


@pytest.mark.parametrize("status", ["200", "2XX", "default"])
def test_schema_may_stand_under_any_status(status: str) -> None:
    item = {"$ref": "#/components/schemas/Item"}
    schemas: dict[str, Any] = {"Item": {"type": "integer"}}
    schema = {"type": "array", "items": item}
    assert problems(schema, [1], status=status, **schemas) == []
    assert problems(schema, ["a"], status=status, **schemas) == [
        'response body /0: "a" is not of type "integer" (type)'
    ]


@pytest.mark.parametrize(
    ("version", "expected"), [("3.1.0", []), ("3.0.3", ["(required)", "(required)"])]
)
def test_flag_beside_a_reference_counts_since_3_1(version: str, expected: list[str]) -> None:
    flagged = {"$ref": "#/components/schemas/Id", "writeOnly": True}
    schemas: dict[str, Any] = {"Id": {"type": "integer"}, "Mine": flagged}
    properties = {"id": flagged, "mine": {"$ref": "#/components/schemas/Mine"}}
    schema = {"required": ["id", "mine"], "properties": properties}
    found = problems(schema, {}, version, **schemas)
    assert [text.rpartition(" ")[2] for text in found] == expected
    assert len(problems(schema, {"id": "x", "mine": "y"}, version, **schemas)) == 2


@pytest.mark.parametrize(("version", "expected"), [("3.1.0", 1), ("3.0.3", 0)])
def test_rule_beside_a_reference_counts_since_3_1(version: str, expected: int) -> None:
    named = {"$ref": "#/components/schemas/Pet", "required": ["name"]}
    schemas: dict[str, Any] = {"Pet": {"type": "object"}, "Named": named}
    for schema in (named, {"$ref": "#/components/schemas/Named"}):
        assert len(problems(schema, {}, version, **schemas)) == expected
        assert len(problems(schema, 5, version, **schemas)) == 1
