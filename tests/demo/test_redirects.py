from __future__ import annotations

import pytest


def test_redirect_counts_down_on_relative_paths(call):
    reply = call("GET", "/redirect/2?status=307")
    assert (reply.status, reply.headers["location"]) == (307, "/redirect/1?status=307")
    assert call("GET", "/redirect/1").headers["location"] == "/redirect/0"


def test_redirect_absolute_names_the_host(call, sample_api):
    location = call("GET", "/redirect/1?absolute=true").headers["location"]
    assert location == f"{sample_api}/redirect/0?absolute=true"


def test_redirect_end_shows_what_arrived(call):
    reply = call("POST", "/redirect/0", b'{"a": 1}')
    assert (reply.json["method"], reply.json["json"]) == ("POST", {"a": 1})


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirect_to_goes_where_it_is_told(call, code):
    reply = call("GET", f"/redirect-to?url=/uuid&status={code}")
    assert (reply.status, reply.headers["location"]) == (code, "/uuid")


@pytest.mark.parametrize(
    "path", ["/redirect-to", "/redirect-to?url=/a%0d%0ab", "/redirect/1?status=200"]
)
def test_redirect_impossible_target_is_refused(call, path):
    assert call("GET", path).status == 400
