"""Terminals, pipes and encodings."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.fixtures.workbench import Workbench, case, fail, log, suite
from tests.terminal import Terminal, show


def test_terminal_gets_colour_and_a_live_view_that_ends_as_plain_lines(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello")), case("B", fail())))
    environment = {"TERM": "xterm-256color", "NO_COLOR": ""}

    with Terminal(columns=80, rows=24) as terminal:
        ended = bench.run("run", "shop.yaml", env=environment, stdout=terminal.out)
        terminal.hang_up()
        written = terminal.written

    screen = [line for line in show(written) if line]
    assert ended.code == 1
    assert "\x1b[" in written
    assert any(line.startswith("✓ A") for line in screen)
    assert "✗ Failed Tests: 1" in screen


def test_no_color_means_no_colour_on_a_terminal(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello")), case("B", fail())))

    with Terminal() as terminal:
        bench.run("run", "shop.yaml", env={"TERM": "xterm", "NO_COLOR": "1"}, stdout=terminal.out)
        terminal.hang_up()
        assert "\x1b[3" not in terminal.written


def test_piped_output_has_no_escape_sequences(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello")), case("B", fail())))

    ended = bench.run("run", "shop.yaml", env={"NO_COLOR": "", "TERM": "xterm"})

    assert "\x1b" not in ended.out + ended.err


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_terminal_without_unicode_gets_something_it_can_show(bench: Workbench, locale: str):
    bench.write("shop.yaml", suite(case("Größe", log("naïve ✓"), fail())))
    environment = {"PYTHONUTF8": "0", "LC_ALL": locale, "PYTHONCOERCECLOCALE": "0"}

    ended = bench.run("run", "shop.yaml", env=environment)

    assert ended.code == 1
    assert "x Failed Tests: 1" in ended.out
    assert ended.out.isascii()
    assert ended.err == ""


@pytest.mark.parametrize("outcome", ["green", "red"])
def test_reader_that_leaves_early_changes_neither_run_nor_exit_code(bench: Workbench, outcome: str):
    tidy = {"always": [bench.say("tidy")]}
    steps = [log("x" * 2000) for _ in range(100)]
    steps += [bench.hold("end"), *([] if outcome == "green" else [fail()])]
    bench.write("shop.yaml", suite(case("A", *steps, cleanup=tidy)))
    reading, writing = os.pipe()

    running = bench.start("run", "shop.yaml", "--report", "json=r.json", stdout=writing)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    bench.wait_for("end")
    bench.release("end")
    ended = running.end()

    assert ended.err == ""
    assert ended.code == (0 if outcome == "green" else 1)
    assert bench.words() == ["end", "tidy"]
    assert (bench.folder / "r.json").exists()
    assert bench.result(bench.run_ids()[0])["status"] == ("PASSED" if ended.code == 0 else "FAILED")


def test_list_into_a_closed_pipe_ends_quietly(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("hello"))))
    bench.run("run", "shop.yaml")
    reading, writing = os.pipe()
    os.close(reading)

    running = bench.start("list", stdout=writing)
    os.close(writing)

    ended = running.end()
    assert (ended.code, ended.err) == (0, "")


def test_stdout_and_stderr_closed_from_the_start_do_no_harm(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.say("ran"))))
    environment = bench.environment

    code = subprocess.run(
        ["sh", "-c", 'exec "$0" -m rocketship run shop.yaml >&- 2>&-', sys.executable],
        cwd=bench.folder,
        env=environment,
        timeout=30,
        check=False,
    ).returncode

    assert code == 0
    assert bench.words() == ["ran"]
