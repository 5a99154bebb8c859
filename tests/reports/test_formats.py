from __future__ import annotations

import pytest

from rocketship.errors import UsageError
from rocketship.reports.formats import FORMATS, render
from tests.builders import make_result


@pytest.mark.parametrize("name", FORMATS)
def test_render_every_format_returns_a_document(name):
    assert render(name, [make_result()])


def test_render_unknown_format_suggests_the_nearest():
    with pytest.raises(UsageError, match='no report format "junti"') as caught:
        render("junti", [])
    assert caught.value.hint == 'did you mean "junit"?'


def test_render_far_off_format_lists_what_there_is():
    with pytest.raises(UsageError) as caught:
        render("spreadsheet", [])
    assert caught.value.hint == "known formats: html, json, junit, markdown, tap"
