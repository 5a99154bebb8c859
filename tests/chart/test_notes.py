"""What is printed after an installation can be typed as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from rocketship.cli.app import build
from rocketship.client.address import parse_address
from tests.fixtures.helm import PRESETS, notes

#: The command that makes a profile, by preset.
PROFILES = {
    "": "rocketship profile create rocketship grpc://127.0.0.1:7700 --use",
    "minikube": "rocketship profile create rocketship grpc://$HOST:$PORT --use",
    "production": "rocketship profile create rocketship grpcs://globalbank.rocketship.sh --use",
    "grpc": "rocketship profile create rocketship grpcs://grpc.rocketship.example.com --use",
    "grpc-nlb": "rocketship profile create rocketship grpcs://$HOST:443 --use",
    "oidc-web": "rocketship profile create rocketship grpc://127.0.0.1:7700 --use",
    "gateway": "rocketship profile create rocketship grpcs://grpc.rocketship.example.com --use",
}


@pytest.mark.parametrize("preset", ["", *PRESETS])
def test_notes_tell_how_to_connect(tmp_path: Path, preset: str) -> None:
    text = notes(tmp_path, *filter(None, [preset]))

    assert PROFILES[preset] in [line.strip() for line in text.splitlines()]
    assert "rocketship run suite.yaml" in text
    assert len(text.splitlines()) <= 40
    assert all(len(line) <= 160 for line in text.splitlines())


@pytest.mark.parametrize("preset", ["", *PRESETS])
def test_notes_name_commands_there_are(tmp_path: Path, preset: str) -> None:
    text = notes(tmp_path, *filter(None, [preset])).replace("$HOST:$PORT", "h:1")
    group = build()

    for line in re.findall(r"^ +rocketship (.*)$", text, re.MULTILINE):
        words = shlex.split(line.replace("$HOST", "h"))
        command = group.get_command(typer.Context(group), words[0])
        assert command is not None, line
        if words[:2] == ["profile", "create"]:
            assert parse_address(words[3])


def test_notes_warn_of_anonymous_access(tmp_path: Path) -> None:
    assert "WARNING: nobody is asked who they are" in notes(tmp_path / "1", "minikube")
    assert "WARNING" not in notes(tmp_path / "2", "production")


def test_notes_tell_where_tls_is_missing(tmp_path: Path) -> None:
    assert "ingress.tls.secretName is not set" in notes(tmp_path / "1", "grpc")
    assert "ingress.tls.secretName" not in notes(tmp_path / "2", "production")


def test_notes_tell_that_history_ends_with_the_pod(tmp_path: Path) -> None:
    text = notes(tmp_path, values={"engine.persistence.enabled": False})

    assert "History ends with the pod" in text


def test_notes_tell_that_nobody_works(tmp_path: Path) -> None:
    text = notes(tmp_path, "production", values={"worker.enabled": False})

    assert "worker.enabled is false" in text


def test_notes_tell_how_to_log_in(tmp_path: Path) -> None:
    assert "\n  rocketship login\n" in notes(tmp_path / "1", "oidc-web")
    assert "Secret rocketship-token" in notes(tmp_path / "2", "grpc")


def test_notes_use_the_names_of_the_release(tmp_path: Path) -> None:
    text = notes(tmp_path, release="team-a")

    assert "service/team-a-rocketship-engine 7700:7700 -n rockets" in text
    assert "profile create team-a " in text
