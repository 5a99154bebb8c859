"""Descriptions of several documents: files of the suite, or documents of one server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rocketship.errors import ConfigError, StepError
from rocketship.plugins.http.contract.description import Description, load
from rocketship.plugins.http.contract.source.references import (
    MAX_DOCUMENTS,
    gather,
    refers_outward,
    resolve,
)
from rocketship.plugins.http.plugin import Http
from tests.fixtures.cli import run_cli
from tests.fixtures.http_server import HttpServer, answer
from tests.plugins.calls import run_step

ROOT = """
openapi: 3.0.3
info: {title: Pets, version: "1"}
paths:
  /pets: {$ref: "paths/pets.yaml"}
components:
  schemas:
    Local: {type: integer, maximum: 3}
"""
PATHS = """
get:
  operationId: listPets
  parameters: [{$ref: "../common.json#/components/parameters/limit"}]
  responses:
    200:
      description: Pets.
      content:
        application/json:
          schema: {type: array, items: {$ref: "../schemas/pet.yaml"}}
          example: [{$ref: "nowhere.yaml"}]
"""
PET = """
type: object
required: [name]
properties:
  name: {type: string, nullable: true}
  mate: {$ref: "#"}
  rank: {$ref: "../api.yaml#/components/schemas/Local"}
  example: {$ref: "../common.json#/components/schemas/a~1b"}
