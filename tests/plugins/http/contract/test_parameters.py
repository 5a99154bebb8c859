from __future__ import annotations

from typing import Any

import pytest

from rocketship.plugins.http.contract.parameters import Sent, read, split_query
from rocketship.plugins.http.contract.source.document import Document, Place
from rocketship.values import Json

LIST = {"type": "array", "items": {"type": "integer"}}
EXTRA = {"type": "object", "properties": {"x-y": {"type": "integer"}}}
POINT = {"type": "object", "properties": {"x": {"type": "integer"}, "n": {"type": "string"}}}


def value(text: str, **parameter: Any) -> Json:
    """Read a parameter `p` from a text at the place it says."""
    where = parameter.setdefault("in", "query")
    sent = Sent(
        path={"p": text},
        query=split_query(text),
        headers={"p": text},
        cookies={"p": text},
    )
    assert where in ("path", "query", "header", "cookie")
    place = Place(Document("api", "3.1", {}), (), {"name": "p", **parameter})
    found = read(place, sent)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("text", "parameter", "expected"),
    [
        ("p=1&p=2", {"schema": LIST}, [1, 2]),
        ("p=1,2", {"schema": LIST, "explode": False}, [1, 2]),
        ("p=1%202", {"schema": LIST, "explode": False, "style": "spaceDelimited"}, [1, 2]),
        ("p=1+2", {"schema": LIST, "explode": False, "style": "spaceDelimited"}, [1, 2]),
        ("p=1|2", {"schema": LIST, "explode": False, "style": "pipeDelimited"}, [1, 2]),
        ("p=1%7C2%7c3", {"schema": LIST, "explode": False, "style": "pipeDelimited"}, [1, 2, 3]),
        ("p[x]=1&p[n]=2", {"schema": POINT, "style": "deepObject"}, {"x": 1, "n": "2"}),
        ("x=1&n=2&z=3", {"schema": POINT}, {"x": 1, "n": "2"}),
        ("x-y=1", {"schema": EXTRA}, {"x-y": 1}),
        ("p=x,1,n,2", {"schema": POINT, "explode": False}, {"x": 1, "n": "2"}),
        ("p=a%2Cb", {"schema": {"type": "array"}, "explode": False}, ["a,b"]),
        ("p=007", {"schema": {"type": "integer"}}, "007"),
        ("p=1.5", {"schema": {"type": ["number", "null"]}}, 1.5),
        ("p=true", {"schema": {"anyOf": [{"type": "boolean"}]}}, True),
        ("p=5", {"schema": {"type": "string"}}, "5"),
        ("p=%7B%22x%22:1%7D", {"content": {"application/json": {}}}, {"x": 1}),
        ("1,2", {"in": "path", "schema": LIST}, [1, 2]),
        (".1.2", {"in": "path", "schema": LIST, "style": "label", "explode": True}, [1, 2]),
        (".1,2", {"in": "path", "schema": LIST, "style": "label"}, [1, 2]),
        (";p=1,2", {"in": "path", "schema": LIST, "style": "matrix"}, [1, 2]),
        (";p=1;p=2", {"in": "path", "schema": LIST, "style": "matrix", "explode": True}, [1, 2]),
        ("x=1,n=2", {"in": "header", "schema": POINT, "explode": True}, {"x": 1, "n": "2"}),
        ("x,1,n,2", {"in": "header", "schema": POINT}, {"x": 1, "n": "2"}),
        ("1, 2", {"in": "header", "schema": LIST}, [1, 2]),
        ("1,2", {"in": "cookie", "schema": LIST, "explode": False}, [1, 2]),
    ],
)
def test_parameter_is_read_in_its_style(text: str, parameter: Any, expected: Json) -> None:
    assert value(text, **parameter) == expected


@pytest.mark.parametrize(
    ("text", "parameter", "expected"),
    [
        ("p=x,1,n", {"schema": POINT, "explode": False}, "has a name without a value"),
        ("1", {"in": "path", "schema": LIST, "style": "label"}, 'does not begin with "."'),
        ("1", {"in": "path", "schema": LIST, "style": "matrix"}, 'does not begin with ";"'),
        ("p={", {"content": {"application/json": {}}}, "is not JSON"),
    ],
)
def test_parameter_in_another_style_is_refused(text: str, parameter: Any, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        value(text, **parameter)
