from __future__ import annotations

import re
import uuid

import pytest

from rocketship.errors import TemplateError
from rocketship.template.functions import FILTERS, GENERATORS
from rocketship.template.render import render
from rocketship.template.scope import Scope
from rocketship.values import Json


def apply(text: str, value: Json = None) -> Json:
    return render(text, Scope(saved={"v": value}, vars={"n": "2"}))


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        ("{{ v | json }}", {"b": "é", "a": [1, None]}, '{"b":"é","a":[1,null]}'),
        ("{{ v | json }}", 'say "x"', '"say \\"x\\""'),
        ("{{ v | base64 }}", "user:pässword", "dXNlcjpww6Rzc3dvcmQ="),
        ("{{ v | base64decode }}", "dXNlcjpww6Rzc3dvcmQ=", "user:pässword"),
        ("{{ v | base64decode }}", "dXNlcjpww6Rzc3dvcmQ", "user:pässword"),
        ("{{ v | base64decode }}", "Pz8_Pj4-", "???>>>"),
        ("{{ v | base64decode }}", "", ""),
        ("{{ v | urlencode }}", "a b&c/d?é", "a%20b%26c%2Fd%3F%C3%A9"),
        ("{{ v | upper }}", "aé", "AÉ"),
        ("{{ v | lower }}", "AÉ", "aé"),
        ("{{ v | upper }}", True, "TRUE"),
        ("{{ v | trim }}", " \n a b\t", "a b"),
        (
            "{{ v | sha256 }}",
            "abc",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        (
            '{{ v | hmac_sha256 "Jefe" }}',
            "what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        ("{{ v | length }}", "aé", 2),
        ("{{ v | length }}", [1, 2, 3], 3),
        ("{{ v | length }}", {"a": 1}, 1),
        ("{{ v | upper | base64 }}", "a", "QQ=="),
        ("{{ v | base64 }}", "\ud800", "Pw=="),
    ],
)
def test_filter_gives_the_expected_value(template, value, expected):
    assert apply(template, value) == expected


@pytest.mark.parametrize(
    ("template", "value", "message"),
    [
        ("{{ v | base64decode }}", "abc!", '"base64decode" failed: the value is not base64'),
        ("{{ v | base64decode }}", "a", '"base64decode" failed: the value is not base64'),
        ("{{ v | base64decode }}", "/w==", '"base64decode" failed: the value is not base64'),
        ("{{ v | length }}", 5, '"length" failed: a number has no length'),
        ("{{ random_int 5 1 }}", None, "there is no number from 5 to 1"),
        ("{{ random_int 'x' 1 }}", None, 'expected a whole number, found "x"'),
        ("{{ random_int 1 1.5 }}", None, "expected a whole number, found 1.5"),
        ("{{ random_string -1 }}", None, "the length must be between 0 and 100000"),
        ("{{ random_string 100001 }}", None, "the length must be between 0 and 100000"),
        ("{{ now 5 }}", None, 'expected "unix", "rfc3339" or a layout'),
    ],
)
def test_function_with_unusable_value_fails_with_a_reason(template, value, message):
    with pytest.raises(TemplateError) as caught:
        apply(template, value)
    assert message in caught.value.message


def test_uuid_is_random_and_well_formed():
    first, second = apply("{{ uuid }}"), apply("{{ uuid }}")
    assert uuid.UUID(str(first)).version == 4
    assert first != second


def test_random_int_includes_both_ends():
    assert {apply("{{ random_int 1 3 }}") for _ in range(200)} == {1, 2, 3}


def test_random_int_accepts_numbers_in_text():
    assert apply("{{ random_int .vars.n 2 }}") == 2
    assert apply("{{ random_int 2.0 2 }}") == 2


def test_random_string_has_the_length_and_alphabet():
    assert re.fullmatch(r"[a-z0-9]{40}", str(apply("{{ random_string 40 }}")))


@pytest.mark.parametrize("template", ["{{ now }}", "{{ now rfc3339 }}", '{{ now "RFC3339" }}'])
def test_now_is_rfc3339_by_default(template):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", str(apply(template)))


@pytest.mark.parametrize("template", ["{{ now unix }}", '{{ now "unix" }}'])
def test_now_unix_is_a_number_of_seconds(template):
    seconds = apply(template)
    assert isinstance(seconds, int)
    assert seconds > 1_700_000_000


def test_now_with_layout_shows_the_date():
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(apply('{{ now "2006-01-02" }}')))


def test_every_function_is_documented():
    for name, function in [*FILTERS.items(), *GENERATORS.items()]:
        assert function.usage.startswith(name)
        assert function.doc.endswith(".")
