from __future__ import annotations

import email
import email.policy

import pytest

from rocketship.errors import ConfigError, TemplateError
from rocketship.plugins.http.body import MAX_SHOWN_BYTES, describe_body, encode_form
from rocketship.plugins.http.plugin import Http
from rocketship.suite.node import Node
from rocketship.suite.problem import Problems
from rocketship.template.scope import Scope
from rocketship.values import Json, Location
from tests.fixtures.http_server import Got, HttpServer, answer
from tests.plugins.http.steps import run

OK = {"*": answer("ok")}


def posted(config, **details) -> Got:
    with HttpServer(OK) as server:
        outcome = run({"url": server.url(), "method": "POST", **config}, **details)
        assert outcome.failure is None
        return server.got[0]


def test_body_text_is_sent_as_it_is_without_content_type():
    got = posted({"body": "line 1\nünd 2 \0"})
    assert got.body == "line 1\nünd 2 \0".encode()
    assert got.one("content-type") is None


@pytest.mark.parametrize("config", [{"body": ""}, {"form": {}}, {}])
def test_body_empty_is_no_body(config):
    got = posted(config)
    assert (got.body, got.one("content-type"), got.one("content-length")) == (b"", None, "0")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": "ü"}, '{"b":1,"a":"ü"}'),
        ([], "[]"),
        (None, "null"),
        (False, "false"),
        (12345678901234567890, "12345678901234567890"),
        ("text", '"text"'),
    ],
)
def test_json_any_value_is_sent_as_json(value, text):
    got = posted({"json": value})
    assert got.body.decode() == text
    assert got.one("content-type") == "application/json"


@pytest.mark.parametrize("config", [{"json": {}}, {"form": {"a": 1}}])
def test_content_type_of_the_suite_wins(config):
    assert posted({**config, "headers": {"content-type": "text/x"}}).all("content-type") == [
        "text/x"
    ]


def test_form_is_sorted_repeated_and_plain():
    fields: dict[str, Json] = {
        "z": "a b&c",
        "list": [1, True, None],
        "n": None,
        "big": 12345678.0,
        "o": {"k": [1]},
    }
    assert encode_form(fields) == (
        "big=12345678&list=1&list=true&list=&n=&o=%7B%22k%22%3A%5B1%5D%7D&z=a+b%26c"
    )
    got = posted({"form": fields})
    assert got.body.decode() == encode_form(fields)
    assert got.one("content-type") == "application/x-www-form-urlencoded"


def parts_of(got: Got) -> list[tuple[str, str | None, str, bytes]]:
    head = f"Content-Type: {got.one('content-type')}\r\n\r\n".encode()
    message = email.message_from_bytes(head + got.body, policy=email.policy.HTTP)
    found = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((str(name), part.get_filename(), part.get_content_type(), content))
    return found


def test_multipart_sends_fields_and_files():
    files = {"data/photo.png": b"\x89PNG\r\n\0\xff", "notes": b"plain\n"}
    multipart = {
        "fields": {"title": "hello", "tags": ["a", "b"], "meta": {"n": 1}},
        "files": {
            "photo": "data/photo.png",
            "more": [
                "notes",
                {"file": "notes", "filename": "n.csv", "content_type": "application/x-mine"},
            ],
        },
    }
    assert parts_of(posted({"multipart": multipart}, files=files)) == [
        ("title", None, "text/plain", b"hello"),
        ("tags", None, "text/plain", b"a"),
        ("tags", None, "text/plain", b"b"),
        ("meta", None, "text/plain", b'{"n":1}'),
        ("photo", "photo.png", "image/png", files["data/photo.png"]),
        ("more", "notes", "application/octet-stream", b"plain\n"),
        ("more", "n.csv", "application/x-mine", b"plain\n"),
    ]


def test_multipart_names_cannot_break_out_of_their_header():
    upload = {"file": "f", "filename": 'x"\r\nX: y', "content_type": "a/b\r\nX: y"}
    got = posted({"multipart": {"files": {'a"\n': upload}}}, files={"f": b""})
    assert b'name="a%22%0A"; filename="x%22%0D%0AX: y"' in got.body
    assert b"\nX: y" not in got.body


def test_body_file_is_sent_byte_by_byte():
    content = bytes(range(256)) + b"{{ not a template }}"
    assert posted({"body_file": "f"}, files={"f": content}).body == content


def test_body_file_with_templates_is_filled_in():
    files = {"f": "{{ .vars.name }} is ü {{ n }}".encode()}
    scope = Scope(vars={"name": "ada"}, saved={"n": 12345678901234567890})
    got = posted({"body_file": "f", "template": True}, files=files, scope=scope)
    assert got.body.decode() == "ada is ü 12345678901234567890"


def test_body_file_with_templates_says_what_is_wrong():
    config = {"url": "http://127.0.0.1:1/", "method": "POST", "body_file": "f", "template": True}
    with pytest.raises(TemplateError, match="^body_file: "):
        run(config, files={"f": b"{{ nothing }}"})
    with pytest.raises(ConfigError, match="not UTF-8"):
        run(config, files={"f": b"\xff"})


def test_missing_file_is_a_config_error():
    with pytest.raises(ConfigError, match="not collected"):
        run({"url": "http://127.0.0.1:1/", "method": "POST", "body_file": "nope"})


def test_bodies_exclude_each_other():
    with pytest.raises(ConfigError, match='"body" and "json" exclude each other'):
        run({"url": "http://127.0.0.1:1/", "body": "x", "json": 1})


def test_file_paths_are_found_for_the_bundle():
    def text(value: str) -> Node:
        return Node(value, Location("suite.yaml", 1))

    def mapping(**entries: Node) -> Node:
        value = {key: node.value for key, node in entries.items()}
        pairs = tuple((text(key), node) for key, node in entries.items())
        return Node(value, Location("suite.yaml", 1), entries=pairs)

    files = mapping(a=text("one"), b=mapping(file=text("two")))
    node = mapping(
        method=text("POST"), url=text("http://h"), ca=text("ca"), multipart=mapping(files=files)
    )
    paths = []
    Http.config.visit(
        node, lambda kind, found: paths.append(found.value) if kind.label == "a file path" else None
    )
    problems = Problems()
    Http.config.check(node, problems)
    assert (paths, problems.found) == (["ca", "one", "two"], [])


def test_lone_surrogates_do_not_break_a_request():
    got = posted({"body": "\ud800", "query": {"q": "\ud800"}, "headers": {"X-A": "\ud800"}})
    assert got.body == b"?"


def test_described_body_is_bounded_and_says_so():
    long = b"x" * (MAX_SHOWN_BYTES + 1)
    shown = describe_body(long)
    assert shown == {"body_bytes": len(long), "body": "x" * MAX_SHOWN_BYTES, "truncated": True}


def test_described_body_that_is_binary_is_a_note():
    shown = describe_body(b"\x89PNG\0", "image/png")
    assert shown == {"body_bytes": 5, "body": "(5 bytes of image/png)"}
    assert describe_body(b"") == {"body_bytes": 0}
