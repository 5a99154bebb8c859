from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rocketship.cli.origin.git import GitFacts, GitQuery, repositories, repository_url


class Repository:
    """A repository of its own, on the branch `main`."""

    def __init__(self, top: Path) -> None:
        self.top = top
        top.mkdir()
        self.git("init", "--quiet", "--initial-branch", "main")

    def git(self, *arguments: str) -> str:
        name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        done = subprocess.run(
            ["git", *name, *arguments], cwd=self.top, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, name: str, text: str = "name: x\n") -> Path:
        path = self.top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def facts(self, *names: str) -> GitFacts | None:
        return GitQuery(self.top, names).facts()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    return Repository(tmp_path / "repository")


def test_committed_file_has_branch_commit_message_and_address(repository: Repository):
    repository.write("a.yaml")
    commit = repository.commit("Add a suite\n\nIt tests much.")
    repository.git("remote", "add", "origin", "git@example.com:team/shop.git")

    assert repository.facts("a.yaml") == GitFacts(
        repository.top, "main", commit, "Add a suite", "https://example.com/team/shop"
    )


def test_changed_new_renamed_and_ignored_files_are_told(repository: Repository):
    for name in ("same.yaml", "changed.yaml", "old.yaml"):
        repository.write(name, f"name: {name} and much more that stays the same\n")
    repository.write(".gitignore", "ignored/\n")
    repository.commit("First")
    repository.write("changed.yaml", "name: y\n")
    repository.write("with space.yaml")
    repository.write("ignored/i.yaml")
    repository.git("mv", "old.yaml", "new.yaml")
    names = (
        "same.yaml", "changed.yaml", "new.yaml", "with space.yaml", "ignored/i.yaml"
    )  # fmt: skip

    facts = repository.facts(*names)

    assert facts is not None
    assert facts.changed == set(names) - {"same.yaml"}


def test_detached_head_is_no_branch(repository: Repository):
    repository.write("a.yaml")
    commit = repository.commit("First")
    repository.git("checkout", "--quiet", "--detach")

    facts = repository.facts("a.yaml")

    assert facts is not None
    assert (facts.branch, facts.commit) == ("", commit)


def test_repository_without_a_commit_has_none(repository: Repository):
    repository.write("a.yaml")

    facts = repository.facts("a.yaml")

    assert facts == GitFacts(repository.top, "main", changed=frozenset({"a.yaml"}))


def test_variables_of_a_hook_lead_nowhere_else(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
):
    repository.write("a.yaml")
    commit = repository.commit("First")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")

    facts = repository.facts("a.yaml")

    assert facts is not None
    assert facts.commit == commit


def test_without_git_there_are_no_facts(repository: Repository, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "/nowhere")

    assert repository.facts("a.yaml") is None


def test_folder_that_only_looks_like_a_repository_has_no_facts(tmp_path: Path):
    (tmp_path / ".git").write_text("not a repository")

    assert GitQuery(tmp_path, ["a.yaml"]).facts() is None


def test_answer_that_takes_too_long_is_not_waited_for(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:/usr/bin:/bin")
    monkeypatch.setattr("rocketship.cli.origin.git.PATIENCE_SECONDS", 0.05)

    assert repository.facts("a.yaml") is None


def test_files_are_found_in_the_nearest_repository_behind_links(
    repository: Repository, tmp_path: Path
):
    inner = Repository(repository.top / "vendor")
    outer_file, inner_file = repository.write("a/a.yaml"), inner.write("b.yaml")
    outside = tmp_path / "c.yaml"
    outside.write_text("")
    link = tmp_path / "link.yaml"
    link.symlink_to(outer_file)

    assert repositories([link, inner_file, outside]) == {
        repository.top: [outer_file],
        inner.top: [inner_file],
    }


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("git@example.com:team/shop.git", "https://example.com/team/shop"),
        ("example.com:shop", "https://example.com/shop"),
        ("ssh://git@example.com:2222/team/shop.git", "https://example.com/team/shop"),
        ("git://example.com/shop/", "https://example.com/shop"),
        (
            "https://user:secret@example.com:8443/team/shop.git",
            "https://example.com:8443/team/shop",
        ),
        ("http://example.com/shop", "https://example.com/shop"),
        ("ssh://git@[::1]:22/shop", "https://[::1]/shop"),
        ("/srv/git/shop.git", ""),
        ("../shop", ""),
        ("file:///srv/git/shop.git", ""),
        ("https://example.com/", ""),
        ("", ""),
    ],
)
def test_address_is_one_for_browsers_without_secrets(address: str, shown: str):
    assert repository_url(address) == shown
