from __future__ import annotations

import pytest

from rocketship.demo.records import Records


@pytest.fixture
def session(request) -> dict[str, str]:
    """Headers that make a test's objects its own."""
    return {"X-Test-Session": request.node.name}


def test_create_answers_with_next_id_and_extra_headers(call, session):
    assert call("POST", "/users", {"name": "Ada"}, session).json["id"] == "users_0"
    reply = call("POST", "/users", {"name": "Cy"}, {**session, "X-Trace": "t1"})
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json == {
        "id": "users_1",
        "name": "Cy",
        "x-test-session": session["X-Test-Session"],
        "x-trace": "t1",
    }


def test_create_own_id_and_further_path_segments_are_accepted(call, session):
    assert call("POST", "/users/import/now", {"id": "ada"}, session).json["id"] == "ada"
    assert call("GET", "/users/ada", headers=session).status == 200


@pytest.mark.parametrize("body", [b"nope", b"[1]", b"", b"null"])
def test_create_without_json_object_is_refused(call, session, body):
    assert call("POST", "/users", body, session).status == 400


def test_collection_is_numbered_in_order_of_ids(call, session):
    for key in ("b", "c", "a"):
        call("POST", "/cars", {"id": key}, session)
    found = call("GET", "/cars", headers=session).json
    assert {name: item["id"] for name, item in found.items()} == {
        "cars_0": "a",
        "cars_1": "b",
        "cars_2": "c",
    }


def test_sessions_do_not_see_each_other(call, session):
    call("POST", "/users", {}, session)
    assert call("GET", "/users", headers={"X-Test-Session": "another"}).json == {}
    assert call("GET", "/users", headers={"X-Forwarded-For": "192.0.2.1, 10.0.0.1"}).json == {}


def test_replace_stores_the_body_as_it_is(call, session):
    call("POST", "/users", {"id": "ada", "age": 36}, session)
    assert call("PUT", "/users/ada", {"name": "Ada"}, session).json == {"name": "Ada"}
    assert call("GET", "/users/ada", headers=session).json == {"name": "Ada"}


def test_replace_of_a_type_never_created_is_not_found(call, session):
    assert call("PUT", "/rockets/r1", {}, session).status == 404


def test_delete_works_once(call, session):
    call("POST", "/users", {"id": "ada"}, session)
    assert call("DELETE", "/users/ada", headers=session).status == 204
    assert call("DELETE", "/users/ada", headers=session).status == 404
    assert call("GET", "/users/ada", headers=session).status == 404


def test_clear_forgets_one_session(call, session):
    other = {"X-Test-Session": "keeps its own"}
    call("POST", "/users", {"id": "x"}, session)
    call("POST", "/users", {"id": "y"}, other)
    assert call("POST", "/_clear", headers=session).status == 204
    assert call("GET", "/users", headers=session).json == {}
    assert call("GET", "/users/y", headers=other).status == 200


def test_records_forget_the_session_unused_for_longest_when_full():
    records = Records(limit_bytes=20_000)
    for session in ("first", "second", "third"):
        records.create(session, "users", {"id": "x", "text": "x" * 4000})
    records.get("first", "users", "x")
    records.create("fourth", "users", {"id": "x", "text": "x" * 4000})
    known = [s for s in ("first", "second", "third", "fourth") if records.all(s, "users")]
    assert known == ["first", "third", "fourth"]


def test_records_changes_that_free_space_leave_room_for_others():
    records = Records(limit_bytes=20_000)
    for _ in range(50):
        records.create("one", "users", {"id": "x", "text": "x" * 4000})
        records.replace("one", "users", "x", {"text": "y" * 4000})
        records.delete("one", "users", "x")
        records.create("two", "users", {"id": "x", "text": "x" * 4000})
        assert records.get("two", "users", "x") is not None
        records.clear("two")
