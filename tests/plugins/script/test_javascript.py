"""JavaScript steps."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from typing import Any

import pytest

from rocketship.errors import AssertionFailed, ScriptError, StepError, StepTimeout
from rocketship.plugins import Outcome, Scope
from rocketship.plugins.script.plugin import Script
from tests.plugins.calls import Line, Lines, in_loop, make_call, run_step
from tests.plugins.script.processes import Watched, children

ENDLESS = "for (;;) {}"
#: A loop inside the engine, which its own time limit does not interrupt.
ENDLESS_NATIVE = "new Array(4e9).join('')"


def run(script: str, **options: Any) -> Outcome:
    config = {"language": "javascript", "script": script, **options.pop("config", {})}
    return run_step(Script(), config, **options)


def saved(script: str, **options: Any) -> dict[str, Any]:
    outcome = run(script, **options)
    assert outcome.failure is None, outcome.failure
    return dict(outcome.saved)


def failure(script: str, **options: Any) -> StepError:
    found = run(script, **options).failure
    assert found is not None
    return found


def test_globals_have_saved_values_as_text_and_typed() -> None:
    scope = Scope(saved={"n": 5, "o": {"a": [1]}, "t": True, "z": None}, vars={"v": {"k": 1}})
    script = "save('state', state); save('saved', saved); save('vars_seen', vars); save('e', env)"
    assert saved(script, scope=scope, config={"env": {"NAME": 1}}) == {
        "state": {"n": "5", "o": '{"a":[1]}', "t": "true", "z": ""},
        "saved": {"n": 5, "o": {"a": [1]}, "t": True, "z": None},
        "vars_seen": {"v": {"k": 1}},
        "e": {"NAME": "1"},
    }


def test_globals_hold_no_environment_and_no_host() -> None:
    scope = Scope(env={"TOKEN": "hidden"})
    script = "save('x', [typeof process, typeof require, typeof send, Object.keys(env).length])"
    assert saved(script, scope=scope) == {"x": ["undefined", "undefined", "undefined", 0]}


def test_save_keeps_json_types_and_text() -> None:
    script = """
        save("number", 1.5); save("text", "5"); save("flag", false); save("nothing", null);
        save("list", [1, { a: "ü\\u2028" }]); save(7, "key"); save("date", new Date(0));
    """
    assert saved(script) == {
        "number": 1.5,
        "text": "5",
        "flag": False,
        "nothing": None,
        "list": [1, {"a": "ü\u2028"}],
        "7": "key",
        "date": "1970-01-01T00:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("save('x', undefined)", 'save("x", …): the value is undefined'),
        ("save('x')", 'save("x", …): the value is undefined'),
        ("save('x', () => 1)", 'save("x", …): a function cannot be saved'),
        ("save('x', 1n)", 'save("x", …): JSON has no big integers'),
        ("save('x', 0 / 0)", 'save("x", …): NaN is not a JSON number'),
        ("save()", 'save("", …): the name must not be empty'),
        ("save('env', 1)", 'save("env", …): the name is reserved'),
        ("save('vars', 1)", 'save("vars", …): the name is reserved'),
        ("let x; for (let i = 0; i < 201; i++) x = [x]; save('x', x)", "more than 200 levels"),
        (
            "save('x', {toJSON() { let x; for (let i = 0; i < 5000; i++) x = [x]; return x }})",
            "more",
        ),
        ("const a = []; a.push(a); save('x', a)", 'save("x", …): TypeError: circular reference'),
    ],
)
def test_save_of_what_cannot_be_kept_fails_with_its_line(call: str, reason: str) -> None:
    found = failure(f"save('before', 1);\n{call}")
    assert isinstance(found, ScriptError)
    assert reason in found.message
    assert found.message.endswith("(line 2)")


def test_saves_together_are_bounded() -> None:
    found = failure("for (let i = 0; ; i++) save('k' + i, 'x'.repeat(100000))")
    assert "a script can save 4194304 characters in all" in found.message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("assert(1 === 2, 'no match')", "assertion failed: no match (line 2)"),
        ("assert(0)", "assertion failed (line 2)"),
        ("assert('', {a: 1})", 'assertion failed: {"a":1} (line 2)'),
    ],
)
def test_assert_failing_is_an_assertion_failure(call: str, message: str) -> None:
    outcome = run(f"save('before', 1)\n{call}\nsave('after', 2)")
    assert isinstance(outcome.failure, AssertionFailed)
    assert outcome.failure.message == message
    assert outcome.saved == {"before": 1}


def test_assert_throws_a_text_that_scripts_can_catch() -> None:
    script = "try { assert(false, 'x') } catch (e) { save('caught', e) }; assert(true, 'y')"
    assert saved(script) == {"caught": "assertion failed: x"}


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("\n\nnope.x", "ReferenceError: nope is not defined (line 3)"),
        ("function f() {\n  g();\n}\nf()", "ReferenceError: g is not defined (line 2)"),
        ("throw new RangeError('too far')", "RangeError: too far (line 1)"),
        ("throw 'plain'", "uncaught: plain"),
        ("throw {code: 5}", 'uncaught: {"code":5}'),
        ("let x = 1;\nlet y = ;", "SyntaxError: unexpected token in expression: ';' (line 2)"),
        ("(function f() { f() })()", "RangeError: Maximum call stack size exceeded (line 1)"),
        (
            "async function f() {\n await 1;\n throw new Error('late');\n}\nf()",
            "Error: late (line 3)",
        ),
        ("new Promise(() => {})", "the script waits for a promise that nothing settles"),
    ],
)
def test_error_is_told_with_the_line_of_the_script(script: str, message: str) -> None:
    found = failure(script)
    assert isinstance(found, ScriptError)
    assert found.message == message


def test_promise_as_last_value_is_awaited() -> None:
    script = "(async () => { const x = await Promise.resolve(4); save('x', x) })()"
    assert saved(script) == {"x": 4}


def test_script_may_redeclare_globals() -> None:
    script = "var JSON = null; let state = 1; const vars = 2; save('x', [state, vars])"
    assert saved(script) == {"x": [1, 2]}


def test_console_reaches_the_log_with_its_level() -> None:
    log = Lines()
    run(
        """
        console.log("a", 1, [true], { k: null }, undefined, new Error("e"));
        console.info("i"); console.warn("w"); console.error("e"); console.debug("d");
        """,
        log=log,
    )
    assert log.all == [
        Line('a 1 [true] {"k":null} undefined Error: e', "info", "console"),
        Line("i", "info", "console"),
        Line("w", "warn", "console"),
        Line("e", "error", "console"),
        Line("d", "debug", "console"),
    ]


def test_console_is_bounded() -> None:
    log = Lines()
    run("for (let i = 0; i < 5000; i++) console.log('x'.repeat(10000))", log=log)
    assert len(log.all) == 1101
    assert log.all[0].message == "x" * 8000 + "…"
    note = "from here on only the last 100 lines are shown"
    assert log.all[1000] == Line(note, "warn", "console")


def test_console_shows_the_end_of_a_flood_before_a_failure() -> None:
    log = Lines()
    run("for (let i = 1; i <= 1500; i++) console.log(i); console.error('why'); nope", log=log)
    assert log.of("console")[-2:] == ["1500", "why"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0/0, 1/0, -1/0, -0, 0", "NaN Infinity -Infinity -0 0"),
        ("{a: 0/0, b: [1/0, undefined, -0], c: undefined}",
         '{"a":NaN,"b":[Infinity,undefined,-0],"c":undefined}'),
        ("function f() {}, [() => 1]", "[Function: f] [[Function: anonymous]]"),
        ("1n, [2n], Symbol('s'), [Symbol('t')]", "1n [2n] Symbol(s) [Symbol(t)]"),
        ("[new Date(0), {toJSON: () => 0/0}]", '["1970-01-01T00:00:00.000Z",NaN]'),
        ("{e: new TypeError('x')}, [null, 'a\"b', true, 1.5]",
         '{"e":TypeError: x} [null,"a\\"b",true,1.5]'),
        ("(() => { const o = {n: 1}; o.o = o; return [o, o]; })()",
         '[{"n":1,"o":[Circular]},{"n":1,"o":[Circular]}]'),
        ("new Array(2), Object.create(null)", "[undefined,undefined] {}"),
        ("{get x() { throw 1 }}", "[object Object]"),
    ],
)  # fmt: skip
def test_console_shows_what_json_cannot_tell(value: str, shown: str) -> None:
    log = Lines()
    run(f"console.log({value})", log=log)
    assert log.of("console") == [shown]


def test_console_is_heard_while_the_script_runs() -> None:
    script = Script()

    async def main() -> None:
        heard = asyncio.Event()
        log = Lines(on_line=lambda line: heard.set())
        config = {"language": "javascript", "script": f"console.log('here'); {ENDLESS}"}
        step = asyncio.create_task(script.run(make_call(script, config, log=log)))
        await heard.wait()
        assert not step.done()
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step

    in_loop(script, main)


@pytest.mark.parametrize("loop", [ENDLESS, ENDLESS_NATIVE])
def test_endless_loop_is_stopped_while_others_stay_responsive(loop: str) -> None:
    script = Script()

    async def main() -> tuple[Outcome, float]:
        config = {"language": "javascript", "script": f"save('a', 1); {loop}", "timeout": "400ms"}
        step = asyncio.create_task(script.run(make_call(script, config)))
        clock, worst = asyncio.get_running_loop().time, 0.0
        while not step.done():
            before = clock()
            await asyncio.sleep(0.005)
            worst = max(worst, clock() - before)
        return await step, worst

    outcome, worst_lag = in_loop(script, main)
    assert isinstance(outcome.failure, StepTimeout)
    assert outcome.failure.message == "the script took longer than 400ms and was stopped"
    assert outcome.saved == {"a": 1}
    assert worst_lag < 0.3
    assert children() == set()


@pytest.mark.parametrize(
    "bomb",
    [
        "const a = []; for (;;) a.push('x'.repeat(1000) + a.length)",
        "var a = []; for (;;) a.push(new Array(1000).fill(1))",
        "var a = []; while (true) a.push('xxxxxxxxxxxxxxxxxxxxxxxx' + a.length)",
        "var a = []; (async () => { for (;;) a.push('x' + a.length) })()",
    ],
)
def test_memory_bomb_fails_and_the_next_script_runs(bomb: str) -> None:
    script = Script()

    async def main() -> tuple[Outcome, Outcome]:
        first = await script.run(make_call(script, {"language": "javascript", "script": bomb}))
        config = {"language": "javascript", "script": "save('alive', true)"}
        return first, await script.run(make_call(script, config))

    first, second = in_loop(script, main)
    assert isinstance(first.failure, ScriptError)
    assert re.search("out of memory|more than 64 MiB", first.failure.message)
    assert second.saved == {"alive": True}


def test_scripts_share_nothing_and_run_side_by_side() -> None:
    script = Script()

    async def one(number: int) -> Any:
        source = f"if (globalThis.seen) throw 1; seen = 1; save('n', {number})"
        config = {"language": "javascript", "script": source}
        return (await script.run(make_call(script, config))).saved

    async def main() -> list[Any]:
        found = await asyncio.gather(*map(one, range(12)))
        assert len(children()) <= 4
        return found

    assert in_loop(script, main) == [{"n": number} for number in range(12)]
    assert children() == set()


def test_interpreter_that_died_while_idle_is_replaced() -> None:
    script = Script()
    config = {"language": "javascript", "script": "save('x', 1)"}

    async def main() -> Outcome:
        await script.run(make_call(script, config))
        (pid,) = children()
        watched = Watched(pid)
        os.kill(pid, signal.SIGKILL)
        assert watched.gone()
        return await script.run(make_call(script, config))

    assert in_loop(script, main).saved == {"x": 1}


def test_interpreter_that_dies_at_work_fails_the_step() -> None:
    script = Script()

    async def main() -> Outcome:
        def on_line(line: Line) -> None:
            (pid,) = children()
            os.kill(pid, signal.SIGKILL)

        config = {"language": "javascript", "script": f"console.log('now'); {ENDLESS}"}
        call = make_call(script, config, log=Lines(on_line=on_line))
        return await script.run(call)

    found = in_loop(script, main).failure
    assert isinstance(found, ScriptError)
    assert found.message == "the JavaScript interpreter ended unexpectedly"


def test_cancelled_script_leaves_no_process() -> None:
    script = Script()

    async def main() -> None:
        heard = asyncio.Event()
        log = Lines(on_line=lambda line: heard.set())
        config = {"language": "javascript", "script": f"console.log('go'); {ENDLESS_NATIVE}"}
        step = asyncio.create_task(script.run(make_call(script, config, log=log)))
        await heard.wait()
        assert len(children()) == 1
        step.cancel()
        with pytest.raises(asyncio.CancelledError):
            await step
        assert children() == set()

    in_loop(script, main)


def test_interpreter_whose_owner_is_killed_ends_itself() -> None:
    program = f"""
import asyncio, os, signal
from rocketship.plugins.script import javascript
from rocketship.plugins.script.plugin import Script
from tests.plugins.calls import Lines, make_call
from tests.plugins.script.processes import children

def die(line):
    (pid,) = children()
    print(pid, flush=True)
    input()
    os.kill(os.getpid(), signal.SIGKILL)

script, log = Script(), Lines(on_line=die)
source = "console.log('go'); " + {ENDLESS_NATIVE!r}
config = {{"language": "javascript", "script": source, "timeout": "200ms"}}
asyncio.run(script.run(make_call(script, config, log=log)))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        child = Watched(int(owner.stdout.readline()))
        owner.stdin.write(b"\n")
        owner.stdin.close()
        owner.wait()
        assert child.gone()
