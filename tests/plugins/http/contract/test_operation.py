from __future__ import annotations

import json
from typing import Any

import pytest

from rocketship.plugins.http.contract.operation import Operations
from rocketship.plugins.http.contract.source.document import parse


def operations(*paths: str, **more: Any) -> Operations:
    described: dict[str, Any] = {path: {"get": {"responses": {}}} for path in paths}
    document = {"openapi": "3.1.0", "paths": described, **more}
    return Operations(parse(json.dumps(document).encode(), "api.json"))


def found(known: Operations, path: str) -> tuple[str, dict[str, str]] | None:
    match = known.find("GET", f"http://api.test{path}")
    return (match.operation.path, match.variables) if match else None


@pytest.mark.parametrize("order", [("/a/{id}", "/a/b"), ("/a/b", "/a/{id}")])
def test_fixed_segment_wins_in_any_order(order: tuple[str, ...]) -> None:
    known = operations(*order)
    assert found(known, "/a/b") == ("/a/b", {})
    assert found(known, "/a/c") == ("/a/{id}", {"id": "c"})


def test_earlier_fixed_segment_wins_then_the_first_written() -> None:
    known = operations("/{x}/b", "/a/{y}", "/{v}/{w}", "/{s}/{t}")
    assert found(known, "/a/b") == ("/a/{y}", {"y": "b"})
    assert found(known, "/c/d") == ("/{v}/{w}", {"v": "c", "w": "d"})


@pytest.mark.parametrize("template", ["/a", "/a/"])
@pytest.mark.parametrize("path", ["/a", "/a/"])
def test_slash_at_the_end_makes_no_difference(template: str, path: str) -> None:
    assert found(operations(template), path) == (template, {})


def test_segment_may_hold_several_names_and_escapes() -> None:
    known = operations("/files/{name}.{kind}", "/a b")
    assert found(known, "/files/x%2Fy.json") == (
        "/files/{name}.{kind}",
        {"name": "x/y", "kind": "json"},
    )
    assert found(known, "/a%20b") == ("/a b", {})


def test_template_takes_no_empty_segment_and_methods_differ() -> None:
    known = operations("/a/{id}", "/")
    assert found(known, "/a/") is None
    assert found(known, "") == ("/", {})
    assert known.find("POST", "http://api.test/a/1") is None


@pytest.mark.parametrize(
    ("server", "path"),
    [
        ({"url": "https://api.test/v1"}, "/v1/a"),
        ({"url": "/v1/"}, "/v1/a"),
        ({"url": "https://{host}/v1"}, "/v1/a"),
        ({"url": "https://api.test/{version}"}, "/v9/a"),
        ({"url": "{base}", "variables": {"base": {"default": "http://x/v1"}}}, "/v1/a"),
        ({"url": "/{base}", "variables": {"base": {"default": "x/y"}}}, "/x/y/a"),
        ({"url": "https://api.test"}, "/a"),
    ],
)
def test_base_path_of_servers_is_part_of_the_path(server: Any, path: str) -> None:
    known = operations("/a", servers=[server])
    assert found(known, path) == ("/a", {})
    assert found(known, "/elsewhere/z/a") is None


def test_extensions_among_paths_are_no_paths() -> None:
    paths = {"x-note": {"get": {}}, "x-gone": {"$ref": "#/gone"}, "/a": {"x-get": {}}}
    document = {"openapi": "3.0.0", "paths": paths}
    assert Operations(parse(json.dumps(document).encode(), "api.json")).all == ()
