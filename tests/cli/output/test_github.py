from __future__ import annotations

import io

from rocketship.cli.console import Console
from rocketship.cli.output.base import choose_output
from rocketship.cli.output.github import workflow_commands
from rocketship.reports.markdown import MAX_SUMMARY_BYTES, summary
from rocketship.run.events import Failure, Recorded
from rocketship.run.fold import fold
from rocketship.run.status import Status
from tests.builders import (
    StepSpec,
    UnitSpec,
    make_failed_step,
    make_failed_unit,
    make_mixed_events,
    make_result,
)

STATUS_CODE = "Assertion failed: status_code: expected 200, got 500"


def test_workflow_commands_name_file_line_title_and_message():
    place = "file=.rocketship/users.yaml,line=12,title="
    assert list(workflow_commands([fold("r", make_mixed_events())])) == [
        f"::error {place}users › creates a user › Create user::{STATUS_CODE}",
        f"::error {place}users › waits › Wait::the test ran out of time",
        f'::warning {place}cleanup of "users › cleans up"::connection reset',
    ]


def test_workflow_command_text_is_escaped():
    step = make_failed_step(failure=Failure("X", "50%\n::set-env name=A::b"))
    (command,) = workflow_commands([make_result([UnitSpec("a,b: c", (step,))])])
    assert command.endswith(",title=users › a%2Cb%3A c › Create user::50%25%0A::set-env name=A::b")


def test_workflow_command_paths_are_relative_to_the_workspace(tmp_path, monkeypatch):
    (tmp_path / "api").mkdir()
    monkeypatch.chdir(tmp_path / "api")
    run = make_result([make_failed_unit()])
    (inside,) = workflow_commands([run], str(tmp_path))
    (outside,) = workflow_commands([run], str(tmp_path / "elsewhere"))
    assert inside.startswith("::error file=api/.rocketship/users.yaml,")
    assert outside.startswith("::error file=.rocketship/users.yaml,")


def test_workflow_commands_are_no_more_than_github_shows():
    tests = [make_failed_unit(f"t{index}") for index in range(50)]
    assert len(list(workflow_commands([make_result(tests)]))) == 10


def test_workflow_commands_after_a_failed_init_are_not_repeated_per_test():
    run = make_result([UnitSpec("a"), UnitSpec("b")], init=make_failed_unit("i"))
    (command,) = workflow_commands([run])
    assert "title=users › suite init › Create user" in command


def test_step_summary_has_a_table_and_a_fold_per_failure():
    text = summary([fold("r", make_mixed_events()), make_result(suite="other")])
    assert text.startswith("### ❌ Rocketship: 3 passed, 2 failed, 1 skipped\n")
    assert "| users | ❌ TIMEOUT | 2 | 2 | 1 | 3.4s |" in text
    assert "| other | ✅ PASSED | 1 | 0 | 0 | 600ms |" in text
    assert text.count("<details>") == text.count("</details>") == 3
    assert "<summary>❌ users › creates a user</summary>" in text


def test_step_summary_keeps_user_text_literal():
    step = make_failed_step(response={"body": "```\n<script>\n````"})
    text = summary([make_result([UnitSpec("<b>|*x*", (step,))])])
    assert "&#60;b&#62;&#124;&#42;x&#42;" in text
    assert "`````text\n" in text


def test_step_summary_stays_below_the_limit_of_github():
    step = make_failed_step(response={"body": "\n".join(["x" * 150] * 15)})
    tests = [UnitSpec(f"t{index}", (step,)) for index in range(500)]
    text = summary([make_result(tests)])
    assert len(text.encode()) < MAX_SUMMARY_BYTES + 10_000
    assert text.endswith("Further failures are in the log.\n")


def play(console: Console, requested: str) -> None:
    output = choose_output(requested, console)
    events = make_mixed_events()
    output.start(["users"])
    for seq, event in enumerate(events, 1):
        output.handle("r", "users", Recorded(seq, event))
    output.close([fold("r", events)])


def test_github_output_fences_what_it_prints_and_annotates_afterwards(tmp_path):
    out, summary = io.StringIO(), tmp_path / "summary.md"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    summary.write_text("before\n")
    play(Console(out, io.StringIO(), environment), "plain")
    lines = out.getvalue().split("\n")
    token = lines[0].removeprefix("::stop-commands::")
    assert len(token) == 32
    end = lines.index(f"::{token}::")
    assert not any(line.startswith("::") for line in lines[1:end])
    assert [line[:7] for line in lines[end + 1 :]] == ["::error", "::error", "::warni", ""]
    assert summary.read_text(encoding="utf-8").startswith("before\n### ❌ Rocketship")


def test_github_output_with_json_keeps_stdout_clean():
    out, err = io.StringIO(), io.StringIO()
    play(Console(out, err, {"GITHUB_ACTIONS": "true"}), "json")
    assert all(line.startswith("{") for line in out.getvalue().splitlines())
    assert err.getvalue().count("::error ") == 2


def test_github_output_without_a_writable_summary_only_warns(tmp_path):
    err = io.StringIO()
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "no/file")}
    play(Console(io.StringIO(), err, environment), "plain")
    assert "warning: cannot write the step summary" in err.getvalue()


def test_github_green_run_has_no_commands():
    skipped = UnitSpec("s", (StepSpec(),), Status.SKIPPED)
    assert list(workflow_commands([make_result([UnitSpec(), skipped])])) == []
