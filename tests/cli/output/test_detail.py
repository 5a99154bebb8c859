from __future__ import annotations

from rocketship.cli.output.detail import Detail
from rocketship.profiles.resolve import Connection

RUN = "01m8adevzv6xabcdefghjkmnpq"


def test_detail_in_short_names_the_command_that_shows_the_rest():
    assert Detail().limits(RUN).rest == "rocketship get 01m8adevzv6x --full"


def test_detail_of_an_engine_elsewhere_names_where_it_is():
    connection = Connection(engine="https://h", profile="my team")
    command = "rocketship get 01m8adevzv6x --full --engine https://h --profile 'my team'"
    assert Detail(connection=connection).limits(RUN).rest == command


def test_detail_in_full_leaves_nothing_out():
    limits = Detail(full=True).limits(RUN)
    assert (limits.rest, limits.lines > 100_000) == ("", True)
