from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path

import pytest

from rocketship.auth.caller import Kind, Principal
from rocketship.auth.tokens import (
    Entry,
    TokenFile,
    Tokens,
    TokenVerifier,
    generate_token,
    hashed,
    read_entries,
)
from rocketship.errors import SettingsError, Unauthenticated
from tests.fixtures.issuer import Clock

GOOD = "rst_self_" + "a" * 43
OTHER = "rst_self_" + "b" * 43


def find(text: str, token: str) -> str | None:
    found = Tokens(read_entries(text, "TOKENS", Kind.USER)).find(token)
    return found.name if found else None


def test_generated_tokens_differ_and_work() -> None:
    one, other = generate_token(), generate_token()

    assert one != other
    assert one.startswith("rst_self_")
    assert len(one) >= 9 + 43
    assert find(f"ci:{one}", one) == "ci"
    assert find(f"ci:{hashed(one)}", one) == "ci"


def test_single_token_needs_no_name() -> None:
    assert find(GOOD, GOOD) == "token"
    assert find(f"\n {GOOD} \n", GOOD) == "token"
    assert find(hashed(GOOD), GOOD) == "token"
    assert find(f"ci:{GOOD}", GOOD) == "ci"
    assert find(GOOD, OTHER) is None
    assert find(GOOD, GOOD + "a") is None
    assert find(GOOD, GOOD[:-1]) is None


def test_lines_are_names_with_tokens_or_digests() -> None:
    text = f"# who may\n\nci:{GOOD}\nops.team@x:{hashed(OTHER)}\r\n"

    assert find(text, GOOD) == "ci"
    assert find(text, OTHER) == "ops.team@x"
    # The digest itself opens nothing.
    assert find(text, hashed(OTHER)) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no token"),
        ("# only a comment\n", "there is no token"),
        (f"ci:{GOOD}\n{OTHER}", "line 2: has no name"),
        ("ci:two words", "is not a token"),
        ("ci:tökén-tökén", "is not a token"),
        ("ci:sha256:abc", "not followed by 64 hexadecimal digits"),
        ("rst_cloud_" + "a" * 43, "rst_cloud_, which is reserved"),
        ("ci:rst_cloud_" + "a" * 43, "rst_cloud_, which is reserved"),
        ("abc", "cut off, or easy to guess"),
        ("ci:", "is not a token"),
        ("rst_self_abc", "cut off, or easy to guess"),
        ("a" * 20_000, "larger than"),
    ],
)
def test_token_that_cannot_be_used_is_refused(text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as caught:
        read_entries(text, "TOKENS", Kind.USER)

    assert "a" * 20 not in caught.value.message


def test_token_without_prefix_works_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    assert find("hand-made-token", "hand-made-token") == "token"

    assert [record.getMessage() for record in caplog.records] == ["token_without_prefix"]
    assert "hand-made-token" not in str(vars(caplog.records[0]))


def test_every_entry_is_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    import hmac

    compared: list[bytes] = []
    genuine = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return genuine(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    text = "\n".join(f"n{number}:rst_self_{number:043}" for number in range(5))
    tokens = Tokens(read_entries(text, "TOKENS", Kind.USER))
    counts = []
    for number in (0, 4, 9):
        compared.clear()
        tokens.find(f"rst_self_{number:043}")
        counts.append(len(compared))

    assert counts == [5, 5, 5]


def test_cloud_token_is_refused_with_its_reason() -> None:
    verifier = TokenVerifier([Tokens([])])

    with pytest.raises(Unauthenticated, match="not for a self-hosted engine"):
        asyncio.run(verifier.verify("rst_cloud_x"))
    assert asyncio.run(verifier.verify("other")) is None


def test_entry_shows_no_token() -> None:
    entry = read_entries(GOOD, "TOKENS", Kind.USER)[0]

    assert isinstance(entry, Entry)
    assert GOOD not in repr(entry)


class Watched:
    """A token file and a clock that is moved by hand."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.clock = Clock()
        path.write_text(text, encoding="utf-8")
        # The file's own times say nothing, unless a test says what the time is.
        self.today = 0.0
        self.file = TokenFile(path, "TOKENS_FILE", Kind.USER, self.clock, lambda: self.today)

    def find(self, token: str) -> str | None:
        found = self.file.find(token)
        return found.name if found else None

    def pass_a_second(self) -> None:
        self.clock.now += 1
        self.file.find("")


def test_changed_file_is_read_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "tokens", f"ci:{GOOD}\n")

    watched.path.write_text(f"ci:{OTHER}\nops:{hashed(GOOD)}\n", encoding="utf-8")
    assert watched.find(GOOD) == "ci"
    watched.pass_a_second()
    watched.pass_a_second()

    assert (watched.find(GOOD), watched.find(OTHER)) == ("ops", "ci")


def test_token_that_was_removed_before_anybody_called_is_refused_at_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "tokens", f"ci:{GOOD}\n")

    watched.path.write_text(f"ci:{OTHER}\n", encoding="utf-8")
    watched.today = time.time() + 60
    watched.clock.now += 60

    assert watched.find(GOOD) is None


def test_replaced_file_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "v1").write_text(GOOD, encoding="utf-8")
    (tmp_path / "v2").write_text(OTHER, encoding="utf-8")
    link = tmp_path / "tokens"
    link.symlink_to("v1")
    clock = Clock()
    file = TokenFile(link, "TOKENS_FILE", Kind.USER, clock)

    # The way Kubernetes changes a mounted secret.
    (tmp_path / "new").symlink_to("v2")
    os.replace(tmp_path / "new", link)
    for _ in range(2):
        clock.now += 1
        file.find("")

    assert file.find(GOOD) is None
    assert file.find(OTHER) == Principal(Kind.USER, "token")


@pytest.mark.parametrize(
    "half", [b"", b"ci:", b"# soon\n", b"ci:rst_self_bbb", b"\xff\xfe", b"ci:sha256:0123"]
)
def test_half_written_file_keeps_the_old_tokens(
    tmp_path: Path, half: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    watched = Watched(tmp_path / "tokens", f"ci:{GOOD}\n")

    watched.path.write_bytes(half)
    for _ in range(5):
        watched.pass_a_second()

    assert watched.find(GOOD) == "ci"
    told = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage() for record in told] == ["tokens_not_reloaded"]


def test_file_that_goes_on_changing_is_read_when_it_has_settled(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "tokens", f"ci:{GOOD}\n")

    for size in range(10, len(OTHER) + 4, 10):
        watched.path.write_text(f"ci:{OTHER}"[:size], encoding="utf-8")
        watched.pass_a_second()
        assert watched.find(GOOD) == "ci"
    watched.path.write_text(f"ci:{OTHER}\n", encoding="utf-8")
    watched.pass_a_second()
    watched.pass_a_second()

    assert (watched.find(GOOD), watched.find(OTHER)) == (None, "ci")


def test_file_that_vanished_keeps_the_old_tokens(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "tokens", GOOD)

    watched.path.unlink()
    watched.pass_a_second()
    watched.pass_a_second()

    assert watched.find(GOOD) == "token"


@pytest.mark.parametrize("content", [None, b"", b"\xff"])
def test_file_that_cannot_be_used_from_the_start_is_an_error(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "tokens").write_bytes(content)

    with pytest.raises(SettingsError, match="TOKENS_FILE="):
        TokenFile(tmp_path / "tokens", "TOKENS_FILE", Kind.USER)
