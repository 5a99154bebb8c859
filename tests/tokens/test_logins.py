"""Where logins are kept, in every situation a keyring can be in; each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.fixtures.cli import isolated_environment

_PROGRAM = """
import json, os, sys
from pathlib import Path
from rocketship.errors import RocketshipError
from rocketship.settings.tokens import token_settings
from rocketship.tokens.logins import Logins
from tests.contracts.token_store import LOGIN

warnings = []
try:
    choice = token_settings(os.environ).store
    logins = Logins(Path(sys.argv[1]), choice, warnings.append)
    where = logins.save("p", LOGIN)
    kept = Logins(Path(sys.argv[1]), choice, warnings.append).load("p") == LOGIN
    text = Path(sys.argv[1], "p.json").read_text()
    logins.delete("p")
    print(json.dumps([where.split(" ")[0], kept, "refresh-token" in text, warnings]))
    assert Logins(Path(sys.argv[1]), choice, warnings.append).load("p") is None
except RocketshipError as error:
    print(json.dumps([error.code, error.message]))
"""


def keep(tmp_path: Path, env: Mapping[str, str]) -> list[object]:
    """Save, load and delete a login in a process with such an environment."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "tokens")],
        env=isolated_environment(tmp_path / "home") | dict(env),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    found: list[object] = json.loads(done.stdout)
    return found


IN_FILE = ["files", True, True, []]
IN_KEYRING = ["the", True, False, []]


def test_secret_service_keeps_logins(tmp_path: Path, system_keyring: dict[str, str]) -> None:
    assert keep(tmp_path, system_keyring) == IN_KEYRING


def test_secret_service_is_not_used_when_files_are_asked_for(
    tmp_path: Path, system_keyring: dict[str, str]
) -> None:
    assert keep(tmp_path, {**system_keyring, "ROCKETSHIP_TOKEN_STORE": "file"}) == IN_FILE


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus"},
        {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"},
        {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
        {"PYTHON_KEYRING_BACKEND": "no.such.Keyring"},
        {"PYTHON_KEYRING_BACKEND": "tests.tokens.odd_keyrings.PlainText"},
        {"PYTHON_KEYRING_BACKEND": "tests.tokens.odd_keyrings.Forgetful"},
        {"PYTHON_KEYRING_BACKEND": "tests.tokens.odd_keyrings.Locked"},
        {"PYTHON_KEYRING_BACKEND": "tests.tokens.odd_keyrings.SmallEntries"},
    ],
    ids=lambda env: next(iter(env.values()), "no D-Bus").rpartition(".")[2],
)
def test_without_a_keyring_that_works_logins_are_kept_in_files(
    tmp_path: Path, env: dict[str, str]
) -> None:
    assert keep(tmp_path, env) == IN_FILE


def test_without_a_keyring_that_works_one_that_is_asked_for_is_missed(tmp_path: Path) -> None:
    code, message = keep(tmp_path, {"ROCKETSHIP_TOKEN_STORE": "keyring"})

    assert (code, message) == ("settings", "there is no keyring that keeps secrets here")


def test_setting_that_means_nothing_is_refused(tmp_path: Path) -> None:
    code, message = keep(tmp_path, {"ROCKETSHIP_TOKEN_STORE": "vault"})

    assert code == "settings"
    assert message == "ROCKETSHIP_TOKEN_STORE=vault: expected one of auto, keyring, file"
