"""Which suites are stored sealed: those with a telling word, in any case, or a user in a URL."""

from __future__ import annotations

import pytest

from rocketship.engine.sealed_spec import may_hold_secrets
from rocketship.run.spec import RunSpec

PLUGINS = ("http", "log")


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic x",
        "redact: true",
        "clientSecret: s3",
        "PASSWORD: x",
        "X-Api-Key: x",
        "url: http://ada:lovelace@rockets.example",
        "message: '{{ .env.HOME }}'",
        r'message: "\u0070ass"',
    ],
)
def test_suite_with_a_telling_word_may_hold_secrets(text: str) -> None:
    assert may_hold_secrets(RunSpec(file="a.yaml", source=text.encode()), PLUGINS)
    assert may_hold_secrets(RunSpec(file="a.yaml", source=b"", vars={"said": text}), PLUGINS)


@pytest.mark.parametrize(
    "text",
    ["url: http://rockets.example/", "message: at @noon /@home", "message: .environment", ""],
)
def test_suite_without_one_holds_none(text: str) -> None:
    assert not may_hold_secrets(RunSpec(file="a.yaml", source=text.encode()), PLUGINS)


def test_suite_with_a_plugin_of_others_may_hold_secrets() -> None:
    assert may_hold_secrets(RunSpec(file="a.yaml", source=b""), ("http", "ours"))
