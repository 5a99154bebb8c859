from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rocketship.template.layout import format_time

MORNING = datetime(2024, 3, 5, 7, 8, 9, 120_000, tzinfo=UTC)
EVENING = datetime(2024, 12, 25, 19, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("2006-01-02", "2024-03-05"),
        ("15:04:05", "07:08:09"),
        ("2006-01-02T15:04:05Z07:00", "2024-03-05T07:08:09Z"),
        ("2006-01-02T15:04:05.000Z07:00", "2024-03-05T07:08:09.120Z"),
        ("15:04:05.999999999", "07:08:09.12"),
        ("15:04:05.000000000", "07:08:09.120000000"),
        ("15:04:05,000", "07:08:09,120"),
        ("Mon, 02 Jan 2006 15:04:05 MST", "Tue, 05 Mar 2024 07:08:09 UTC"),
        ("Mon, 02 Jan 2006 15:04:05 -0700", "Tue, 05 Mar 2024 07:08:09 +0000"),
        ("2006-01-02 15:04:05-07:00", "2024-03-05 07:08:09+00:00"),
        ("Monday, January 2, 2006", "Tuesday, March 5, 2024"),
        ("Mon Jan _2 15:04:05 2006", "Tue Mar  5 07:08:09 2024"),
        ("1/2/06 3:4:5 pm", "3/5/24 7:8:9 am"),
        ("02.01.2006", "05.03.2024"),
        ("20060102150405", "20240305070809"),
        ("002", "065"),
        ("3:04PM", "7:08AM"),
        ("no time at all", "no time at all"),
        ("", ""),
    ],
)
def test_format_time_layout_shows_the_moment(layout, expected):
    assert format_time(MORNING, layout) == expected


@pytest.mark.parametrize(
    ("layout", "expected"),
    [("03:04 PM", "07:00 PM"), ("15:04:05.999", "19:00:00"), ("January _2", "December 25")],
)
def test_format_time_in_the_evening_shows_the_moment(layout, expected):
    assert format_time(EVENING, layout) == expected
