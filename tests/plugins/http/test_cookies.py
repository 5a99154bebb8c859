from __future__ import annotations

import asyncio
import json
import threading

import pytest

from rocketship.values import Json
from tests.fixtures.http_server import Got, HttpServer, Route, answer, redirect
from tests.plugins.http.steps import Memory, check, make_call, run, save, with_plugin


def sets(*cookies: str) -> bytes:
    return answer("ok", headers=[("Set-Cookie", cookie) for cookie in cookies])


def shows(got: Got) -> bytes:
    """Answers with the cookies it was sent, sorted."""
    found = "; ".join(got.all("cookie"))
    return answer("; ".join(sorted(filter(None, found.split("; ")))))


ROUTES: dict[str, Route] = {
    "/login": sets("sid=abc; Path=/; HttpOnly", "theme=dark; Max-Age=1000"),
    "/logout": sets("sid=; Path=/; Max-Age=0"),
    "/admin/login": sets("admin=1; Path=/admin"),
    "/elsewhere": sets("a=1; Domain=example.com", "b=1; Secure; Domain=other.example"),
    "/start": redirect("/next", "302 Found", ("Set-Cookie", "hop=1; Path=/")),
    "*": shows,
}


def kept(memory: Memory) -> list[Json]:
    lines = memory["cookies"]
    assert isinstance(lines, list)
    return lines


def test_cookies_are_sent_by_later_steps_of_the_same_test_only():
    mine: Memory = {}
    other: Memory = {}
    with HttpServer(ROUTES) as server:
        run({"url": server.url("/login")}, memory=mine)
        assert run({"url": server.url("/x")}, memory=mine).subject.text == "sid=abc; theme=dark"
        assert run({"url": server.url("/x")}, memory=other).subject.text == ""
    assert other == {}


def test_cookies_of_two_tests_in_one_process_do_not_mix():
    async def scenario(plugin):
        texts = []
        for memory, path in ((first, "/login"), (second, "/x"), (first, "/x"), (second, "/x")):
            call = make_call({"url": server.url(path)}, memory=memory)
            texts.append((await plugin.run(call)).subject.text)
        return texts

    first: Memory = {}
    second: Memory = {}
    with HttpServer(ROUTES) as server:
        assert with_plugin(scenario) == ["ok", "", "sid=abc; theme=dark", ""]


def test_jar_survives_as_json():
    memory: Memory = {}
    with HttpServer(ROUTES) as server:
        run({"url": server.url("/login")}, memory=memory)
        restored = json.loads(json.dumps(memory))
        outcome = run({"url": server.url("/x")}, memory=restored)
    assert outcome.subject.text == "sid=abc; theme=dark"


def test_deleted_cookie_is_gone():
    memory: Memory = {}
    with HttpServer(ROUTES) as server:
        for path in ("/login", "/logout"):
            run({"url": server.url(path)}, memory=memory)
        assert run({"url": server.url("/x")}, memory=memory).subject.text == "theme=dark"


def test_cookies_keep_to_their_path_and_domain():
    memory: Memory = {}
    with HttpServer(ROUTES) as server:
        for path in ("/admin/login", "/elsewhere"):
            run({"url": server.url(path)}, memory=memory)
        assert run({"url": server.url("/x")}, memory=memory).subject.text == ""
        assert run({"url": server.url("/admin/x")}, memory=memory).subject.text == "admin=1"
        there = server.url("/admin/x", host="localhost")
        assert run({"url": there}, memory=memory).subject.text == ""


def test_cookie_set_on_the_way_is_sent_to_the_next_place():
    memory: Memory = {}
    with HttpServer(ROUTES) as server:
        outcome = run({"url": server.url("/start")}, memory=memory)
    assert outcome.subject.text == "hop=1"
    assert check(outcome, "cookie", "1", name="hop").passed
    assert len(kept(memory)) == 1


def test_cookies_can_be_left_out():
    memory: Memory = {}
    with HttpServer(ROUTES) as server:
        run({"url": server.url("/login")}, memory=memory)
        outcome = run({"url": server.url("/start"), "cookies": False}, memory=memory)
    assert outcome.subject.text == ""
    assert save(outcome, "cookie", "hop") == "1"
    assert len(kept(memory)) == 2


def test_cookie_header_replaces_the_jar():
    memory: Memory = {}
    with HttpServer(ROUTES) as server:
        run({"url": server.url("/login")}, memory=memory)
        headers = {"cookie": "sid=wrong"}
        outcome = run({"url": server.url("/x"), "headers": headers}, memory=memory)
        assert len(server.got[-1].all("cookie")) == 1
        assert outcome.subject.text == "sid=wrong"
        assert run({"url": server.url("/x")}, memory=memory).subject.text == "sid=abc; theme=dark"


