from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocketship.errors import ConfigError
from rocketship.plugins.http.plugin import Http
from rocketship.plugins.http.request import build_url, canonical, escape_url
from rocketship.values import Json
from tests.fixtures.http_server import HttpServer, answer
from tests.plugins.http.steps import make_call, run, with_plugin

OK = {"*": answer("ok")}


@pytest.mark.parametrize(
    ("url", "base_url", "query", "expected"),
    [
        ("http://h", None, {}, "http://h/"),
        ("HTTP://h:8080/a", None, {}, "http://h:8080/a"),
        ("http://h/a b?c=d e#top", None, {}, "http://h/a%20b?c=d%20e"),
        ("http://h/100%25/ü", None, {}, "http://h/100%25/%C3%BC"),
        ("http://h/a/../b", None, {}, "http://h/a/../b"),
        ("http://h/{id}?filter[a]={b}", None, {}, "http://h/%7Bid%7D?filter[a]={b}"),
        ("http://bücher.example/", None, {}, "http://xn--bcher-kva.example/"),
        ("http://[::1]:8080/", None, {}, "http://[::1]:8080/"),
        ("/users", "http://h/api/", {}, "http://h/api/users"),
        ("users?a=1", "http://h/api", {}, "http://h/api/users?a=1"),
        ("?a=1", "http://h/api", {}, "http://h/api?a=1"),
        ("", "http://h/api", {}, "http://h/api"),
        ("https://other/x", "http://h/api", {}, "https://other/x"),
        (
            "http://h/?a=1#f",
            None,
            {"b": "x y&z", "c": ["1", "2"]},
            "http://h/?a=1&b=x%20y%26z&c=1&c=2",
        ),
        ("http://h/", None, {"a": "1,2", "b": ["1,2", "3"]}, "http://h/?a=1,2&b=1%2C2&b=3"),
        ("http://h/", None, {"q[]": "ü", "empty": ""}, "http://h/?q%5B%5D=%C3%BC&empty="),
    ],
)
def test_url_is_joined_escaped_and_extended(url, base_url, query, expected):
    assert build_url(url, base_url, query) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/relative",
        "example.com/path",
        "ftp://h/",
        "file:///etc/passwd",
        "gopher://h/",
        "javascript://h/",
        "http://",
        "http:///path",
        "http://h:port/",
        "http://h:99999/",
        "http://h:0/",
        "http://[::1/",
        "http://h h/",
        "http://h/\nX-Injected: 1",
        "http://h/\r\n\r\n",
        "http://h/\x00",
        "http://" + "ü" * 80 + "/",
    ],
)
def test_url_impossible_is_refused(url):
    with pytest.raises(ConfigError, match=r"^url: "):
        build_url(url, None, {})


@settings(deadline=None)  # a busy machine is no property of URLs
@given(st.text(max_size=40), st.text(max_size=20))
def test_url_any_text_is_refused_or_plain_ascii(path, query):
    try:
        url = build_url(f"http://h/{path}", None, {"q": query})
    except ConfigError:
        return
    assert url.isascii()
    assert " " not in url
    assert url.isprintable()
    assert escape_url(url) == url


@pytest.mark.parametrize(
    ("name", "expected"),
    [("x-custom-header", "X-Custom-Header"), ("ETAG", "Etag"), ("content-TYPE", "Content-Type")],
)
def test_header_names_get_their_usual_spelling(name, expected):
    assert canonical(name) == expected


@pytest.mark.parametrize("method", ["", "GET /", "GE T", "GET\r\nX: y", "GÉT", "{}"])
def test_method_impossible_is_refused(method):
    with pytest.raises(ConfigError, match="method"):
        run({"url": "http://127.0.0.1:1/", "method": method})


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "b\r\nX-Injected: 1"},
        {"X-A": "b\n"},
        {"X-A": "b\0c"},
        {"X-A\r\nX-Injected": "1"},
        {"X A": "1"},
        {"": "1"},
        {"X-A:": "1"},
    ],
)
def test_header_injection_is_refused(headers):
    with pytest.raises(ConfigError, match="^headers: ") as caught:
        run({"url": "http://127.0.0.1:1/", "headers": headers})
    assert "Injected: 1" not in caught.value.message


def test_head_with_a_body_is_refused():
    with pytest.raises(ConfigError, match="no body"):
        run({"url": "http://127.0.0.1:1/", "method": "HEAD", "body": "x"})


def test_headers_are_sent_once_in_their_usual_spelling():
    headers = {"x-api-version": 2, "user-agent": "mine", "accept": "text/plain", "x-empty": ""}
    with HttpServer(OK) as server:
        run({"url": server.url(), "headers": headers})
        (got,) = server.got
    assert ("X-Api-Version", "2") in got.headers
    assert ("X-Empty", "") in got.headers
    assert (got.one("user-agent"), got.one("accept")) == ("mine", "text/plain")


