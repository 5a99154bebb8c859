from __future__ import annotations

from pathlib import Path

import pytest

from rocketship import __version__
from rocketship.cli.doctor.check import Check, Outcome
from rocketship.cli.doctor.machine import machine_checks
from rocketship.cli.local_server.process import start_time
from rocketship.cli.local_server.record import Place, ServerRecord
from rocketship.profiles.file import ConfigFile
from rocketship.profiles.model import Profile
from rocketship.store.sqlite.store import FILE_NAME


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "ROCKETSHIP_CONFIG_DIR": str(tmp_path / "config"),
        "ROCKETSHIP_DATA_DIR": str(tmp_path / "data"),
    }


def check(environ: dict[str, str], name: str) -> Check:
    return {check.name: check for check in machine_checks(environ)}[name]


def test_fresh_machine_has_nothing_and_needs_nothing(environ: dict[str, str], tmp_path: Path):
    checks = list(machine_checks(environ))

    assert {check.outcome for check in checks} == {Outcome.OK}
    assert f"rocketship {__version__}" in checks[0].message
    assert list(tmp_path.iterdir()) == []


def test_settings_are_counted(environ: dict[str, str], tmp_path: Path):
    assert check(environ, "settings").message == "2 ROCKETSHIP_ variables are set"
    del environ["ROCKETSHIP_DATA_DIR"]
    environ["XDG_DATA_HOME"] = str(tmp_path / "share")
    assert check(environ, "settings").message == "1 ROCKETSHIP_ variable is set"


def test_setting_that_cannot_be_used_is_a_failure(environ: dict[str, str]):
    found = check(environ | {"ROCKETSHIP_ENGINE_GRPC_ADRESS": "x"}, "settings")

    assert found.outcome is Outcome.FAILED
    assert found.hint == 'did you mean "ROCKETSHIP_ENGINE_GRPC_ADDRESS"?'


def test_configuration_is_counted_or_found_damaged(environ: dict[str, str]):
    file = ConfigFile(environ)
    file.update(lambda config: config.put(Profile("lab", engine="grpc://lab")).use("lab"))
    assert check(environ, "configuration").message == f'{file.path}: 1 profile, active "lab"'

    file.path.write_text("active = 1")

    assert check(environ, "configuration").outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("mode", "message"), [(0o644, "can be read by others"), (0o622, "can be changed by others")]
)
def test_file_that_others_can_use_is_worth_a_warning(
    environ: dict[str, str], mode: int, message: str
):
    file = ConfigFile(environ)
    file.update(lambda config: config)
    file.path.chmod(mode)

    found = check(environ, "permissions")

    assert (found.outcome, found.hint) == (Outcome.WARNING, f"chmod 600 '{file.path}'")
    assert message in found.message


def test_history_that_is_no_database_is_a_failure(environ: dict[str, str], tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FILE_NAME).write_text("no database at all, but text" * 100)

    found = check(environ, "data")

    assert found.outcome is Outcome.FAILED
    assert "ROCKETSHIP_DATA_DIR" in found.hint


def test_local_server_of_another_version_should_be_restarted(environ: dict[str, str]):
    import os

    place = Place(environ)
    with place.held() as nonce:
        assert check(environ, "local server").message == "it is starting or stopping right now"
        pid = os.getpid()
        place.publish(ServerRecord(pid, start_time(pid), nonce, "grpc://g", "http://h", "0.0.1"))
        found = check(environ, "local server")

    assert found.outcome is Outcome.WARNING
    assert found.message == f"process {pid} at grpc://g, web pages at http://h is of version 0.0.1"
