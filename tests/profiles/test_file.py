from __future__ import annotations

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from rocketship.errors import SettingsError, UsageError
from rocketship.profiles.file import ConfigFile, config_dir
from rocketship.profiles.model import Config, Profile


def open_file(folder: Path) -> ConfigFile:
    return ConfigFile({"ROCKETSHIP_CONFIG_DIR": str(folder)})


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def add(folder: Path, name: str) -> None:
    open_file(folder).update(lambda config: config.put(Profile(name, engine=f"grpc://{name}")))


def test_folder_is_the_configured_one_or_the_platforms(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.platform", "linux")
    assert config_dir({"ROCKETSHIP_CONFIG_DIR": "/c"}) == Path("/c")
    assert config_dir({"XDG_CONFIG_HOME": "/x"}) == Path("/x/rocketship")
    assert config_dir({}) == Path("~/.config/rocketship").expanduser()


def test_reading_without_a_file_makes_nothing(tmp_path: Path):
    assert open_file(tmp_path / "c").load() == Config()
    assert list(tmp_path.iterdir()) == []


def test_file_and_folder_are_for_their_owner_alone(tmp_path: Path):
    folder = tmp_path / "a" / "c"

    add(folder, "lab")

    assert mode(folder) == 0o700
    assert {path.name: mode(path) for path in folder.iterdir()} == {
        "config.toml": 0o600,
        "config.lock": 0o600,
    }


def test_change_that_fails_leaves_the_file_as_it_was(tmp_path: Path):
    add(tmp_path, "lab")
    before = (tmp_path / "config.toml").read_bytes()

    with pytest.raises(UsageError):
        open_file(tmp_path).update(lambda config: config.use("lap"))

    assert (tmp_path / "config.toml").read_bytes() == before


def test_linked_file_is_changed_where_it_is(tmp_path: Path):
    elsewhere = tmp_path / "dotfiles.toml"
    elsewhere.write_text("")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "config.toml").symlink_to(elsewhere)

    add(tmp_path / "c", "lab")

    assert (tmp_path / "c" / "config.toml").is_symlink()
    assert "grpc://lab" in elsewhere.read_text()


def test_processes_that_change_it_at_once_lose_nothing(tmp_path: Path):
    names = [f"p{number}" for number in range(6)]
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=add, args=(tmp_path, name)) for name in names]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert open_file(tmp_path).load().names == ("local", *names)


def test_unusable_file_or_folder_is_named(tmp_path: Path):
    (tmp_path / "config.toml").write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"config\.toml: this is not UTF-8 text"):
        open_file(tmp_path).load()
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be written"):
        add(tmp_path / "file", "lab")


def older(folder: Path, **document: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    path.write_text(json.dumps(document))
    return path


def entry(address: str, **tls: object) -> dict[str, object]:
    return {"engine_address": address, "tls": tls, "auth": {"issuer": "https://i"}}


def test_file_of_the_original_tool_is_taken_over_once(tmp_path: Path):
    path = older(
        tmp_path,
        default_profile="prod",
        profiles={
            "prod": entry("h.example.com:443", enabled=True, domain="other.example.com"),
            "lab": entry("lab:7700", enabled=False, domain="lab"),
        },
    )
    file = open_file(tmp_path)

    config = file.load()
    path.unlink()

    assert file.notes == [f"Took 2 profiles over from {path}."]
    assert config.active == "prod"
    assert config.find("prod") == Profile(
        "prod", "grpcs://h.example.com:443", tls_server_name="other.example.com"
    )
    assert config.find("lab") == Profile("lab", "grpc://lab:7700")
    again = open_file(tmp_path)
    assert (again.load(), again.notes) == (config, [])


def test_names_the_original_allowed_become_ours(tmp_path: Path):
    older(
        tmp_path,
        default_profile="local",
        profiles={"My Lab!": entry("::1:7700"), "local": entry("localhost:7700"), "x": entry("")},
    )
    file = open_file(tmp_path)

    config = file.load()

    assert config.active == "local-server"
    assert config.find("my-lab").engine == "grpc://[::1]:7700"
    assert 'The profile "My Lab!" is now called "my-lab".' in file.notes
    assert any("could not be taken over" in note for note in file.notes)


def test_vendors_profile_of_the_original_becomes_local(tmp_path: Path):
    older(tmp_path, default_profile="default", profiles={"lab": entry("lab:7700")})

    assert open_file(tmp_path).load().active == "local"


def test_file_of_the_original_is_found_in_its_own_folder(tmp_path: Path):
    older(tmp_path / "Rocketship", profiles={"lab": entry("lab:7700")})

    config = ConfigFile({"XDG_CONFIG_HOME": str(tmp_path)}).load()

    assert config.names == ("local", "lab")
    assert (tmp_path / "rocketship" / "config.toml").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"profiles": 1}', '{"profiles": {"a": 1}}'])
def test_file_of_the_original_that_is_damaged_is_named(tmp_path: Path, text: str):
    (tmp_path / "config.json").write_text(text)

    with pytest.raises(SettingsError, match=r"config\.json is not a configuration"):
        open_file(tmp_path).load()


def test_where_nothing_can_be_written_profiles_are_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    older(tmp_path, profiles={"lab": entry("lab:7700")})

    def refuse(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied", "x")

    monkeypatch.setattr(os, "open", refuse)

    assert open_file(tmp_path).load().names == ("local", "lab")
