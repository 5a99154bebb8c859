from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocketship.errors import NotFound, UsageError
from rocketship.suite.discover import discover, in_suite_folder

TREE = """
rocketship.yaml
other.yaml
.rocketship/b.yaml
.rocketship/a.yml
.rocketship/notes.txt
.rocketship/sub/c.yaml
.rocketship/sub/tmp/no.yaml
.rocketship/tmp/no.yaml
.rocketship/.hidden/no.yaml
.rocketship/venv/d.yaml
svc/rocketship.yml
svc/.rocketship/e.yaml
node_modules/x/rocketship.yaml
.git/rocketship.yaml
.venv/rocketship.yaml
venv/rocketship.yaml
tmp/rocketship.yaml
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    for name in TREE.split():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


def found(project: Path, *paths: str) -> list[str]:
    return [str(path) for path in discover(paths, cwd=project).files]


IN_FOLDER = ["a.yml", "b.yaml", "sub/c.yaml", "venv/d.yaml"]


def test_discover_nothing_given_means_the_current_directory(project: Path) -> None:
    expected = [
        "rocketship.yaml",
        *(f".rocketship/{name}" for name in IN_FOLDER),
        "svc/rocketship.yml",
        "svc/.rocketship/e.yaml",
        "tmp/rocketship.yaml",
    ]
    assert found(project) == expected
    assert found(project, ".") == expected


def test_discover_suite_folder_gives_every_yaml_file_in_it(project: Path) -> None:
    assert found(project, ".rocketship") == [f".rocketship/{name}" for name in IN_FOLDER]
    assert found(project / ".rocketship", ".") == IN_FOLDER
    assert found(project, ".rocketship/sub") == [".rocketship/sub/c.yaml"]
    assert found(project, ".rocketship/tmp") == [".rocketship/tmp/no.yaml"]


def test_discover_file_counts_whatever_its_name(project: Path) -> None:
    assert found(project, "other.yaml", ".rocketship/notes.txt") == [
        "other.yaml",
        ".rocketship/notes.txt",
    ]
    assert found(project, str(project / "other.yaml")) == [str(project / "other.yaml")]


def test_discover_file_found_twice_comes_once(project: Path) -> None:
    (project / "link.yaml").symlink_to("other.yaml")
    assert found(project, "other.yaml", str(project / "other.yaml"), "link.yaml") == ["other.yaml"]


def test_discover_links_in_circles_end(project: Path) -> None:
    (project / "svc" / "loop").symlink_to(project, target_is_directory=True)
    (project / "svc" / "self").symlink_to("self")
    assert found(project, "svc")[0] == "svc/rocketship.yml"
    assert found(project)[:1] == ["rocketship.yaml"]


def test_discover_unreadable_directory_is_a_warning(project: Path) -> None:
    if os.geteuid() == 0:
        (project / "svc" / ("x" * 200)).mkdir()
    locked = project / "locked"
    locked.mkdir(mode=0)
    result = discover(["."], cwd=project)
    assert result.files
    if os.geteuid() != 0:
        assert result.warnings == ("locked: cannot be read: Permission denied",)


def test_discover_missing_path_is_not_found(project: Path) -> None:
    with pytest.raises(NotFound, match="gone: no such file or directory"):
        found(project, "gone")


def test_discover_no_suite_says_where_and_what(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as caught:
        found(tmp_path, "empty")
    assert caught.value.message == f"no suite files in {tmp_path}/empty"
    assert caught.value.hint is not None
    assert "rocketship.yaml" in caught.value.hint
    with pytest.raises(UsageError, match="no suite files in"):
        found(tmp_path)


def test_in_suite_folder_looks_at_the_real_place(project: Path) -> None:
    (project / "link.yaml").symlink_to(".rocketship/b.yaml")
    assert in_suite_folder(project / "link.yaml")
    assert in_suite_folder(project / ".rocketship/sub/c.yaml")
    assert not in_suite_folder(project / "other.yaml")
