"""Python steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rocketship.errors import AssertionFailed, ScriptError, StepTimeout
from rocketship.plugins import Outcome, Scope
from rocketship.plugins.script.plugin import Script
from tests.fixtures.workbench import Workbench, case, suite
from tests.plugins.calls import Lines, run_step
from tests.plugins.script.processes import Watched


def run(script: str, **options: Any) -> Outcome:
    config = {"language": "python", "script": script, **options.pop("config", {})}
    return run_step(Script(), config, **options)


def test_python_sees_values_and_saves_json() -> None:
    scope = Scope(saved={"n": 5}, vars={"v": {"k": [1]}}, env={"TOKEN": "hidden"})
    script = (
        "import os\nsave('seen', [state, saved, vars, env, os.environ['A']])\nsave('t', (1, 'ü'))"
    )
    outcome = run(script, scope=scope, config={"env": {"A": "b"}})
    assert outcome.failure is None
    assert outcome.saved == {
        "seen": [{"n": "5"}, {"n": 5}, {"v": {"k": [1]}}, {"A": "b"}, "b"],
        "t": [1, "ü"],
    }


def test_python_environment_is_only_what_was_meant_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_SECRET", "hidden")
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")
    script = (
        "import os, sys\nsave('x', [n for n in os.environ if n.startswith(('ENGINE', 'PYTHON'))])"
    )
    assert run(script).saved == {"x": []}


def test_python_is_isolated_from_the_engine_and_its_arguments() -> None:
    script = """
import sys
save("modules", [name for name in sys.modules if name.startswith("rocketship")])
save("argv", sys.argv)
save("main", __name__)
save("stdin", sys.stdin.read())
"""
    saved = run(script).saved
    assert saved == {"modules": [], "argv": ["script"], "main": "__main__", "stdin": ""}


def test_python_output_is_shown_line_by_line_and_observable() -> None:
    log = Lines()
    outcome = run("import sys\nprint('ü')\nprint('oops', file=sys.stderr)", log=log)
    assert (log.of("stdout"), log.of("stderr")) == (["ü"], ["oops"])
    assert (outcome.subject.stdout, outcome.subject.stderr) == ("ü\n", "oops\n")


def test_python_exception_is_told_with_the_users_lines_only() -> None:
    script = "import json\nsave('before', 1)\ndef f():\n    json.loads('[')\nf()"
    outcome = run(script)
    assert isinstance(outcome.failure, ScriptError)
    assert outcome.failure.message.startswith("json.decoder.JSONDecodeError: Expecting value")
    assert outcome.failure.message.endswith("(line 4)")
    assert outcome.saved == {"before": 1}
    stderr = outcome.subject.stderr
    assert "json.loads('[')" in stderr
    assert "python_child" not in stderr
    assert "decoder.py" not in stderr


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("x = 1\nassert x == 2", "assertion failed: assert x == 2 (line 2)"),
        ("assert False, 'no match'", "assertion failed: no match (line 1)"),
    ],
)
def test_python_assert_is_an_assertion_failure(script: str, message: str) -> None:
    found = run(script).failure
    assert isinstance(found, AssertionFailed)
    assert found.message == message


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys\nsys.exit(4)", "the script ended with exit code 4"),
        ("raise SystemExit('bye')", "the script ended with exit code 1: bye"),
        ("x = 1\ny = = 2", "SyntaxError: invalid syntax (line 2)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt (line 1)"),
        (
            "save('vars', 1)",
            'ValueError: save("vars", …): the name is reserved, choose another one (line 1)',
        ),
        (
            "save('', 1)",
            "TypeError: save(name, value): the name must be text and not empty (line 1)",
        ),
    ],
)
def test_python_failure_says_why(script: str, message: str) -> None:
    found = run(script).failure
    assert isinstance(found, ScriptError)
    assert found.message == message


@pytest.mark.parametrize("value", ["object()", "float('nan')", "{1, 2}"])
def test_python_save_of_what_json_cannot_hold_fails(value: str) -> None:
    found = run(f"save('x', {value})").failure
    assert isinstance(found, ScriptError)
    assert 'save("x", …)' in found.message
    assert "convert it first" in found.message


@pytest.mark.parametrize("levels", [201, 5000])
def test_python_save_of_what_nests_too_deep_fails(levels: int) -> None:
    found = run(f"x = 1\nfor _ in range({levels}): x = [x]\nsave('x', x)").failure
    assert isinstance(found, ScriptError)
    assert found.message == (
        'ValueError: save("x", …): there are more than 200 levels of lists and dictionaries; '
        "save a part of it (line 3)"
    )


def test_python_save_takes_as_many_levels_as_there_may_be() -> None:
    outcome = run("x = {}\nfor _ in range(199): x = [x]\nsave('x', x)")
    assert outcome.failure is None
    assert json.dumps(outcome.saved["x"]) == "[" * 199 + "{}" + "]" * 199


def test_python_exit_code_that_an_assertion_judges_is_no_failure() -> None:
    outcome = run("import sys; sys.exit(4)", asserted=frozenset({"exit_code"}))
    assert (outcome.failure, outcome.subject.exit_code) == (None, 4)


def test_python_timeout_keeps_what_was_saved() -> None:
    outcome = run("save('x', 1)\nwhile True: pass", config={"timeout": "300ms"})
    assert isinstance(outcome.failure, StepTimeout)
    assert outcome.saved == {"x": 1}


@pytest.mark.parametrize(
    "junk", ["b'junk\\n'", "b'[1]\\n'", 'b\'["save", "env", 1]\\n\'', "b'[' * 9999 + b'\\n'"]
)
def test_python_that_disturbs_its_channel_fails(junk: str) -> None:
    script = f"""
import os
for fd in range(3, 1024):
    try:
        os.write(fd, {junk})
    except OSError:
        pass
"""
    found = run(script).failure
    assert isinstance(found, ScriptError)
    assert found.message == "the script disturbed the channel its results travel on"


def test_python_saves_together_are_bounded() -> None:
    found = run("for i in range(50): save(f'k{i}', 'x' * 100_000)").failure
    assert isinstance(found, ScriptError)
    assert found.message == "the script saved more than 4 MiB, nothing of it is kept"


def test_python_runs_in_the_directory_of_the_suite(tmp_path: Path) -> None:
    assert run("import os; save('d', os.getcwd())", workdir=str(tmp_path)).saved == {
        "d": str(tmp_path)
    }


def test_endless_script_dies_with_the_process_that_started_it(bench: Workbench) -> None:
    step = {
        "name": "Turn",
        "plugin": "script",
        "config": {
            "language": "python",
            "script": "import os\nprint('pid', os.getpid(), 'is ready')\nwhile True:\n    pass",
        },
    }
    bench.write("shop.yaml", suite(case("A", step)))
    running = bench.start("run", "shop.yaml", "--output", "plain")
    running.wait_for_output("is ready")
    script = Watched(int(running.out.partition("pid ")[2].split()[0]))

    running.kill()

    assert script.gone()
