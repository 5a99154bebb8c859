"""`rocketship token generate`: what it makes is what an engine takes."""

from __future__ import annotations

import hashlib

from tests.fixtures.workbench import Workbench


def test_token_is_new_each_time_and_tells_what_it_is(bench: Workbench) -> None:
    first, second = (bench.run("token", "generate") for _ in range(2))

    assert (first.code, first.err) == (0, "")
    assert first.out.startswith("rst_self_")
    assert len(first.out.strip()) > 40
    assert first.out != second.out


def test_hash_is_the_entry_of_a_token_file(bench: Workbench) -> None:
    token, entry = bench.run("token", "generate", "--hash", "--name", "ci").out.splitlines()

    assert entry == f"ci:sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def test_name_that_cannot_stand_in_a_token_file_is_refused(bench: Workbench) -> None:
    assert bench.run("token", "generate", "--name", "a:b").code == 2
