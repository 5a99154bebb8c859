from __future__ import annotations

import time

from rocketship.run.stopwatch import Stopwatch


def test_stopwatch_counts_what_happened_in_an_earlier_process():
    assert Stopwatch(time.time() - 100).seconds >= 100


def test_stopwatch_of_a_moment_that_is_still_to_come_begins_now():
    watch = Stopwatch(time.time() + 3600)
    first = watch.seconds
    assert 0 <= first <= watch.seconds < 3600
