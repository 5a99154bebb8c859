from __future__ import annotations

import pytest

LOGIN = {"user": "ada", "password": "open sesame"}


def test_cookies_are_shown(call):
    reply = call("GET", "/cookies", headers={"Cookie": "a=1; b=2"})
    assert reply.json == {"cookies": {"a": "1", "b": "2"}}


def test_cookies_are_set_from_the_query(call):
    reply = call("GET", "/cookies/set?a=1&b=2")
    assert (reply.status, reply.headers["location"]) == (302, "/cookies")
    assert [line.partition(";")[0] for line in reply.headers.get_all("set-cookie")] == [
        "a=1",
        "b=2",
    ]


def test_cookies_impossible_name_is_refused(call):
    assert call("GET", "/cookies/set?a%3Bb=1").status == 400


def test_cookies_are_deleted_by_expiry(call):
    reply = call("GET", "/cookies/delete?a&b", headers={"Cookie": "a=1; c=3"})
    (line,) = reply.headers.get_all("set-cookie")
    assert line.startswith('a="";')
    assert "Max-Age=0" in line


@pytest.mark.parametrize("as_form", [True, False])
def test_login_lasts_until_logout(call, as_form):
    if as_form:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        reply = call("POST", "/login", b"user=ada&password=open+sesame", kind)
    else:
        reply = call("POST", "/login", LOGIN)
    cookie = {"Cookie": reply.headers["set-cookie"].partition(";")[0]}
    assert call("GET", "/me", headers=cookie).json == {"user": "ada"}
    assert call("POST", "/logout", headers=cookie).status == 204
    assert call("GET", "/me", headers=cookie).status == 401


@pytest.mark.parametrize("change", [{"password": "guess"}, {"user": ""}, {"user": 7}])
def test_login_with_wrong_credentials_is_refused(call, change):
    assert call("POST", "/login", {**LOGIN, **change}).status == 401
