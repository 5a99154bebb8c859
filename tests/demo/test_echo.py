from __future__ import annotations

import hashlib

import pytest

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CONTENT = b"a\r\nb\n\rc\x00\xff--edge\r\n"


def multipart(*parts: tuple[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """Return a body with the given (disposition, content) parts, and its header."""
    pieces = [
        b"--edge\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (head.encode(), content)
        for head, content in parts
    ]
    return b"".join(pieces) + b"--edge--\r\n", {
        "Content-Type": "multipart/form-data; boundary=edge"
    }


def test_echo_header_names_are_capitalised_the_usual_way(call):
    reply = call("GET", "/echo", headers={"x-custom-ID": "7"})
    assert reply.json["headers"]["X-Custom-Id"] == "7"


def test_echo_query_gives_repeated_names_as_list(call, sample_api):
    reply = call("GET", "/echo?a=1&b=x&a=2").json
    assert reply["query"] == {"a": ["1", "2"], "b": "x"}
    assert reply["url"] == f"{sample_api}/echo?a=1&b=x&a=2"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_echo_every_method_is_answered_with_its_name(call, method):
    reply = call(method, "/echo")
    assert (reply.status, reply.json["method"]) == (200, method)
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["server"].startswith("hypercorn")


def test_echo_form_is_decoded(call):
    reply = call("POST", "/echo", b"a=1&b=two+words&c=&a=%C3%A9", FORM).json
    assert reply["form"] == {"a": ["1", "é"], "b": "two words", "c": ""}


def test_echo_json_comes_as_text_and_as_value(call):
    reply = call("PUT", "/echo", b'{"a": [1, null]}').json
    assert (reply["data"], reply["json"]) == ('{"a": [1, null]}', {"a": [1, None]})


@pytest.mark.parametrize("body", [b"not json", b"NaN", b"[" * 100_000])
def test_echo_text_that_is_not_json_comes_as_text_only(call, body):
    reply = call("POST", "/echo", body).json
    assert reply["data"] == body.decode()
    assert "json" not in reply


def test_echo_bytes_that_are_not_text_come_as_base64(call):
    assert call("POST", "/echo", b"\xff\xfe").json["data"] == "//4="


def test_anything_tells_path_cookies_and_origin(call):
    reply = call("GET", "/anything/a/b", headers={"Cookie": "x=1; y=2"}).json
    assert reply["path"] == "/anything/a/b"
    assert reply["cookies"] == {"x": "1", "y": "2"}
    assert reply["origin"] == "127.0.0.1"


def test_headers_are_listed(call):
    assert call("GET", "/headers", headers={"X-One": "1"}).json["headers"]["X-One"] == "1"


def test_upload_multipart_reports_every_file_exactly(call):
    body, headers = multipart(
        ('name="note"', "grüße".encode()),
        ('name="data"; filename="d.bin"', CONTENT),
        ('name="data"; filename="empty.txt"', b""),
    )
    reply = call("POST", "/upload", body, headers).json
    assert reply["form"] == {"note": "grüße"}
    assert [(file["field"], file["filename"], file["size"]) for file in reply["files"]] == [
        ("data", "d.bin", len(CONTENT)),
        ("data", "empty.txt", 0),
    ]
    assert reply["files"][0]["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_upload_raw_reports_size_and_sum(call):
    reply = call("PUT", "/upload", CONTENT, {"Content-Type": "image/png"}).json
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert reply == {"content_type": "image/png", "size": len(CONTENT), "sha256": digest}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--edge\r\n", "multipart/form-data"),
        (b"nothing of the kind", "multipart/form-data; boundary=edge"),
        (b"--edge\r\n\r\nno name\r\n--edge--\r\n", "multipart/form-data; boundary=edge"),
        (b"--edge\r\nX: y\r\n--edge--\r\n", "multipart/form-data; boundary=edge"),
    ],
)
def test_upload_broken_multipart_is_refused(call, body, content_type):
    assert call("POST", "/upload", body, {"Content-Type": content_type}).status == 400


def test_upload_beyond_the_limit_is_refused(call):
    assert call("POST", "/upload", bytes(16 * 1024 * 1024 + 1)).status == 413
