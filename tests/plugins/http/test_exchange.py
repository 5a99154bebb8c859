from __future__ import annotations

import asyncio

import pytest

from rocketship.errors import ConnectionFailed, StepTimeout
from rocketship.plugins.http.client import Credentials, Request
from rocketship.plugins.http.exchange import redirected
from tests.fixtures.http_server import Got, HttpServer, answer, redirect
from tests.plugins.http.steps import check, run

SECRETS = (("Authorization", "a"), ("Cookie", "b"), ("X-Api-Key", "c"))


def echo(got: Got) -> bytes:
    return answer(f"{got.method} {got.body.decode()}")


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_redirect_turns_methods_into_get(status, method):
    with HttpServer({"/": redirect("/to", status), "/to": echo}) as server:
        outcome = run({"url": server.url(), "method": method, "json": {"a": 1}})
        followed = server.got[1]
    assert outcome.subject.text == "GET "
    assert followed.one("content-type") is None
    assert followed.one("content-length") is None


@pytest.mark.parametrize("status", ["307 Temporary Redirect", "308 Permanent Redirect"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_redirect_keeps_method_and_body(status, method):
    with HttpServer({"/": redirect("/to", status), "/to": echo}) as server:
        outcome = run({"url": server.url(), "method": method, "body": "data"})
    assert outcome.subject.text == f"{method} data"


def test_redirect_keeps_head():
    with HttpServer({"/": redirect("/to"), "/to": answer()}) as server:
        run({"url": server.url(), "method": "HEAD"})
        assert [got.method for got in server.got] == ["HEAD", "HEAD"]


def test_redirects_are_counted_timed_and_reported():
    routes = {
        "/": redirect("/a b?x=ü#top"),
        "/a%20b": redirect("c", "307 Again"),
        "/c": answer("end"),
    }
    with HttpServer(routes) as server:
        outcome = run({"url": server.url(), "headers": {"X-A": "1"}})
        targets = [got.target for got in server.got]
        assert all(got.one("x-a") == "1" for got in server.got)
        assert outcome.response["redirects"] == [
            {"status": 302, "url": server.url("/")},
            {"status": 307, "url": server.url("/a%20b?x=%C3%BC")},
        ]
        assert outcome.response["url"] == server.url("/c")
    assert targets == ["/", "/a%20b?x=%C3%BC", "/c"]
    assert check(outcome, "redirects", 2).passed
    assert 0 < outcome.timings["redirects"] < outcome.timings["total"]


def test_redirects_can_be_left_unfollowed():
    with HttpServer({"/": redirect("/to")}) as server:
        for follow in (False, 0, "false"):
            outcome = run({"url": server.url(), "follow_redirects": follow})
            assert outcome.subject.reply.status == 302
            assert outcome.subject.header("location") == "/to"
            assert check(outcome, "redirects", 0).passed


@pytest.mark.parametrize(("follow", "limit"), [(True, 10), (2, 2)])
def test_redirect_loop_ends_with_an_error(follow, limit):
    with HttpServer({"/": redirect("/")}) as server:
        failure = run({"url": server.url(), "follow_redirects": follow}).failure
        assert len(server.got) == limit + 1
    assert isinstance(failure, ConnectionFailed)
    assert f"more than {limit} times" in failure.message


def test_as_many_redirects_as_allowed_are_followed():
    routes = {"/": redirect("/1"), "/1": redirect("/2"), "/2": answer("end")}
    with HttpServer(routes) as server:
        assert run({"url": server.url(), "follow_redirects": 2}).subject.text == "end"


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd", "http://h h/", "http://h:port/", "http://[::1/"]
)
def test_redirect_to_a_place_that_is_none_is_an_error(to):
    with HttpServer({"/": redirect(to)}) as server:
        failure = run({"url": server.url()}).failure
    assert isinstance(failure, ConnectionFailed)
    assert "redirects to a place that is none" in failure.message


@pytest.mark.parametrize("status", ["300 Choose", "304 Not Modified", "302 Found"])
def test_answer_without_location_is_the_answer(status):
    with HttpServer({"/": answer(status=status)}) as server:
        assert run({"url": server.url()}).subject.reply.status == int(status[:3])


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("http://a/", "http://A:80/x", True),
        ("https://a:443/", "https://a/", True),
        ("http://a:81/", "http://a:81/x", True),
        ("http://a/", "http://a:81/", False),
        ("http://a:81/", "http://a/", False),
        ("http://a/", "https://a/", True),
        ("http://a:80/", "https://a:443/", True),
        ("http://a/", "https://a:444/", False),
        ("http://a:81/", "https://a/", False),
        ("https://a/", "http://a/", False),
        ("https://a:80/", "https://a/", False),
        ("http://a/", "https://b/", False),
        ("http://a/", "http://b.a/", False),
        ("http://b.a/", "http://a/", False),
        ("http://a/", "http://nota/", False),
    ],
)
def test_credentials_go_on_only_to_the_same_place(before, after, kept):
    request = Request("GET", before, (*SECRETS, ("X-A", "1")), credentials=Credentials("u", "p"))
    result = redirected(request, 307, after)
    assert result.headers == ((*SECRETS, ("X-A", "1")) if kept else (("X-A", "1"),))
    assert (result.credentials is not None) is kept


def test_host_header_stays_with_its_host():
    request = Request("GET", "http://a/", (("Host", "virtual"),))
    assert redirected(request, 302, "http://a/x").headers == request.headers
    assert redirected(request, 302, "http://b/x").headers == ()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_secrets_do_not_follow_a_redirect_to_another_host_or_port(host):
    with HttpServer({"/": answer("there")}) as other:
        with HttpServer({"/": redirect(other.url(host=host))}) as server:
            headers = {"Authorization": "Bearer secret", "Cookie": "s=1", "X-Plain": "yes"}
            assert run({"url": server.url(), "headers": headers}).subject.text == "there"
            assert server.got[0].one("authorization") == "Bearer secret"
        (got,) = other.got
    assert (got.one("authorization"), got.one("cookie")) == (None, None)
    assert got.one("x-plain") == "yes"


@pytest.mark.parametrize(
    "auth", [{"bearer": "token"}, {"basic": {"username": "u", "password": "p"}}]
)
def test_auth_does_not_follow_a_redirect_to_another_port(auth):
    with HttpServer({"/": answer("there")}) as other:
        with HttpServer({"/": redirect("/on"), "/on": redirect(other.url())}) as server:
            assert run({"url": server.url(), "auth": auth}).subject.text == "there"
            assert all(got.one("authorization") for got in server.got)
        (got,) = other.got
    assert got.one("authorization") is None


def test_timeout_covers_all_redirects_together():
    async def slow(got: Got, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.03)
        writer.write(redirect("/"))

    with HttpServer({"/": slow}) as server:
        failure = run({"url": server.url(), "timeout": "100ms"}).failure
    assert isinstance(failure, StepTimeout)  # and not too many redirects
