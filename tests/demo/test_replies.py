from __future__ import annotations

import gzip
import json
import time
import uuid
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest


@pytest.mark.parametrize("code", [200, 201, 299, 400, 418, 503, 599])
def test_status_is_the_requested_one(call, code):
    reply = call("POST", f"/status/{code}")
    assert (reply.status, reply.json["code"]) == (code, code)


@pytest.mark.parametrize("code", [204, 304])
def test_status_without_body_has_none(call, code):
    reply = call("GET", f"/status/{code}")
    assert (reply.status, reply.body) == (code, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/status/101",
        "/status/600",
        "/delay/11",
        "/bytes/999999999",
        "/large?items=-1",
        "/large?items=many",
        "/flaky/k?status=99",
        "/stream/2000",
        "/response-headers?a=b%0d%0ac",
    ],
)
def test_impossible_wishes_are_refused(call, path):
    assert call("GET", path).status == 400


def test_delay_answers_late(call):
    begun = time.monotonic()
    assert call("GET", "/delay/0.05").json == {"delay": 0.05}
    assert time.monotonic() - begun >= 0.05


def test_flaky_fails_as_often_as_asked_for_each_key_and_session(call):
    def attempts(path, session, count):
        headers = {"X-Test-Session": session}
        return [call("GET", path, headers=headers).status for _ in range(count)]

    assert attempts("/flaky/a?fail=2", "flaky-one", 4) == [503, 503, 200, 200]
    assert attempts("/flaky/b?fail=1&status=429", "flaky-one", 2) == [429, 200]
    assert attempts("/flaky/a?fail=2", "flaky-two", 1) == [503]


def test_uuid_is_a_fresh_one(call):
    first, second = (uuid.UUID(call("GET", "/uuid").json["uuid"]) for _ in range(2))
    assert first != second


def test_json_has_a_slideshow(call):
    assert call("GET", "/json").json["slideshow"]["title"]


def test_html_is_a_page(call):
    reply = call("GET", "/html")
    assert reply.headers.get_content_type() == "text/html"
    assert '<h1 id="title">' in reply.text


def test_text_is_plain(call):
    assert call("GET", "/text").headers.get_content_type() == "text/plain"


def test_bytes_depend_on_the_seed_only(call):
    first, again, other = (call("GET", f"/bytes/100?seed={seed}").body for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 100


def test_large_has_the_wanted_number_of_items(call):
    reply = call("GET", "/large?items=5000").json
    assert (len(reply), reply[-1]["number"]) == (5000, 4999)


def test_gzip_is_compressed_json(call):
    reply = call("GET", "/gzip")
    assert reply.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(reply.body))["gzipped"] is True


def test_stream_comes_in_pieces(sample_api):
    connection = HTTPConnection(urlsplit(sample_api).netloc, timeout=10)
    connection.request("GET", "/stream/3?pause=0.02")
    answer = connection.getresponse()
    begun = time.monotonic()
    lines = []
    while line := answer.readline():
        lines.append((json.loads(line)["line"], time.monotonic() - begun))
    connection.close()
    assert [number for number, _ in lines] == [0, 1, 2]
    assert lines[-1][1] - lines[0][1] >= 0.03


def test_response_headers_come_from_the_query(call):
    reply = call("GET", "/response-headers?X-A=1&X-A=2&Retry-After=7")
    assert reply.headers.get_all("x-a") == ["1", "2"]
    assert reply.headers["retry-after"] == "7"


def test_index_describes_every_path(call):
    known = call("GET", "/").json
    assert len(known) > 30
    assert all(text for texts in known.values() for text in texts)


def test_options_is_allowed_everywhere_and_for_every_origin(call):
    assert call("OPTIONS", "/users/7").status == 200
    preflight = {"Origin": "http://localhost:1", "Access-Control-Request-Method": "PUT"}
    reply = call("OPTIONS", "/users/7", headers=preflight)
    assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "*")
