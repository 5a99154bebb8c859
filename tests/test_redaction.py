from __future__ import annotations

import base64
import html
import json
import random
import shlex
import string
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rocketship.redaction import (
    STARS,
    Redactor,
    Secret,
    is_secret_header,
    url_passwords,
)
from rocketship.values import Json

ENCODINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "quote": quote,
    "quote all": lambda text: quote(text, safe=""),
    "quote_plus": quote_plus,
    "quote lower": lambda text: "".join(
        part.lower() if part.startswith("%") else part for part in _percent_parts(text)
    ),
    "json": lambda text: json.dumps(text)[1:-1],
    "json utf-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "json slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "html": html.escape,
    "xml": escape,
    "xml apostrophe": lambda text: escape(text, {'"': "&quot;", "'": "&apos;"}),
    "shell": lambda text: shlex.quote(text)[1:-1] if shlex.quote(text) != text else text,
    "json in shell": lambda text: shlex.quote(json.dumps(text))[2:-2],
    "json of go": lambda text: (
        json.dumps(text, ensure_ascii=False)[1:-1]
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    ),
    "html in json": lambda text: json.dumps(html.escape(text))[1:-1],
    "json in json": lambda text: _json_levels(text, 2),
    "json in json in json": lambda text: _json_levels(text, 3),
    "quote twice": lambda text: quote(quote(text, safe=""), safe=""),
    "json in quote": lambda text: quote(json.dumps(text)[1:-1], safe=""),
    "json in base64": lambda text: base64.b64encode(json.dumps(text)[1:-1].encode()).decode(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64url unpadded": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
}
secrets = st.text(st.characters(codec="utf-8"), min_size=4, max_size=60)


def _json_levels(text: str, levels: int) -> str:
    for _ in range(levels):
        text = json.dumps(text)[1:-1]
    return text


def _percent_parts(text: str) -> list[str]:
    quoted = quote(text, safe="")
    parts, index = [], 0
    while index < len(quoted):
        size = 3 if quoted[index] == "%" else 1
        parts.append(quoted[index : index + size])
        index += size
    return parts


@pytest.mark.parametrize("name", ENCODINGS)
@given(secret=secrets)
@example("a\nb'\"<&>é.*[")
@example("****")
@example("p@ss/w+rd?=&")
def test_encoded_secret_is_starred_completely(name: str, secret: str) -> None:
    encoded = ENCODINGS[name](secret)

    assert Redactor([secret]).text(f"({encoded})") == f"({STARS})"


@pytest.mark.parametrize("before", ["", "a", "ab"])
@given(secret=st.text(st.characters(codec="ascii"), min_size=9, max_size=60))
def test_base64_of_a_longer_text_hides_the_secret_at_every_offset(before: str, secret: str) -> None:
    for after in ("", "x", "xy"):
        encoded = base64.b64encode(f"{before}{secret}{after}".encode()).decode()

        shown = Redactor([secret]).text(encoded)

        # At most the character shared with each neighbour is left.
        assert STARS in shown
        assert len(shown.replace(STARS, "").rstrip("=")) <= 7


@given(parts=st.lists(st.text("abc", min_size=4, max_size=8), min_size=1, max_size=6))
def test_no_secret_survives_next_to_or_over_another(parts: list[str]) -> None:
    shown = Redactor(parts).text(f"<{'-'.join(parts)}>{''.join(parts)}")

    assert not any(part in shown for part in parts)


def test_overlapping_secrets_are_starred_together() -> None:
    assert Redactor(["abcdef", "defghi"]).text("x abcdefghi y") == f"x {STARS} y"


def test_neighbouring_secrets_leave_the_text_around_them() -> None:
    assert Redactor(["abcd", "wxyz"]).text("1abcd2wxyz3abcd") == f"1{STARS}2{STARS}3{STARS}"


@given(kept=st.integers(1, 11))
def test_beginning_of_a_secret_at_a_cut_is_starred(kept: int) -> None:
    body = "key=" + "s3cr3t-c4n4ry"[:kept]

    shown = Redactor(["s3cr3t-c4n4ry"]).json({"body": body, "truncated": True})

    assert shown == {"body": f"key={STARS}", "truncated": True}


