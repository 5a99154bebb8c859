"""The `script` plugin: configuration, checks, observables."""

from __future__ import annotations

from typing import Any

import pytest

from rocketship.errors import ConfigError, TemplateError
from rocketship.plugins import Absent, Finding, Found, Observation, Outcome, Scope
from rocketship.plugins.script.plugin import Script
from tests.fixtures.waiting import result_of
from tests.plugins.calls import make_call, run_step


def observe(kind: str, outcome: Outcome, options: dict[str, Any] | None = None) -> Observation:
    return result_of(Script.assertions[kind].look(outcome, options or {}))


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"language": "javascript"},
        {"language": "ruby", "script": "x"},
        {"language": "shell", "script": "x", "file": "y"},
        {"language": "shell", "script": ""},
        {"language": "shell", "script": "x", "timeout": "0s"},
        {"language": "shell", "script": "x", "env": {"A": [1]}},
    ],
)
def test_config_that_cannot_work_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_call(Script(), config)


@pytest.mark.parametrize("language", ["javascript", "shell", "python"])
def test_script_of_white_space_is_refused(language: str) -> None:
    config = {"language": language, "script": " \n"}
    with pytest.raises(ConfigError, match="nothing in it to run"):
        run_step(Script(), config)
    assert Finding(("script",), "must not be empty") in list(Script().check(config))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("javascript", "save('x', '{{ name }}' + state.name)"),
        ("shell", "echo x={{ name }}$ROCKETSHIP_NAME >> $ROCKETSHIP_OUTPUT"),
        ("python", "save('x', '{{ name }}' + state['name'])"),
    ],
)
def test_file_is_read_from_the_run_and_rendered_once(language: str, text: str) -> None:
    outcome = run_step(
        Script(),
        {"language": language, "file": "scripts/x"},
        files={"scripts/x": b"\xef\xbb\xbf" + text.encode()},
        scope=Scope(saved={"name": "ü{{ no }}"}),
    )
    assert outcome.saved["x"] == "ü{{ no }}ü{{ no }}"
    body = text.replace("{{ name }}", "ü{{ no }}")
    assert outcome.request == {"language": language, "file": "scripts/x", "body": body}


def test_file_with_an_unknown_name_in_a_template_names_the_file() -> None:
    config = {"language": "shell", "file": "x.sh"}
    with pytest.raises(TemplateError, match=r"^x\.sh: "):
        run_step(Script(), config, files={"x.sh": b"echo {{ nope }}"})


def test_file_that_is_not_text_is_refused() -> None:
    config = {"language": "shell", "file": "x.sh"}
    with pytest.raises(ConfigError, match=r"file: x\.sh is not UTF-8 text"):
        run_step(Script(), config, files={"x.sh": b"\xff\xfe"})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"language": "javascript", "script": "let a = 1;\nlet b = ;"},
            "not JavaScript: unexpected token in expression: ';' (line 2)",
        ),
        (
            {"language": "javascript", "script": "return 1"},
            "not JavaScript: return not in a function (line 1)",
        ),
        ({"language": "python", "script": "x = 1\nif x"}, "not Python: expected ':' (line 2)"),
        (
            {"language": "python", "script": "x = '\0'"},
            "not Python: source code string cannot contain null bytes",
        ),
    ],
)
def test_check_finds_syntax_errors_without_running(config: dict[str, Any], message: str) -> None:
    assert list(Script().check(config)) == [Finding(("script",), message)]


@pytest.mark.parametrize(
    "config",
    [
        {"language": "javascript", "script": "const a = state.x;\nfor (;;) {}\n"},
        {"language": "javascript", "script": "// only a comment"},
        {"language": "javascript", "script": "let x = {{ .vars.x }} = ;"},
        {"language": "python", "script": "x = '\\d'\nassert (1, 'x')"},
        {"language": "python", "script": "{{ .vars.code }} = ="},
        {"language": "{{ .vars.language }}", "script": "if then"},
        {"language": "shell", "script": "if then"},
        {"language": "javascript", "file": "x.js"},
    ],
)
def test_check_is_content_with_what_may_be_right(config: dict[str, Any]) -> None:
    assert list(Script().check(config)) == []


SHELL_NAMES = {"exit_code", "stdout", "stderr", "duration"}


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"language": "shell", "script": "echo"}, SHELL_NAMES),
        ({"language": "shell", "script": "echo {{ x }}"}, None),
        ({"language": "shell", "script": "echo a=1 >> $ROCKETSHIP_OUTPUT"}, None),
        ({"language": "shell", "file": "x.sh"}, None),
        ({"language": "{{ x }}", "script": "echo"}, None),
        (
            {"language": "javascript", "script": "save('a', 1); save ( \"b-c\" , state.x)"},
            {"a", "b-c"},
        ),
        ({"language": "javascript", "script": "let x = '{{ y }}'; save('a', x)"}, {"a"}),
        ({"language": "javascript", "script": "1 + 1"}, set()),
        ({"language": "javascript", "script": "save('{{ y }}', 1)"}, None),
        ({"language": "javascript", "script": "save('a' + i, 1)"}, None),
        ({"language": "javascript", "script": "save(`a`, 1)"}, None),
        ({"language": "javascript", "script": "const s = save; s('a', 1)"}, None),
        ({"language": "python", "script": "save('a', 1)\nsaved['b']"}, {"a"}),
        ({"language": "python", "file": "x.py"}, None),
    ],
)
def test_saved_names_are_told_when_reading_can_tell(
    config: dict[str, Any], names: set[str] | None
) -> None:
    assert Script().saved_names(config) == names


@pytest.mark.parametrize("language", ["shell", "python"])
def test_observables_of_a_process(language: str) -> None:
    texts = {
        "shell": "echo out; echo err >&2; echo 'id:=7' >> $ROCKETSHIP_OUTPUT",
        "python": "import sys; print('out'); print('err', file=sys.stderr); save('id', 7)",
    }
    outcome = run_step(Script(), {"language": language, "script": texts[language]})
    assert observe("exit_code", outcome) == Found(0)
    assert observe("stdout", outcome) == Found("out\n")
    assert observe("stderr", outcome) == Found("err\n")
    assert observe("json_path", outcome, {"path": ".id"}) == Found(7)
    found = Script.saves["json_path"].look(outcome, {"json_path": ".id + 1"})
    assert result_of(found) == Found(8)
    assert Script.saves["text"].observe(outcome, {"text": True}) == Found("out\n")
    assert outcome.response == {"exit_code": 0}


def test_observables_of_javascript() -> None:
    outcome = run_step(Script(), {"language": "javascript", "script": "save('a', {b: 1})"})
    assert observe("json_path", outcome, {"path": ".a.b"}) == Found(1)
    for kind in ("exit_code", "stdout", "stderr"):
        assert observe(kind, outcome) == Absent(f"JavaScript has no {kind}")
    assert outcome.response is None


def test_script_is_not_repeated_unasked() -> None:
    assert not Script().replay_safe({"language": "javascript"})