@pytest.mark.parametrize(
    ("path", "left"), [("/login", "sid=abc; theme=dark"), ("/logout", "theme=dark")]
)
def test_cookies_set_despite_a_cookie_header_are_kept(path, left):
    memory: Memory = {}
    with HttpServer(ROUTES) as server:
        run({"url": server.url("/login")}, memory=memory)
        run({"url": server.url(path), "headers": {"Cookie": "x=1"}}, memory=memory)
        assert run({"url": server.url("/x")}, memory=memory).subject.text == left


def test_cookies_are_found_by_assertions_and_saves():
    memory: Memory = {}
    with HttpServer(ROUTES) as server:
        outcome = run({"url": server.url("/login")}, memory=memory)
        assert check(outcome, "cookie", "abc", name="sid").passed
        later = run({"url": server.url("/x")}, memory=memory)
    assert save(later, "cookie", "theme") == "dark"
    missing = check(later, "cookie", "1", name="nope")
    assert not missing.passed
    assert "no cookie nope is set" in missing.message


def test_cookie_with_any_bytes_survives():
    memory: Memory = {}
    with HttpServer({"/set": sets("a=ü€"), "*": shows}) as server:
        run({"url": server.url("/set")}, memory=memory)
        run({"url": server.url("/x")}, memory=json.loads(json.dumps(memory)))
        assert str(server.got[-1].one("cookie")).encode("latin-1").decode() == "a=ü€"


def test_cookie_values_are_starred_in_reports():
    memory: Memory = {}
    with HttpServer(ROUTES) as server:
        run({"url": server.url("/login")}, memory=memory)
        outcome = run({"url": server.url("/login"), "headers": {"Cookie": "s=secret"}})
        jar = run({"url": server.url("/x")}, memory=memory)
    assert outcome.request["headers"]["Cookie"] == "***"
    assert outcome.response["headers"]["Set-Cookie"] == "***"
    assert "secret" not in outcome.reproduce
    assert "--cookie '***'" in jar.reproduce


@pytest.mark.parametrize(
    ("cookie", "secrets"),
    [
        ("sid=open-sesame; Path=/; HttpOnly", {"open-sesame"}),
        ('sid="open-sesame"; Max-Age=10', {"open-sesame"}),
        ("sid=s%3Aopen%20sesame", {"s%3Aopen%20sesame", "s:open sesame"}),
        ("sid=open-sesame; Domain=other.example", {"open-sesame"}),
        ("theme=dark", set()),
        ("sid=; Path=/; Max-Age=0", set()),
        ("sid=forgotten; max-age=0; Path=/", set()),
        ("sid=forgotten; Path=/; Max-Age=-1", set()),
    ],
)
@pytest.mark.parametrize("jar", [True, False])
def test_values_of_cookies_that_a_reply_sets_are_secret(cookie, secrets, jar):
    with HttpServer({"/": sets(cookie)}) as server:
        assert set(run({"url": server.url(), "cookies": jar}).secrets) == secrets


def test_values_of_cookies_set_on_the_way_are_secret():
    routes = {
        "/": redirect("/next", "302 Found", ("Set-Cookie", "sid=open-sesame")),
        "/next": sets("sid=open-barley"),
    }
    with HttpServer(routes) as server:
        assert set(run({"url": server.url()}).secrets) == {"open-sesame", "open-barley"}


def test_cookies_of_an_exchange_that_fails_are_secret():
    routes = {"/": redirect("http://h h/", "302 Found", ("Set-Cookie", "sid=open-sesame"))}
    with HttpServer(routes) as server:
        outcome = run({"url": server.url()})
    assert outcome.failure is not None
    assert outcome.secrets == ("open-sesame",)


def test_cookies_of_an_attempt_that_was_cut_off_are_secret_from_the_next_on():
    async def never(got: Got, writer: asyncio.StreamWriter) -> None:
        waits.set()
        await asyncio.Event().wait()

    async def scenario(plugin):
        attempt = asyncio.create_task(plugin.run(make_call({"url": server.url()}, memory=memory)))
        await asyncio.to_thread(waits.wait)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
        return await plugin.run(make_call({"url": server.url("/x")}, memory=memory))

    memory: Memory = {}
    waits = threading.Event()
    on = redirect("/never", "302 Found", ("Set-Cookie", "sid=open-sesame"))
    with HttpServer({"/": on, "/never": never, "*": shows}) as server:
        outcome = with_plugin(scenario)
    assert outcome.subject.text == "sid=open-sesame"
    assert outcome.secrets == ("open-sesame",)


def test_credentials_in_other_headers_of_a_reply_are_secret():
    headers = [("Authorization", "Bearer open-sesame"), ("X-Plain", "open-barley")]
    with HttpServer({"/": answer(headers=headers)}) as server:
        assert run({"url": server.url()}).secrets == ("open-sesame",)