def test_headers_by_default_name_us_and_no_content_type():
    with HttpServer(OK) as server:
        run({"url": server.url()})
        (got,) = server.got
    assert str(got.one("user-agent")).startswith("rocketship/")
    assert got.one("accept") == "*/*"
    assert got.one("content-type") is None


def test_host_header_reaches_the_server():
    with HttpServer(OK) as server:
        run({"url": server.url(), "headers": {"host": "shop.example"}})
        assert server.got[0].all("host") == ["shop.example"]


def test_written_content_length_is_replaced_by_the_true_one():
    headers = {"Content-Length": "99", "Transfer-Encoding": "chunked"}
    with HttpServer(OK) as server:
        run({"url": server.url(), "method": "POST", "body": "four", "headers": headers})
        (got,) = server.got
    assert (got.all("content-length"), got.all("transfer-encoding")) == (["4"], [])
    assert got.body == b"four"


@pytest.mark.parametrize(
    "method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "X-1"]
)
def test_any_method_is_sent_as_written_with_and_without_body(method):
    with HttpServer(OK) as server:
        for config in ({}, {"body": "hello"}):
            assert run({"url": server.url(), "method": method, **config}).failure is None
        assert [got.method for got in server.got] == [method, method]
        assert server.got[1].body == b"hello"
        empty = server.got[0].one("content-length")
    assert empty == ("0" if method in ("POST", "PUT", "PATCH") else None)


def test_head_has_headers_and_no_body():
    head = answer("", headers=[("X-A", "1")]).replace(b"Content-Length: 0", b"Content-Length: 5")
    with HttpServer({"/": head}) as server:
        outcome = run({"url": server.url(), "method": "HEAD"})
    assert outcome.subject.header("x-a") == "1"
    assert outcome.subject.text == ""


def test_dot_segments_are_left_to_the_server():
    with HttpServer(OK) as server:
        run({"url": server.url("/a/../b/./c")})
        assert server.got[0].target == "/a/../b/./c"


def test_missing_method_or_url_is_refused():
    for config in ({"method": None, "url": "http://h"}, {"method": "GET"}):
        with pytest.raises(ConfigError, match="missing"):
            make_call(config)


def test_check_reports_literal_mistakes_with_their_place():
    config: dict[str, Json] = {
        "method": "GE T",
        "url": "ftp://h/",
        "headers": {"X A": "1", "X-B": "1\n2", "X-{{ n }}": "{{ v }}", "X-C": 5},
    }
    found = {finding.path for finding in Http().check(config)}
    assert found == {("method",), ("url",), ("headers", "X A"), ("headers", "X-B")}


def test_check_leaves_templates_and_relative_urls_alone():
    assert not list(Http().check({"method": "{{ m }}", "url": "{{ .vars.base }}/x"}))
    assert not list(Http().check({"method": "GET", "url": "/x", "base_url": "{{ .vars.base }}"}))
    assert [f.path for f in Http().check({"method": "GET", "url": "/x"})] == [("url",)]
    (finding,) = Http().check({"method": "HEAD", "url": "http://h", "json": {"a": 1}})
    assert finding.hint == "leave the body out"


@pytest.mark.parametrize(
    ("method", "safe"),
    [("GET", True), ("HEAD", True), ("OPTIONS", True), ("POST", False), ("get", False)],
)
def test_only_safe_methods_may_be_repeated(method, safe):
    assert Http().replay_safe({"method": method}) is safe


def test_url_with_a_password_is_not_repeated_in_messages():
    for url in ("https://me:hush@h:port/", "https://me:hu/sh@h\n/", "ftp://me:hush@h/"):
        with pytest.raises(ConfigError) as caught:
            build_url(url, None, {})
        assert "hush" not in caught.value.message


def test_plugin_outlives_event_loops_that_nobody_closed_it_in():
    plugin = Http()

    async def once() -> str:
        return str((await plugin.run(make_call({"url": server.url()}))).subject.text)

    async def last() -> str:
        text = await once()
        await plugin.close()
        return text

    with HttpServer(OK) as server:
        assert [asyncio.run(once()), asyncio.run(last())] == ["ok", "ok"]
        for _ in range(2):
            server.wait_for_hang_up()


def test_plugin_serves_several_event_loops_one_after_the_other():
    plugin = Http()

    async def once(_: Http) -> int:
        outcome = await plugin.run(make_call({"url": server.url()}))
        await plugin.close()
        return int(outcome.subject.reply.status)

    with HttpServer(OK) as server:
        assert [with_plugin(once), with_plugin(once)] == [200, 200]
