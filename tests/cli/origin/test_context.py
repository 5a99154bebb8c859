from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from rocketship.cli.origin.context import Origin

SOURCE = b"name: Shop\n"


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A suite in a repository, committed on `main`."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    suite = tmp_path / "shop" / ".rocketship" / "shop.yaml"
    suite.parent.mkdir(parents=True)
    suite.write_bytes(SOURCE)
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for command in (
        ("init", "--quiet", "--initial-branch", "main"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "First"),
    ):
        subprocess.run(["git", *name, *command], cwd=tmp_path, check=True)
    return suite


def context(suite: Path, environ: dict[str, str] | None = None, **given: str) -> dict[str, object]:
    origin = Origin([suite], environ or {})
    origin.gather()
    found: dict[str, object] = dict(origin.context(suite, suite.read_bytes(), dict(given)))
    found.pop("commit", None)
    return found


def test_suite_outside_of_a_repository_is_started_by_hand(tmp_path: Path):
    suite = tmp_path / "a.yaml"
    suite.write_bytes(SOURCE)

    assert context(suite) == {"source": "cli-local", "trigger": "manual"}


def test_committed_suite_tells_its_place_in_the_repository(committed: Path):
    assert context(committed) == {
        "source": "cli-local",
        "trigger": "manual",
        "branch": "main",
        "rs_commit_message": "First",
        "rs_config_source": "repo_commit",
        "rs_suite_file_path": "shop/.rocketship/shop.yaml",
        "rs_path_scope_json": '["shop/.rocketship/**"]',
    }


def test_changed_suite_is_known_by_the_digest_of_what_is_sent(committed: Path):
    committed.write_bytes(b"name: Other\n")

    found = context(committed)

    assert found["rs_config_source"] == "uncommitted"
    assert found["rs_bundle_sha"] == sha256(b"name: Other\n").hexdigest()


def test_options_come_before_the_service_and_that_before_the_repository(committed: Path):
    service = {"GITHUB_ACTIONS": "true", "GITHUB_REF": "refs/heads/fix", "GITHUB_SHA": "c0ffee"}

    found = context(committed, service, source="nightly")

    assert (found["source"], found["trigger"], found["branch"]) == ("nightly", "ci", "fix")
    assert found["rs_commit_message"] == "First"


def test_what_is_found_is_cut_to_what_an_engine_takes(committed: Path):
    service = {"BUILDKITE": "true", "BUILDKITE_MESSAGE": "ä" * 3000}

    found = context(committed, service, branch="b" * 3000)

    assert found["rs_commit_message"] == "ä" * 1000
    assert found["branch"] == "b" * 3000
