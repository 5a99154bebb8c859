"""Shell steps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rocketship.errors import ConfigError, ScriptError
from rocketship.plugins import Outcome, Scope
from rocketship.plugins.script.plugin import Script
from tests.plugins.calls import Line, Lines, run_step


def run(script: str, **options: Any) -> Outcome:
    config = {"language": "shell", "script": script, **options.pop("config", {})}
    return run_step(Script(), config, **options)


def stdout(script: str, **options: Any) -> str:
    outcome = run(script, **options)
    assert outcome.failure is None, outcome.failure
    text = outcome.saved["stdout"]
    assert isinstance(text, str)
    return text


def own_results(outcome: Outcome) -> Mapping[str, Any]:
    standard = {"exit_code", "stdout", "stderr", "duration"}
    return {name: value for name, value in outcome.saved.items() if name not in standard}


def test_shell_saves_what_it_printed_verbatim() -> None:
    outcome = run("printf 'a\\n\\n b \\n\\n'; echo oops >&2")
    duration = outcome.saved["duration"]
    assert outcome.failure is None
    assert outcome.saved == {
        "exit_code": 0,
        "stdout": "a\n\n b \n\n",
        "stderr": "oops\n",
        "duration": duration,
    }
    assert re.fullmatch(r"\d+\.\dms", str(duration))


def test_shell_failing_keeps_its_results_and_tells_why() -> None:
    outcome = run("echo out; echo 'no such user' >&2; exit 3")
    assert isinstance(outcome.failure, ScriptError)
    assert outcome.failure.message == "the script ended with exit code 3: no such user"
    assert outcome.saved["exit_code"] == 3
    assert outcome.saved["stdout"] == "out\n"


def test_shell_failing_tells_only_the_end_of_a_long_stderr() -> None:
    found = run("seq 10000 >&2; exit 1").failure
    assert found is not None
    assert found.message.endswith("9999\n10000")
    assert len(found.message) < 2100


def test_shell_exit_code_that_an_assertion_judges_is_no_failure() -> None:
    outcome = run("exit 3", asserted=frozenset({"exit_code"}))
    assert outcome.failure is None
    assert outcome.saved["exit_code"] == 3


def test_shell_killed_by_a_signal_has_the_exit_code_of_one() -> None:
    assert run("kill -KILL $$").saved["exit_code"] == 137


def test_shell_messages_name_the_line_of_the_script() -> None:
    assert (
        run("\n\nnosuchcommand").saved["stderr"]
        == "bash: line 3: nosuchcommand: command not found\n"
    )


def test_shell_syntax_error_quotes_the_script_and_nothing_else() -> None:
    assert run("if then").saved["stderr"] == (
        "bash: eval: line 1: syntax error near unexpected token `then'\n"
        "bash: eval: line 1: `if then'\n"
    )


def test_shell_goes_on_after_an_error_unless_told_otherwise() -> None:
    assert stdout("false; echo on") == "on\n"
    assert run("set -e; false; echo on").saved["stdout"] == ""


def test_shell_text_is_not_evaluated_again() -> None:
    script = "cat <<'END'\n{{ x }} $HOME `id` \"q\" \\n\nEND\n# the end"
    assert stdout(script) == '{{ x }} $HOME `id` "q" \\n\n'


def test_shell_reads_nothing_from_standard_input() -> None:
    assert stdout("cat; read x || echo end") == "end\n"


def test_shell_runs_sh_where_there_is_no_bash(tmp_path: Path) -> None:
    for command in ("sh", "cat"):
        (tmp_path / command).symlink_to(f"/bin/{command}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        assert stdout('echo "$0:${BASH_VERSION:-none}"') == "sh:none\n"


def test_shell_environment_is_only_what_was_meant_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_SECRET", "hidden")
    monkeypatch.setenv("BASH_ENV", "/nonexistent")
    monkeypatch.setenv("LC_TIME", "C")
    names = {line.partition("=")[0] for line in stdout("env").splitlines()}
    inherited = {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR", "TERM"}
    own = {"PWD", "OLDPWD", "SHLVL", "_", "ROCKETSHIP_OUTPUT", "_ROCKETSHIP_SCRIPT"}
    assert "LC_TIME" in names
    assert {name for name in names if not name.startswith("LC_")} <= inherited | own


def test_shell_sees_saved_values_and_vars() -> None:
    scope = Scope(
        saved={"user-id": 12345678, "a.b": "ü x", "list": [1, {"k": None}]},
        vars={"base": {"url": "u"}, "on": True},
        env={"TOKEN": "hidden"},
    )
    script = """
        echo "$ROCKETSHIP_USER_ID|$ROCKETSHIP_A_B|$ROCKETSHIP_LIST"
        echo "$ROCKETSHIP_VAR_BASE|$ROCKETSHIP_VAR_ON|$TOKEN"
    """
    expected = '12345678|ü x|[1,{"k":null}]\n{"url":"u"}|true|\n'
    assert stdout(script, scope=scope) == expected


def test_shell_env_of_the_step_wins() -> None:
    config = {"env": {"ROCKETSHIP_A": "mine", "N": 1, "ON": True}}
    scope = Scope(saved={"a": "saved"})
    assert stdout("echo $ROCKETSHIP_A $N $ON", config=config, scope=scope) == "mine 1 true\n"


@pytest.mark.parametrize("value", ["x" * 200_000, "a\0b"])
def test_shell_value_that_no_variable_can_hold_is_left_out_with_a_warning(value: str) -> None:
    log = Lines()
    scope = Scope(saved={"big": value, "small": "s"})
    script = 'echo "${ROCKETSHIP_BIG-unset} $ROCKETSHIP_SMALL"'
    assert stdout(script, scope=scope, log=log) == "unset s\n"
    warning = "$ROCKETSHIP_BIG is not set: the value is too large or not text"
    assert log.all[0] == Line(warning, "warn", "script")


def test_shell_many_large_values_do_not_keep_it_from_starting() -> None:
    scope = Scope(saved={f"v{number}": "x" * 100_000 for number in range(40)})
    assert stdout("echo started", scope=scope) == "started\n"


def test_shell_script_and_values_are_in_no_process_list() -> None:
    script = "marker=s3cr3t; tr '\\0' ' ' </proc/$$/cmdline"
    assert "s3cr3t" not in stdout(script, scope=Scope(saved={"a": "s3cr3t"}))


def test_shell_output_lines_are_shown_by_source() -> None:
    log = Lines()
    run("printf 'one\\r\\ntwo'; echo three >&2", log=log)
    assert log.of("stdout") == ["one", "two"]
    assert log.of("stderr") == ["three"]


def test_shell_results_file_keeps_text_and_json() -> None:
    script = """
        exec >> "$ROCKETSHIP_OUTPUT"
        echo 'name=a=b '; echo; echo 'count:=3'; printf 'list:=[1, "x"]'
    """
    outcome = run(script)
    assert outcome.failure is None
    assert own_results(outcome) == {"name": "a=b ", "count": 3, "list": [1, "x"]}


def test_shell_results_file_is_private_and_gone_afterwards() -> None:
    script = 'stat -c %a "$(dirname "$ROCKETSHIP_OUTPUT")"; echo "$ROCKETSHIP_OUTPUT"'
    mode, path = stdout(script).split()
    assert mode == "700"
    assert not Path(path).parent.exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no result", "$ROCKETSHIP_OUTPUT line 2 is not a result"),
        ("=x", "$ROCKETSHIP_OUTPUT line 2 is not a result"),
        ("a b=x", "$ROCKETSHIP_OUTPUT line 2 is not a result"),
        ("env=x", '$ROCKETSHIP_OUTPUT line 2: the name "env" is taken'),
        ("stdout=x", '$ROCKETSHIP_OUTPUT line 2: the name "stdout" is taken'),
        ("x:={", "$ROCKETSHIP_OUTPUT line 2: not JSON after `:=`"),
        ("x:=NaN", "$ROCKETSHIP_OUTPUT line 2: not JSON after `:=`: NaN is not a JSON number"),
        ("x:=[1e400]", "$ROCKETSHIP_OUTPUT line 2: the number 1e400 is too large"),
        (
            "x:=" + "[" * 201 + "]" * 201,
            "$ROCKETSHIP_OUTPUT line 2: there are more than 200 levels",
        ),
    ],
)
def test_shell_results_file_with_a_bad_line_fails_with_its_number(line: str, message: str) -> None:
    outcome = run(f"printf 'ok=1\\n%s\\n' '{line}' >> $ROCKETSHIP_OUTPUT")
    assert isinstance(outcome.failure, ScriptError)
    assert outcome.failure.message.startswith(message)
    assert own_results(outcome) == {"ok": "1"}


def test_shell_results_file_is_bounded() -> None:
    outcome = run("head -c 5000000 /dev/zero > $ROCKETSHIP_OUTPUT")
    assert isinstance(outcome.failure, ScriptError)
    assert "larger than 4 MiB" in outcome.failure.message


def test_shell_saved_value_named_output_keeps_its_variable() -> None:
    log = Lines()
    assert (
        stdout("echo $ROCKETSHIP_OUTPUT", scope=Scope(saved={"output": "mine"}), log=log)
        == "mine\n"
    )
    warning = "$ROCKETSHIP_OUTPUT is the saved value `output`, not the file for results"
    assert log.all[0] == Line(warning, "warn", "script")


def test_shell_runs_in_the_directory_of_the_suite_or_below(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    assert stdout("pwd", workdir=str(tmp_path)) == f"{tmp_path}\n"
    config = {"cwd": "sub"}
    assert stdout("pwd", workdir=str(tmp_path), config=config) == f"{tmp_path}/sub\n"


def test_shell_in_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cwd: there is no directory"):
        run("pwd", workdir=str(tmp_path), config={"cwd": "nowhere"})


def test_shell_script_with_nul_is_refused() -> None:
    with pytest.raises(ConfigError, match="NUL"):
        run("echo a\0b")


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        ({"PATH": "/nonexistent"}, "sh cannot be started: No such file"),
        ({"A=B": "x"}, "bash cannot be started: illegal environment variable name"),
        ({"A": "\0"}, "bash cannot be started: embedded null byte"),
        ({"A": "x" * 200_000}, "bash cannot be started: Argument list too long"),
    ],
)
def test_shell_that_cannot_be_started_is_a_script_error(env: dict[str, str], reason: str) -> None:
    with pytest.raises(ScriptError, match=reason):
        run("echo", config={"env": env})
