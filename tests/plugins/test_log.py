"""The `log` plugin."""

from __future__ import annotations

from typing import Any

import pytest

from rocketship.errors import ConfigError
from rocketship.plugins import Finding
from rocketship.plugins.log import LogPlugin
from tests.plugins.calls import Line, Lines, make_call, run_step


def logged(config: dict[str, Any]) -> list[Line]:
    log = Lines()
    run_step(LogPlugin(), config, log=log)
    return log.all


def test_log_message_of_several_lines_is_one_record() -> None:
    assert logged({"message": "one\ntwo"}) == [Line("one\ntwo")]


@pytest.mark.parametrize("level", ["debug", "info", "warn", "error"])
def test_log_level_is_passed_on(level: str) -> None:
    assert logged({"message": "x", "level": level}) == [Line("x", level)]


def test_log_message_rendered_to_a_number_is_shown_as_text() -> None:
    assert logged({"message": 12}) == [Line("12")]


def test_log_message_empty_after_rendering_shows_nothing() -> None:
    assert logged({"message": ""}) == []


def test_log_message_empty_as_written_is_a_finding() -> None:
    assert list(LogPlugin().check({"message": ""})) == [Finding(("message",), "must not be empty")]
    assert list(LogPlugin().check({"message": "{{ x }}"})) == []


@pytest.mark.parametrize("config", [{}, {"message": "x", "level": "loud"}])
def test_log_with_a_bad_config_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_call(LogPlugin(), config)


def test_log_may_be_repeated() -> None:
    assert LogPlugin().replay_safe({})
