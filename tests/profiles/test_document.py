from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketship.errors import SettingsError
from rocketship.profiles.document import format_config, parse_config
from rocketship.profiles.model import Config, Profile, is_name

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True).filter(
    lambda name: is_name(name) and name != "local"
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
PROFILES = st.builds(
    Profile,
    NAMES,
    engine=TEXTS.filter(bool),
    ca_cert=TEXTS,
    client_cert=TEXTS,
    client_key=TEXTS,
    tls_server_name=TEXTS,
    insecure_skip_verify=st.booleans(),
)


@given(st.lists(PROFILES, max_size=4), st.data())
def test_configuration_survives_being_written_and_read(
    profiles: list[Profile], data: st.DataObject
):
    config = Config(profiles={profile.name: profile for profile in profiles})
    config = config.use(data.draw(st.sampled_from(config.names)))

    assert parse_config(format_config(config), "config.toml") == config


def test_document_has_only_keys_that_say_something():
    config = Config("a.b", {"a.b": Profile("a.b", "grpc://h", insecure_skip_verify=True)})

    assert format_config(config).splitlines()[1:] == [
        'active = "a.b"',
        "",
        '[profiles."a.b"]',
        'engine = "grpc://h"',
        "insecure_skip_verify = true",
    ]


def test_empty_document_is_an_empty_configuration():
    assert parse_config("", "config.toml") == Config()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("active 1", "c.toml: Expected '=' after a key", "correct the line"),
        ("actif = 'local'", "c.toml: actif: unknown key", 'did you mean "active"?'),
        ("active = 'labb'\n[profiles.lab]\nengine = 'h'", 'no profile "labb"', 'mean "lab"?'),
        ("active = [1]", "c.toml: active: there is no profile [1]", "known: local"),
        ("profiles = 1", "c.toml: profiles: expected tables", None),
        ("profiles.lab = 1", "c.toml: profiles.lab: expected a table", None),
        ("[profiles.Lab]\nengine = 'h'", '"Lab" is no name for a profile', "another name"),
        ("[profiles.local]\nengine = 'h'", '"local" is built in', "another name"),
        ("[profiles.lab]\nengin = 'h'", "profiles.lab.engin: unknown key", 'mean "engine"?'),
        ("[profiles.lab]\nname = 'h'", "profiles.lab.name: unknown key", "known: engine"),
        ("[profiles.lab]\nengine = 1", "profiles.lab.engine: expected text in quotes", None),
        (
            "[profiles.lab]\nengine = 'h'\ninsecure_skip_verify = 'yes'",
            "insecure_skip_verify: expected true or false",
            None,
        ),
        ("[profiles.lab]", "profiles.lab: the address is missing", "add a line such as"),
    ],
)
def test_document_that_says_something_else_is_refused(text: str, message: str, hint: str | None):
    with pytest.raises(SettingsError) as caught:
        parse_config(text, "c.toml")
    assert message in caught.value.message
    assert (hint or "") in (caught.value.hint or "")
