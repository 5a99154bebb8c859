from __future__ import annotations

from rocketship.reports.html.room import Room
from rocketship.reports.html.step import step_row
from tests.builders import UnitSpec, make_failed_step, make_result

BODY = "line\n" * 100
FAILED = make_failed_step(response={"status": 500, "body": BODY})


def row(room: Room) -> str:
    run = make_result([UnitSpec("t", [FAILED])])
    return step_row(run, run.tests[0], run.tests[0].steps[0], room)


def test_step_with_room_shows_all_of_a_response():
    room = Room()
    assert "response: all of it" in row(room)
    assert room.whole < Room().whole - len(BODY)


def test_step_with_little_room_shows_the_beginning():
    shown = row(Room(whole=-1))
    assert "all of it" not in shown
    assert "… 70 more lines" in shown


def test_step_without_room_shows_why_it_failed():
    shown = row(Room(whole=-1, shown=-1))
    assert "response: left out, because this page is long" in shown
    assert "expected 200, got 500" in shown
    assert "line\nline" not in shown