"""
COMMON = json.dumps(
    {
        "components": {
            "parameters": {
                "limit": {"name": "limit", "in": "query", "schema": {"type": "integer"}},
            },
            "schemas": {"a/b": {"type": "boolean"}},
        }
    }
)
FILES = {
    "specs/api.yaml": ROOT,
    "specs/paths/pets.yaml": PATHS,
    "specs/schemas/pet.yaml": PET,
    "specs/common.json": COMMON,
}
GOOD = [{"name": None, "mate": {"name": "Rex"}, "rank": 3, "example": True}]
BAD = [{"name": 5, "mate": {}, "rank": 4, "example": "no"}]


def describe(files: dict[str, str], first: str = "specs/api.yaml") -> Description:
    return load(gather(first, lambda path: files[path].encode()).key())


def failure(server: HttpServer, spec: str, **files: str) -> str:
    config = {"method": "GET", "url": server.url("/pets?limit=x"), "openapi": {"spec": spec}}
    given = {name: text.encode() for name, text in files.items()}
    try:
        outcome = run_step(Http(), config, files=given)
    except StepError as error:
        return error.message
    return outcome.failure.message if outcome.failure else ""


def served(files: dict[str, str]) -> dict[str, Any]:
    return {f"/{name}": answer(text) for name, text in files.items()}


def test_files_that_refer_to_one_another_are_checked_like_one() -> None:
    found = []
    for body in (GOOD, BAD):
        page = answer(json.dumps(body), headers=[("Content-Type", "application/json")])
        with HttpServer({"/pets": page}) as server:
            config = {"method": "GET", "url": server.url("/pets")}
            files = {name: text.encode() for name, text in FILES.items()}
            spec = {"spec": "specs/api.yaml", "operation_id": "listPets"}
            outcome = run_step(Http(), {**config, "openapi": spec}, files=files)
            found.append(outcome.failure.message if outcome.failure else "")

    assert found[0] == ""
    for place in ("/0/name", "/0/mate", "/0/rank", "/0/example"):
        assert f"response body {place}" in found[1]


def test_documents_behind_a_url_are_fetched_from_the_same_server_once() -> None:
    page = answer(json.dumps(GOOD), headers=[("Content-Type", "application/json")])
    with HttpServer({**served(FILES), "/pets": page}) as server:
        said = failure(server, server.url("/specs/api.yaml"))
        asked = [request.path for request in server.got]

    assert "query parameter limit" in said
    assert sorted(asked) == sorted(f"/{name}" for name in FILES)


def test_reference_below_a_name_that_is_a_word_is_followed() -> None:
    answers = "default: {$ref: 'answers.yaml#/responses/default'}"
    files = {
        "api.yaml": f"openapi: 3.0.3\npaths: {{/pets: {{get: {{responses: {{{answers}}}}}}}}}",
        "answers.yaml": "responses: {default: {content: {application/json: {schema: "
        "{type: array, items: {$ref: '#/items/default'}}}}}}\nitems: {default: {type: integer}}",
    }
    page = answer('["a"]', headers=[("Content-Type", "application/json")])
    with HttpServer({"/pets": page}) as server:
        said = failure(server, "api.yaml", **files)

    assert said.endswith('response body /0: "a" is not of type "integer" (type)')


def test_document_that_cannot_be_fetched_is_named() -> None:
    files = {name: text for name, text in FILES.items() if "common" not in name}
    with HttpServer(served(files)) as server:
        said = failure(server, server.url("/specs/api.yaml"))

    assert said == f"openapi.spec: {server.url('/specs/common.json')} answers with status 404"


@pytest.mark.parametrize(
    ("reference", "base", "complaint"),
    [
        ("https://b/x.yaml", "https://a/x.yaml", "leads to another server"),
        ("//b/x.yaml", "https://a/x.yaml", "leads to another server"),
        ("http://a/x.yaml", "https://a/x.yaml", "leads to another server"),
        ("file:///etc/passwd", "https://a/x.yaml", "leads to another server"),
        ("http://a/x.yaml#/A", "x.yaml", "leads to a URL"),
    ],
)
def test_reference_to_a_place_that_nobody_named_is_refused(reference, base, complaint) -> None:
    with pytest.raises(ConfigError, match=complaint) as caught:
        resolve(reference, base)

    assert "keep a copy there" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("reference", "base", "location"),
    [
        ("b.yaml#/A", "specs/a.yaml", "specs/b.yaml"),
        ("../b.yaml", "specs/a.yaml", "b.yaml"),
        ("./b.yaml", "file://specs/a.yaml", "file://specs/b.yaml"),
        ("b.yaml?v=1#/A", "https://u:p@h/specs/a.yaml", "https://u:p@h/specs/b.yaml?v=1"),
        ("https://h:443/b.yaml", "https://h/a.yaml", "https://h:443/b.yaml"),
        ("#/A", "a.yaml", "a.yaml"),
    ],
)
def test_reference_is_resolved_against_the_document_it_stands_in(reference, base, location) -> None:
    assert resolve(reference, base)[0] == location


def test_references_that_lead_on_and_on_end() -> None:
    with pytest.raises(ConfigError, match=f"more than {MAX_DOCUMENTS} documents"):
        gather("0", lambda name: f'{{"$ref": "{int(name) + 1}"}}'.encode())


def test_reference_to_nothing_in_another_document_says_where() -> None:
    files = FILES | {"specs/common.json": "{}"}
    with pytest.raises(ConfigError) as caught:
        describe(files)

    assert 'specs/api.yaml: "$ref: specs/common.json#/components/' in caught.value.message
    assert caught.value.message.endswith("points to nothing")


@pytest.mark.parametrize(
    ("text", "outward"),
    [
        ('{"$ref": "#/a"}', False),
        ("$ref: '#/a'", False),
        ("$ref:   #/a", False),
        ('{"$ref" : "a.json"}', True),
        ("$ref: a.yaml", True),
    ],
)
def test_document_of_its_own_is_told_without_being_read(text: str, outward: bool) -> None:
    assert refers_outward(text.encode()) is outward


def test_files_that_a_description_refers_to_travel_with_the_run(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    page = answer(json.dumps(GOOD), headers=[("Content-Type", "application/json")])
    with HttpServer({"/pets": page}) as server:
        config = {"method": "GET", "url": server.url("/pets")}
        step = {"name": "s", "plugin": "http", "config": config}
        suite = {
            "name": "S",
            "openapi": {"spec": "specs/api.yaml"},
            "tests": [{"name": "t", "steps": [step]}],
        }
        (tmp_path / "s.yaml").write_text(json.dumps(suite))
        run = run_cli(["run", "s.yaml"], cwd=tmp_path, home=tmp_path / "home")
        (tmp_path / "specs/common.json").unlink()
        checked = run_cli(["validate", "s.yaml"], cwd=tmp_path, home=tmp_path / "home")

    assert run.returncode == 0, run.stdout + run.stderr
    assert checked.returncode == 2
    assert 'specs/api.yaml: refers to "specs/common.json", which cannot be read' in checked.stderr
