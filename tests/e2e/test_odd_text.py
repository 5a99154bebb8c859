"""Text and places that are unusual but real: no UTF-8, half characters, no current folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.fixtures.workbench import Workbench, case, log, suite


def javascript(script: str) -> dict[str, object]:
    config = {"language": "javascript", "script": script}
    return {"name": "Compute", "plugin": "script", "config": config}


def test_half_of_a_surrogate_pair_travels_through_a_whole_run(bench: Workbench):
    half = r"save('half', 'a\ud800b'); console.log('c\udfff')"
    wrong = javascript(r"throw new Error('odd \ud800')")
    tests = [case("A", javascript(half), log("got {{ half }}")), case("B", wrong)]
    bench.write("shop.yaml", suite(*tests, init=[javascript(half)]))
    reports = ("--report", "junit=r.xml", "--report", "json=r.json")

    ended = bench.run("run", "shop.yaml", *reports)

    assert (ended.code, ended.err) == (1, "")
    assert "got a\ufffdb" in ended.out
    document = json.loads((bench.folder / "r.json").read_text("utf-8"))
    assert [test["status"] for test in document["runs"][0]["tests"]] == ["PASSED", "FAILED"]
    run_id = bench.run_ids()[0]
    assert bench.run("get", run_id).code == 0
    assert "got a\ufffdb" in bench.run("logs", run_id).out


def test_run_that_ends_with_half_a_character_in_its_message_is_recorded(bench: Workbench):
    wrong = javascript(r"throw new Error('odd \ud800')")
    bench.write("shop.yaml", suite(case("A", log("a")), init=[wrong]))

    ended = bench.run("run", "shop.yaml")

    assert (ended.code, ended.err) == (1, "")
    assert "FAILED" in bench.run("list").out


def test_names_and_values_that_are_not_utf8_are_shown_with_escapes(bench: Workbench):
    message = "{{ .vars.mood }} {{ .env.KEY }}"
    path = bench.write("shop.yaml", suite(case("A", log(message))))
    odd = path.with_name(os.fsdecode(b"shop-\xff.yaml"))
    path.rename(odd)
    value = os.fsdecode(b"\xff")

    ended = bench.run("run", odd.name, "--var", f"mood={value}", env={"KEY": f"key-{value}"})

    assert (ended.code, ended.err) == (0, "")
    listed = bench.run("list", "--format", "json")
    assert json.loads(listed.out)["runs"][0]["file"] == r"shop-\xff.yaml"


@pytest.mark.parametrize("arguments", [["run"], ["run", "shop.yaml"], ["validate"]])
def test_folder_that_is_gone_exits_two_and_says_so(bench: Workbench, arguments: list[str]):
    gone = bench.folder / "gone"
    gone.mkdir()

    command = [sys.executable, "-m", "rocketship", *arguments]
    ended = subprocess.run(
        ["sh", "-c", 'rmdir ../gone; exec "$@"', "sh", *command],
        cwd=gone,
        env=bench.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("error: the current folder does not exist any more\n")


def test_unset_home_is_no_problem_when_folders_are_given(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a"))))
    bench.environment = {
        name: value for name, value in bench.environment.items() if not name.startswith("HOME")
    }

    assert bench.run("run", "shop.yaml").code == 0
