from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rocketship.cli.report_files import ReportFile, parse_report_files, write_file, write_reports
from rocketship.errors import Infrastructure, UsageError
from tests.builders import make_result


def test_parse_report_option_is_split_at_the_first_equals_sign():
    assert parse_report_files(["junit=a=b.xml", "json=out/r.json"]) == (
        ReportFile("junit", Path("a=b.xml")),
        ReportFile("json", Path("out/r.json")),
    )


@pytest.mark.parametrize("option", ["junit", "junit=", "=a.xml", ""])
def test_parse_report_option_without_both_parts_says_how_to_write_it(option):
    with pytest.raises(UsageError) as caught:
        parse_report_files([option])
    assert (
        caught.value.hint
        == "write --report FORMAT=FILE, with FORMAT one of html, json, junit, markdown, tap"
    )


def test_parse_report_option_with_an_unknown_format_suggests_one():
    with pytest.raises(UsageError) as caught:
        parse_report_files(["junti=a.xml"])
    assert caught.value.hint == 'did you mean "junit"?'


def test_parse_two_reports_to_one_file_is_refused():
    with pytest.raises(UsageError, match=r"both be written to .*a\.xml"):
        parse_report_files(["junit=a.xml", "json=./a.xml"])


def test_write_reports_makes_folders_and_leaves_nothing_else(tmp_path):
    files = parse_report_files([f"junit={tmp_path}/new/r.xml", f"json={tmp_path}/r.json"])
    write_reports(files, [make_result()])
    assert (tmp_path / "new/r.xml").read_bytes().startswith(b"<?xml")
    assert json.loads((tmp_path / "r.json").read_bytes())["version"] == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["new", "r.json", "r.xml"]


def test_write_file_leaves_permissions_to_the_umask(tmp_path):
    previous = os.umask(0o022)
    try:
        write_file(tmp_path / "r.xml", b"x")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "r.xml").stat().st_mode) == 0o644


def test_write_file_through_a_link_keeps_the_link(tmp_path):
    target, link = tmp_path / "target.xml", tmp_path / "link.xml"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_file(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_write_file_to_a_device_does_not_replace_it():
    write_file(Path("/dev/null"), b"x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("place", ["file/r.xml", "folder"])
def test_write_file_to_an_impossible_place_names_it_and_keeps_the_rest(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    path = tmp_path / place
    with pytest.raises(Infrastructure, match=f"cannot write the report {path}: ") as caught:
        write_file(path, b"x")
    assert caught.value.exit_code == 3
    assert sorted(item.name for item in tmp_path.iterdir()) == ["file", "folder"]


WRITE_TOO_MUCH = """
import resource, signal, sys
from pathlib import Path
from rocketship.cli.report_files import write_file
from rocketship.errors import Infrastructure
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_file(Path(sys.argv[1]), b"x" * 5000)
except Infrastructure as error:
    print(error.message)
"""


def test_write_file_without_room_keeps_the_old_content(tmp_path):
    path = tmp_path / "r.xml"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", WRITE_TOO_MUCH, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"cannot write the report {path}: File too large\n"
    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["r.xml"]
