"""What a worker is told by its environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocketship.errors import SettingsError
from rocketship.settings.reader import Address
from rocketship.settings.worker import (
    DEFAULT_GRACE_SECONDS,
    MAX_LABELS,
    SLOTS_PER_CORE,
    worker_settings,
)


def test_worker_has_defaults_that_fit_the_machine() -> None:
    settings = worker_settings({})

    assert settings.slots == SLOTS_PER_CORE * (os.cpu_count() or 1)
    assert settings.grace_seconds == DEFAULT_GRACE_SECONDS
    assert settings.labels == ()
    assert settings.http is None
    assert not settings.token.reveal()


def test_worker_is_as_its_environment_says(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("xyzzy-token\n", encoding="utf-8")
    settings = worker_settings(
        {
            "ROCKETSHIP_WORKER_TOKEN_FILE": str(token),
            "ROCKETSHIP_WORKER_SLOTS": "7",
            "ROCKETSHIP_WORKER_GRACE": "1m30s",
            "ROCKETSHIP_WORKER_HTTP_ADDRESS": "0.0.0.0:7701",
            "ROCKETSHIP_LOG": "debug",
            "ROCKETSHIP_LOG_FORMAT": "json",
        }
    )

    assert settings.token.reveal() == "xyzzy-token"
    assert (settings.slots, settings.grace_seconds) == (7, 90.0)
    assert settings.http == Address("0.0.0.0", 7701)
    assert (settings.log_level, settings.log_format) == ("debug", "json")
    assert "xyzzy" not in repr(settings)


def test_labels_are_a_set_whatever_their_case_and_order() -> None:
    settings = worker_settings({"ROCKETSHIP_WORKER_LABELS": "GPU, eu-west,gpu , linux.x86_64"})

    assert settings.labels == ("eu-west", "gpu", "linux.x86_64")


@pytest.mark.parametrize("label", ["two words", "a:b", "-gpu", "gpu-", "größe"])
def test_label_that_is_none_is_refused_with_an_example(label: str) -> None:
    with pytest.raises(SettingsError) as caught:
        worker_settings({"ROCKETSHIP_WORKER_LABELS": f"eu-west,{label}"})

    assert f"ROCKETSHIP_WORKER_LABELS: {label.lower()!r} is not a label" in caught.value.message
    assert caught.value.hint
    assert "eu-west" in caught.value.hint


def test_more_labels_than_a_worker_can_listen_for_are_refused() -> None:
    labels = [f"l{number}" for number in range(MAX_LABELS + 1)]

    assert len(worker_settings({"ROCKETSHIP_WORKER_LABELS": ",".join(labels[1:])}).labels) == 5
    with pytest.raises(SettingsError, match=f"more than {MAX_LABELS} labels"):
        worker_settings({"ROCKETSHIP_WORKER_LABELS": ",".join(labels)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORKER_SLOTS", "0"),
        ("WORKER_SLOTS", "many"),
        ("WORKER_GRACE", "soon"),
        ("WORKER_HTTP_ADDRESS", "7701"),
        ("LOG", "loud"),
        ("LOG_FORMAT", "xml"),
        ("WORKER_TOKEN_FILE", "/nowhere/token"),
    ],
)
def test_value_that_cannot_be_used_is_named_with_its_setting(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        worker_settings({f"ROCKETSHIP_{name}": value})

    assert f"ROCKETSHIP_{name}" in caught.value.message