@pytest.mark.parametrize("ellipsis", ["...", "…"])
def test_beginning_of_a_secret_before_an_ellipsis_is_starred(ellipsis: str) -> None:
    assert Redactor(["s3cr3t-c4n4ry"]).text(f"is s3cr3t{ellipsis}") == f"is {STARS}{ellipsis}"


def test_end_of_a_secret_after_an_ellipsis_is_starred() -> None:
    assert Redactor(["s3cr3t-c4n4ry"]).text("…c4n4ry is it") == f"…{STARS} is it"


def test_values_of_three_characters_are_left_alone() -> None:
    assert Redactor(["abc", ""]).text("abc") == "abc"


def test_lines_of_a_key_and_a_value_without_its_line_break_are_secret() -> None:
    redactor = Redactor(["first-line\r\nsecond-line\n"])

    assert redactor.text("second-line, first-line") == f"{STARS}, {STARS}"
    assert Redactor(["word\n"]).text("a word.") == f"a {STARS}."


@given(text=st.text(max_size=200))
def test_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert Redactor(["\x00never\x00"]).text(text) == text


@pytest.mark.parametrize("unit", ["a", "aaaab", "s3cr3t-c4n4r", "%2F"])
def test_ten_megabytes_take_seconds_at_most(unit: str) -> None:
    redactor = Redactor(["s3cr3t-c4n4ry", "aaaaaaab", "p@ss/word"])
    text = unit * (10_000_000 // len(unit))

    started = time.process_time()
    redactor.text(text, cut=True)

    assert time.process_time() - started < 5


def test_passwords_of_urls_are_found_anywhere_in_a_value() -> None:
    value: Json = {"dsn": ["postgres://ada:p%40ss@db/shop", "redis://:word@h", "https://h/a@b", 1]}

    assert set(url_passwords(value)) == {"p%40ss", "p@ss", "word"}


@pytest.mark.parametrize(
    "name",
    ["Authorization", "proxy-authorization", "COOKIE", "Set-Cookie", "X-Api-Key", "api-key"]
    + ["X-Auth-Token", "X-Vault-Token", "X-Amz-Security-Token", "X-Client-Secret"],
)
def test_headers_with_credentials_are_secret(name: str) -> None:
    assert is_secret_header(name)


@pytest.mark.parametrize("name", ["Accept", "WWW-Authenticate", "X-Token-Type", "Idempotency-Key"])
def test_other_headers_are_shown(name: str) -> None:
    assert not is_secret_header(name)


def test_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("s3cr3t")

    assert "s3cr3t" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "s3cr3t"
    assert (bool(secret), bool(Secret(""))) == (True, False)


@given(secret=st.text(st.characters(codec="ascii"), min_size=9, max_size=60))
def test_base64_of_basic_credentials_leaves_nothing_of_the_password(secret: str) -> None:
    for user in ("u", "us", "use"):
        encoded = base64.b64encode(f"{user}:{secret}".encode()).decode()

        shown = Redactor([secret]).text(encoded)

        known = base64.b64encode(f"{user}:".encode()).decode().rstrip("=")
        assert shown.endswith(STARS)
        assert len(shown) <= len(known) + len(STARS)


def test_thousands_of_secrets_are_found_as_a_few_are() -> None:
    chance = random.Random(7)
    secrets_of_a_run = ["".join(chance.choices(string.ascii_letters, k=20)) for _ in range(1000)]
    many = Redactor(secrets_of_a_run)

    for secret in secrets_of_a_run[::50]:
        alone = Redactor([secret])
        encoded = base64.b64encode(secret.encode()).decode()
        for text in (f"a {secret} b {encoded}", f"…{secret[5:]} b", f"a {secret[:9]}…", secret[3:]):
            assert many.text(text) == alone.text(text)
        assert many.text(f"a {secret[:2]}", cut=True) == alone.text(f"a {secret[:2]}", cut=True)
