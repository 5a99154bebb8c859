"""Which Temporal is meant, as the environment says."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketship.errors import SettingsError
from rocketship.settings.temporal import (
    DEFAULT_DEV_PORT,
    DEFAULT_HEARTBEAT_SECONDS,
    DEFAULT_QUEUE_PREFIX,
    chosen_backend,
    temporal_settings,
)


def test_runs_are_carried_out_in_the_engine_unless_temporal_is_chosen() -> None:
    assert chosen_backend({}) == "embedded"
    assert chosen_backend({"ROCKETSHIP_BACKEND": "temporal"}) == "temporal"
    with pytest.raises(SettingsError, match="ROCKETSHIP_BACKEND"):
        chosen_backend({"ROCKETSHIP_BACKEND": "celery"})


def test_nothing_said_means_a_server_for_development_without_tls() -> None:
    settings = temporal_settings({})

    assert (settings.address, settings.namespace, settings.profile) == ("", "", "")
    assert (settings.dev_port, settings.queue_prefix) == (DEFAULT_DEV_PORT, DEFAULT_QUEUE_PREFIX)
    assert settings.heartbeat_seconds == DEFAULT_HEARTBEAT_SECONDS
    assert not settings.tls


@pytest.mark.parametrize(
    ("given", "tls"),
    [
        ({}, False),
        ({"TLS": "true"}, True),
        ({"TLS_CA": "ca.pem"}, True),
        ({"TLS_CERT": "cert.pem", "TLS_KEY": "key.pem"}, True),
        ({"API_KEY": "xyzzy"}, True),
        ({"API_KEY": "xyzzy", "TLS": "false"}, False),
    ],
)
def test_tls_is_used_when_anything_of_it_is_given(given: dict[str, str], tls: bool) -> None:
    environ = {f"ROCKETSHIP_TEMPORAL_{name}": value for name, value in given.items()}

    assert temporal_settings(environ).tls is tls


def test_files_and_names_are_taken_as_they_are(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("xyzzy-key\n", encoding="utf-8")
    settings = temporal_settings(
        {
            "ROCKETSHIP_TEMPORAL_ADDRESS": "temporal.example:7233",
            "ROCKETSHIP_TEMPORAL_NAMESPACE": "shop",
            "ROCKETSHIP_TEMPORAL_API_KEY_FILE": str(key),
            "ROCKETSHIP_TEMPORAL_TLS_CERT": "cert.pem",
            "ROCKETSHIP_TEMPORAL_TLS_KEY": "key.pem",
            "ROCKETSHIP_TEMPORAL_TLS_SERVER_NAME": "inside",
            "ROCKETSHIP_TEMPORAL_QUEUE_PREFIX": "nightly",
            "ROCKETSHIP_HEARTBEAT_TIMEOUT": "1m",
        }
    )

    assert settings.address == "temporal.example:7233"
    assert (settings.namespace, settings.tls_server_name) == ("shop", "inside")
    assert settings.api_key.reveal() == "xyzzy-key"
    assert (settings.tls_ca, settings.tls_cert, settings.tls_key) == (
        None,
        Path("cert.pem"),
        Path("key.pem"),
    )
    assert (settings.queue_prefix, settings.heartbeat_seconds) == ("nightly", 60.0)
    assert "xyzzy" not in repr(settings)


@pytest.mark.parametrize(("given", "missing"), [("CERT", "KEY"), ("KEY", "CERT")])
def test_certificate_and_key_are_given_together(given: str, missing: str) -> None:
    with pytest.raises(SettingsError) as caught:
        temporal_settings({f"ROCKETSHIP_TEMPORAL_TLS_{given}": "a.pem"})

    assert caught.value.message == f"ROCKETSHIP_TEMPORAL_TLS_{missing} is missing"
    assert caught.value.hint == "a certificate and its key are given together"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEARTBEAT_TIMEOUT", "500ms"),
        ("HEARTBEAT_TIMEOUT", "often"),
        ("TEMPORAL_TLS", "maybe"),
        ("TEMPORAL_ADDRESS", "temporal.example"),
        ("TEMPORAL_DEV_PORT", "0"),
        ("TEMPORAL_DEV_PORT", "99999"),
        ("TEMPORAL_API_KEY_FILE", "/nowhere/key"),
    ],
)
def test_value_that_cannot_be_used_is_named_with_its_setting(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        temporal_settings({f"ROCKETSHIP_{name}": value})

    assert f"ROCKETSHIP_{name}" in caught.value.message
