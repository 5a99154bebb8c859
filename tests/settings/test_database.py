from __future__ import annotations

from pathlib import Path

import pytest

from rocketship.errors import SettingsError
from rocketship.settings.engine import engine_settings, server_engine_settings

URL = "postgresql://me:pa%24%24word@db.example:5433/history?sslmode=require"


def test_history_is_a_file_unless_a_database_is_given() -> None:
    assert server_engine_settings({}).database is None
    assert server_engine_settings({"ROCKETSHIP_DATABASE_URL": " "}).database is None


def test_database_is_read_and_shows_no_secret() -> None:
    environ = {"ROCKETSHIP_DATABASE_URL": URL, "ROCKETSHIP_ENCRYPTION_KEY": "k"}

    found = server_engine_settings(environ).database

    assert found is not None
    assert found.url.reveal() == URL
    assert found.password.reveal() == "pa$$word"
    assert "pa" not in repr(found).replace("password", "")


def test_database_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "url"
    path.write_text(f"{URL}\n", "utf-8")
    environ = {"ROCKETSHIP_DATABASE_URL_FILE": str(path), "ROCKETSHIP_ENCRYPTION_KEY": "k"}

    found = server_engine_settings(environ).database

    assert found is not None
    assert found.url.reveal() == URL


def test_shared_database_needs_a_shared_key() -> None:
    with pytest.raises(SettingsError, match="ROCKETSHIP_ENCRYPTION_KEY is missing"):
        server_engine_settings({"ROCKETSHIP_DATABASE_URL": URL})


@pytest.mark.parametrize("url", ["mysql://me:secret@h/d", "history.db", "postgresql://[::1/secret"])
def test_url_of_something_else_is_refused_and_not_repeated(url: str) -> None:
    environ = {"ROCKETSHIP_DATABASE_URL": url, "ROCKETSHIP_ENCRYPTION_KEY": "k"}

    with pytest.raises(SettingsError, match="postgresql://USER") as caught:
        server_engine_settings(environ)
    assert "secret" not in str(caught.value)


def test_single_command_keeps_its_own_history() -> None:
    environ = {"ROCKETSHIP_DATABASE_URL": URL}

    assert engine_settings(environ, default_recovery="cleanup").database is None
