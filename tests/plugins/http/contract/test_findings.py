"""What `validate` tells about a description that is a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rocketship.plugins.http.plugin import Http
from tests.fixtures.cli import run_cli

BROKEN = {"type": "object", "properties": {"id": {"type": "strin"}}}
FINE = {"type": "object"}


def operation(**schemas: Any) -> Any:
    """Return an operation with a schema in every place that has one."""
    given = {name: schemas.get(name, FINE) for name in ("query", "body", "reply", "header")}
    content = {name: {"application/json": {"schema": schema}} for name, schema in given.items()}
    return {
        "parameters": [{"name": "q", "in": "query", "schema": given["query"]}],
        "requestBody": {"content": content["body"]},
        "responses": {
            "default": {
                "headers": {"x-a": {"schema": given["header"]}},
                "content": content["reply"],
            }
        },
    }


def found(paths: Any, config: dict[str, Any], suite: Any = None, **more: Any) -> list[str]:
    spec = json.dumps({"openapi": "3.0.3", "paths": paths, **more}).encode()
    own = {"spec": "api.yaml", **config.pop("openapi", {})}
    config = {"method": "POST", "url": "http://h/a", **config, "openapi": own}
    read = {"api.yaml": spec}.get
    return [finding.message for finding in Http().check_files(config, suite or {}, read)]


@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("query", "parameters/0/schema"),
        ("body", "requestBody/content/application~1json/schema"),
        ("reply", "responses/default/content/application~1json/schema"),
        ("header", "responses/default/headers/x-a/schema"),
    ],
)
def test_schema_that_is_none_is_found_with_its_place(where: str, place: str) -> None:
    top = f"api.yaml#/paths/~1a/post/{place}"
    for schema, told in (
        (BROKEN, '/properties/id/type: is not usable in a schema: Unexpected type: "strin"'),
        ({"pattern": "["}, '/pattern: is not usable in a schema: "[" is not a "regex"'),
    ):
        assert found({"/a": {"post": operation(**{where: schema})}}, {}) == [top + told]


def test_schema_elsewhere_is_found_where_it_stands() -> None:
    paths = {"/a": {"post": operation(reply={"$ref": "#/components/schemas/Bad"})}}
    told = found(paths, {}, components={"schemas": {"Bad": BROKEN}})
    assert len(told) == 1
    assert told[0].startswith("api.yaml#/components/schemas/Bad/properties/id/type: is not usable")


PATHS = {
    "/a": {"post": operation()},
    "/pets/{id}": {"post": operation(reply=BROKEN) | {"operationId": "bad"}},
}


@pytest.mark.parametrize(
    ("config", "count"),
    [
        ({}, 0),
        ({"url": "http://h/v1/pets/7"}, 1),
        ({"url": "http://h/pets/7"}, 0),
        ({"url": "{{ .vars.api }}/pets/{{ .saved.id }}?a={{ .vars.b }}"}, 1),
        ({"url": "{{ .vars.api }}/v1/pets/7"}, 1),
        ({"url": "http://{{ .vars.host }}:{{ .vars.port }}/v1/pets/{{ .saved.id }}"}, 1),
        ({"url": "/pets/7", "base_url": "{{ .vars.api }}"}, 1),
        ({"url": "pets/7", "base_url": "http://h/v1/"}, 1),
        ({"url": "{{ .saved.link }}"}, 0),
        ({"url": "http://[{{ .vars.x }}/pets/7"}, 0),
        ({"url": "http://h/v1/pets/7", "method": "{{ .vars.method }}"}, 0),
        ({"url": "{{ .saved.link }}", "openapi": {"operation_id": "bad"}}, 1),
        ({"url": "http://h/v1/pets/7", "openapi": {"validate_response": False}}, 0),
        ({"url": "http://h/v1/pets/7", "openapi": {"validate_request": False}}, 1),
    ],
)
def test_only_what_a_step_is_held_against_is_looked_at(config: dict[str, Any], count: int) -> None:
    assert len(found(PATHS, config, servers=[{"url": "/v1"}])) == count


def test_switch_of_the_suite_counts_for_its_steps() -> None:
    config = {"url": "http://h/pets/7"}
    assert found(PATHS, {**config}, {"openapi": {"validate_response": False}}) == []
    assert len(found(PATHS, {**config}, {"openapi": {"validate_request": False}})) == 1


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        ([1], "api.yaml#/paths: must be a mapping, not a list"),
        ({"/a": "x"}, 'api.yaml#/paths/~1a: must be a mapping, not the text "x"'),
        ({"/a": {"get": [1]}}, "api.yaml#/paths/~1a/get: must be a mapping, not a list"),
    ],
)
def test_paths_that_are_none_are_found(paths: Any, told: str) -> None:
    assert found(paths, {}) == [told]


@pytest.mark.parametrize("paths", [None, {}, {"/a": None}, {"/a": {"get": None, "summary": "x"}}])
def test_paths_without_operations_are_fine(paths: Any) -> None:
    assert found(paths, {}) == []


def test_validate_tells_it_once_at_the_description_of_the_suite(tmp_path: Path) -> None:
    spec = {"openapi": "3.0.3", "paths": {"/a": {"post": operation(body=BROKEN)}}}
    (tmp_path / "api.json").write_text(json.dumps(spec))
    step = "{name: s, plugin: http, config: {method: POST, url: /a, json: {}}}"
    text = (
        'name: S\nvars: {api: "http://h"}\nopenapi: {spec: api.json}\n'
        'defaults: {http: {base_url: "{{ .vars.api }}"}}\n'
        f"tests: [{{name: t, steps: [{step}, {step}]}}]\n"
    )
    (tmp_path / "s.yaml").write_text(text)
    checked = run_cli(["validate", "s.yaml"], cwd=tmp_path, home=tmp_path / "home")
    assert checked.returncode == 2
    assert "s.yaml:3:17" in checked.stderr
    assert checked.stderr.count("/schema/properties/id/type: is not usable in a schema") == 1
