from __future__ import annotations

from pathlib import Path

import pytest

from rocketship.errors import SettingsError, UsageError
from rocketship.profiles.file import ConfigFile
from rocketship.profiles.model import Profile
from rocketship.profiles.resolve import Connection, Target, resolve

LAB = Profile("lab", engine="grpc://lab:7700")
PROD = Profile("prod", engine="grpcs://prod", ca_cert="ca.pem", tls_server_name="prod.internal")


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    """A configuration with two profiles, of which `lab` is active."""
    file = ConfigFile({"ROCKETSHIP_CONFIG_DIR": str(tmp_path)})
    file.update(lambda config: config.put(LAB).put(PROD).use("lab"))
    return file


def explain(target: Target) -> dict[str, tuple[str, str]]:
    return {item.label: (item.value, item.origin) for item in target.explain()}


def test_without_anything_this_machine_is_meant(tmp_path: Path):
    target = resolve(Connection(), {}, ConfigFile({"ROCKETSHIP_CONFIG_DIR": str(tmp_path)}))

    assert target.local
    assert explain(target)["Profile"] == ("local", "default")
    assert explain(target)["Engine"] == ("this machine", "default")


@pytest.mark.parametrize(
    ("connection", "environ", "engine"),
    [
        (Connection(), {}, "grpc://lab:7700"),
        (Connection(), {"ROCKETSHIP_PROFILE": "prod"}, "grpcs://prod"),
        (Connection(), {"ROCKETSHIP_ENGINE": "http://e"}, "http://e"),
        (Connection(), {"ROCKETSHIP_ENGINE": " "}, "grpc://lab:7700"),
        (Connection(profile="prod"), {"ROCKETSHIP_ENGINE": "http://e"}, "grpcs://prod"),
        (Connection(engine="o:1"), {"ROCKETSHIP_PROFILE": "prod"}, "o:1"),
        (Connection(profile="local"), {"ROCKETSHIP_PROFILE": "prod"}, ""),
        (Connection(auto=True), {"ROCKETSHIP_ENGINE": "http://e"}, ""),
    ],
)
def test_options_come_before_environment_and_that_before_the_active_profile(
    file: ConfigFile, connection: Connection, environ: dict[str, str], engine: str
):
    assert resolve(connection, environ, file).profile.engine == engine


def test_every_value_says_where_it_comes_from(file: ConfigFile):
    connection = Connection(profile="prod", tls_server_name="other", connect_timeout=2.5)

    told = explain(resolve(connection, {}, file))

    assert told == {
        "Profile": ("prod", "option --profile"),
        "Engine": ("grpcs://prod", 'profile "prod"'),
        "CA Certificate": (str(file.folder / "ca.pem"), 'profile "prod"'),
        "Certificate": ("none", "default"),
        "Key": ("none", "default"),
        "TLS Server Name": ("other", "option --tls-server-name"),
        "Skip Verify": ("no", "default"),
        "Connect Timeout": ("2.5s", "option --connect-timeout"),
    }


def test_active_profile_and_environment_are_named_as_origins(file: ConfigFile):
    assert explain(resolve(Connection(), {}, file))["Profile"] == (
        "lab",
        f"active profile, {file.path}",
    )
    told = explain(resolve(Connection(), {"ROCKETSHIP_ENGINE": "h"}, file))
    assert told["Engine"] == ("h", "environment, ROCKETSHIP_ENGINE")
    assert told["Profile"][0] == "none"


def test_address_by_itself_brings_nothing_of_a_profile_with_it(file: ConfigFile):
    file.update(lambda config: config.use("prod"))

    assert resolve(Connection(engine="grpcs://prod"), {}, file).profile == Profile(
        "", engine="grpcs://prod"
    )


def test_files_of_options_are_relative_to_the_current_folder(
    file: ConfigFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    target = resolve(Connection(engine="grpcs://h", client_cert="c.pem"), {}, file)

    assert target.profile.client_cert == str(tmp_path / "c.pem")


@pytest.mark.parametrize(
    ("connection", "environ", "message"),
    [
        (Connection(engine="h", profile="lab"), {}, "--engine and --profile both say"),
        (
            Connection(),
            {"ROCKETSHIP_ENGINE": "h", "ROCKETSHIP_PROFILE": "lab"},
            "ROCKETSHIP_ENGINE and ROCKETSHIP_PROFILE both say",
        ),
        (Connection(auto=True, engine="h"), {}, "--auto uses an engine in this process"),
        (Connection(profile="lap"), {}, 'no profile "lap"'),
        (Connection(profile="local", ca_cert="c"), {}, "--ca-cert is about an engine"),
        (Connection(auto=True, insecure_skip_verify=True), {}, "--insecure-skip-verify is about"),
    ],
)
def test_contradictions_are_refused(
    file: ConfigFile, connection: Connection, environ: dict[str, str], message: str
):
    with pytest.raises(UsageError, match=message):
        resolve(connection, environ, file)


def test_damaged_file_matters_only_to_those_who_need_it(file: ConfigFile):
    file.path.write_text("?")

    assert resolve(Connection(engine="h"), {}, file).profile.engine == "h"
    assert resolve(Connection(profile="local"), {}, file).local
    with pytest.raises(SettingsError):
        resolve(Connection(), {}, file)
