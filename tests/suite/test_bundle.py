from __future__ import annotations

import os
from pathlib import Path

import pytest

from rocketship.errors import ConfigError
from rocketship.plugins.api import Files
from rocketship.suite import bundle
from rocketship.suite.bundle import Bundle
from rocketship.suite.load import LoadedSuite, load_suite
from rocketship.suite.variables import VariableInputs
from tests.suite.echo import CATALOG, complaints, load_text, suite_of_step


def load_in(cwd: Path, path: str, inputs: VariableInputs | None = None) -> LoadedSuite:
    """Load a suite in `project/suites` that refers to one file."""
    folder = cwd / "suites"
    folder.mkdir(parents=True, exist_ok=True)
    text = suite_of_step(f"config: {{text: x, body_file: '{path}'}}")
    (folder / "s.yaml").write_text(text)
    return load_suite(Path("suites/s.yaml"), CATALOG, variables=inputs, cwd=cwd)


def messages(loaded: LoadedSuite) -> list[tuple[str, str | None]]:
    return [(problem.message, problem.hint) for problem in loaded.problems]


def test_bundle_is_what_plugins_read_from() -> None:
    files: Files = Bundle({"a": b"x"})
    assert files.read("a") == b"x"
    with pytest.raises(ConfigError, match="b: the file is not part of the run"):
        files.read("b")


def test_collect_looks_in_the_suite_s_folder_first(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "a").write_text("near")
    (tmp_path / "a").write_text("far")
    (tmp_path / "b").write_text("far")
    assert load_in(tmp_path, "a").bundle.files == {"a": b"near"}
    assert load_in(tmp_path, "b").bundle.files == {"b": b"far"}


def test_collect_path_up_into_the_start_directory_is_fine(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("x")
    assert load_in(tmp_path, "../data/a").bundle.files == {"../data/a": b"x"}


def test_collect_absolute_path_and_file_url_inside_are_fine(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_text("x")
    assert load_in(tmp_path, str(target)).bundle.files == {str(target): b"x"}
    assert load_in(tmp_path, f"file://{target}").bundle.files == {f"file://{target}": b"x"}


def test_collect_url_is_not_a_file(tmp_path: Path) -> None:
    assert load_in(tmp_path, "https://example.org/x").bundle.files == {}


def test_collect_link_inside_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "link").symlink_to("a")
    assert load_in(tmp_path, "link").bundle.files == {"link": b"x"}


@pytest.mark.parametrize("path", ["../../secret", "/etc/passwd", "link", "file:///etc/passwd"])
def test_collect_path_out_of_both_folders_is_refused(path: str, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "secret").write_text("x")
    (project / "link").symlink_to(tmp_path / "secret")
    if path == "link":
        (project / "suites").mkdir()
        (project / "suites" / "link").symlink_to(tmp_path / "secret")
    loaded = load_in(project, path)
    assert loaded.bundle.files == {}
    assert messages(loaded) == [
        (
            f"{path}: leads out of the suite's folders",
            f"keep the file in {project / 'suites'} or {project}",
        )
    ]


def test_collect_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    assert messages(load_in(tmp_path, "gone")) == [
        ("gone: there is no such file", f"looked for {tmp_path}/suites/gone and {tmp_path}/gone")
    ]


def test_collect_directory_and_pipe_are_refused(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert messages(load_in(tmp_path, "dir")) == [("dir: is a directory", "name a file")]
    assert messages(load_in(tmp_path, "pipe")) == [
        ("pipe: cannot be read: it is not a regular file", None)
    ]


@pytest.mark.parametrize("path", ["a\\0b", "x" * 5000, "a/\\ud800"])
def test_collect_impossible_path_is_a_problem(path: str, tmp_path: Path) -> None:
    text = suite_of_step(f'config: {{text: x, body_file: "{path}"}}')
    assert len(load_text(text, tmp_path).problems) == 1


def test_collect_path_may_use_variables(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    loaded = load_in(tmp_path, "{{ .vars.name }}.txt", VariableInputs(over={"name": "a"}))
    assert loaded.bundle.files == {"a.txt": b"x"}
    assert loaded.problems == ()


@pytest.mark.parametrize("template", ["{{ saved }}", "{{ .env.HOME }}", "{{ uuid }}"])
def test_collect_path_that_is_only_known_later_is_refused(template: str, tmp_path: Path) -> None:
    loaded = load_in(tmp_path, template)
    assert messages(loaded) == [
        ("the path of a file may use .vars only", "files are collected before anything runs")
    ]


def test_collect_path_with_unknown_variable_is_said_once(tmp_path: Path) -> None:
    (complaint,) = complaints(load_in(tmp_path, "{{ .vars.gone }}.txt"))
    assert "there is no variable" in complaint


def test_collect_schema_file_of_an_assertion(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text("{}")
    step = """\
config: {text: x}
assertions:
  - {type: value, operator: schema, expected: schema.json}
  - {type: value, operator: schema, expected: {type: object}}
  - {type: value, operator: equals, expected: not-a-file}"""
    loaded = load_text(suite_of_step(step), tmp_path)
    assert loaded.problems == ()
    assert loaded.bundle.files == {"schema.json": b"{}"}


def test_collect_files_named_in_defaults_and_openapi(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "spec.yaml").write_text("b")
    head = "defaults: {echo: {text: x, body_file: a}}\nopenapi: {spec: spec.yaml}\n"
    loaded = load_text(suite_of_step("config: {}", head), tmp_path)
    assert loaded.bundle.files == {"a": b"a", "spec.yaml": b"b"}


def test_collect_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"x" * 20)
    (tmp_path / "b").write_bytes(b"x" * 20)
    step = "config: {text: x, body_file: a, program: b}"
    monkeypatch.setattr(bundle, "MAX_FILE_BYTES", 19)
    found = complaints(load_text(suite_of_step(step), tmp_path))
    assert [c.split(" ", 2)[2] for c in found] == [
        "a: is larger than 0 MiB",
        "b: is larger than 0 MiB",
    ]
    monkeypatch.setattr(bundle, "MAX_FILE_BYTES", 20)
    monkeypatch.setattr(bundle, "MAX_BUNDLE_BYTES", 39)
    found = complaints(load_text(suite_of_step(step), tmp_path))
    assert [c.split(" ", 2)[2] for c in found] == ["b: the files of the suite exceed 0 MiB"]
