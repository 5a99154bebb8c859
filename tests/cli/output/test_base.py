from __future__ import annotations

import io

import pytest

from rocketship.cli.console import Console
from rocketship.cli.output.base import choose_output
from rocketship.cli.output.github import GitHubOutput
from rocketship.cli.output.json_lines import JsonLinesOutput
from rocketship.cli.output.live import LiveOutput
from rocketship.cli.output.plain import PlainOutput
from rocketship.errors import UsageError
from tests.terminal import Terminal


@pytest.mark.parametrize(
    ("requested", "environment", "on_terminal", "on_pipe"),
    [
        (None, {}, LiveOutput, PlainOutput),
        (None, {"CI": "1"}, PlainOutput, PlainOutput),
        (None, {"TERM": "dumb"}, PlainOutput, PlainOutput),
        (None, {"NO_COLOR": "1"}, LiveOutput, PlainOutput),
        ("live", {"CI": "1"}, LiveOutput, PlainOutput),
        ("plain", {}, PlainOutput, PlainOutput),
        ("json", {}, JsonLinesOutput, JsonLinesOutput),
        (None, {"GITHUB_ACTIONS": "true"}, GitHubOutput, GitHubOutput),
        (None, {"GITHUB_ACTIONS": "false"}, LiveOutput, PlainOutput),
    ],
)
def test_choose_output_fits_terminal_and_environment(requested, environment, on_terminal, on_pipe):
    with Terminal() as terminal:
        console = Console(terminal.out, io.StringIO(), environment)
        assert type(choose_output(requested, console)) is on_terminal
    console = Console(io.StringIO(), io.StringIO(), environment)
    assert type(choose_output(requested, console)) is on_pipe


def test_choose_output_with_timestamps_prefers_lines():
    with Terminal() as terminal:
        console = Console(terminal.out, io.StringIO(), {})
        assert type(choose_output(None, console, timestamps=True)) is PlainOutput


def test_choose_live_output_without_a_terminal_says_what_happens_instead():
    err = io.StringIO()
    choose_output("live", Console(io.StringIO(), err, {"TERM": "dumb"}))
    assert err.getvalue() == "Live output needs a terminal; showing plain lines instead.\n"


def test_choose_unknown_output_suggests_one():
    with pytest.raises(UsageError) as caught:
        choose_output("jsno", Console(io.StringIO(), io.StringIO(), {}))
    assert caught.value.hint == 'did you mean "json"?'
