"""Reports as files, whatever becomes of the run."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.fixtures.workbench import Workbench, case, fail, log, suite

REPORTS = ("--report", "junit=out/report.xml", "--report", "json=out/report.json")


def read(bench: Workbench) -> tuple[ElementTree.Element, list[str]]:
    """Return the JUnit report, and the statuses of the tests in the JSON report."""
    junit = ElementTree.parse(bench.folder / "out/report.xml").getroot()
    document = json.loads((bench.folder / "out/report.json").read_text("utf-8"))
    return junit, [test["status"] for run in document["runs"] for test in run["tests"]]


def test_failed_run_writes_its_reports(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a")), case("B", fail())))

    ended = bench.run("run", "shop.yaml", *REPORTS)

    junit, statuses = read(bench)
    assert ended.code == 1
    assert statuses == ["PASSED", "FAILED"]
    assert junit.find(".//testcase[@name='B']/failure") is not None


def test_cancelled_run_writes_its_reports(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", bench.hold("stuck"))))

    running = bench.start("run", "shop.yaml", *REPORTS)
    bench.wait_for("stuck")
    running.interrupt()
    ended = running.end()

    junit, statuses = read(bench)
    assert ended.code == 130
    assert statuses == ["CANCELLED"]
    assert junit.get("tests") == "1"


def test_run_that_is_no_longer_waited_for_writes_what_is_known(bench: Workbench):
    tidy = {"always": [bench.hold("tidy")]}
    bench.write("shop.yaml", suite(case("A", bench.hold("stuck"), cleanup=tidy)))

    running = bench.start("run", "shop.yaml", *REPORTS)
    bench.wait_for("stuck")
    running.interrupt()
    bench.wait_for("tidy")
    running.interrupt()
    ended = running.end()

    assert ended.code == 130
    assert read(bench)[1] == ["RUNNING"]
    assert "of these did not end: 1" in ended.out
    assert "Duration: 0" not in ended.out


@pytest.mark.parametrize("verdict", ["green", "red"])
def test_report_that_cannot_be_written_is_told_with_exit_code_three(bench: Workbench, verdict: str):
    bench.write("shop.yaml", suite(case("A", log("a") if verdict == "green" else fail())))
    bench.write("file", "not a folder")

    ended = bench.run("run", "shop.yaml", "--report", "json=file/report.json")

    assert ended.code == 3
    assert "cannot write the report file/report.json" in ended.err
    assert "Total Tests: 1" in ended.out


def test_other_reports_are_written_when_one_cannot_be(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a"))))
    bench.write("file", "not a folder")

    ended = bench.run("run", "shop.yaml", "--report", "json=file/r.json", "--report", "junit=r.xml")

    assert ended.code == 3
    assert Path(bench.folder, "r.xml").exists()


def test_report_on_stdout_goes_through_a_pipe(bench: Workbench):
    bench.write("shop.yaml", suite(case("A", log("a"))))

    ended = bench.run("run", "shop.yaml", "--report", "junit=/dev/stdout")

    assert ended.code == 0
    assert "<testsuites" in ended.out
