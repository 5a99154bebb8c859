"""Runs know the repository of their suite and the service that started them."""

from __future__ import annotations

import subprocess

from tests.fixtures.workbench import Workbench, case, log, suite


def test_run_tells_where_its_suite_comes_from(bench: Workbench):
    bench.write("suites/shop.yaml", suite(case("A", log("a"))))
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    repository = bench.folder / "suites"
    for command in (
        ("init", "--quiet", "--initial-branch", "trunk"),
        ("add", "--all"),
        ("commit", "--quiet", "--message", "First"),
    ):
        subprocess.run(["git", *name, *command], cwd=repository, check=True)

    bench.run("run", "suites/shop.yaml", "--commit", "c0ffee")
    bench.run("run", "suites/shop.yaml", env={"GITLAB_CI": "true", "CI_COMMIT_BRANCH": "fix"})
    by_hand, by_service = (bench.result(run_id)["context"] for run_id in bench.run_ids())

    assert by_hand == {
        "branch": "trunk",
        "commit": "c0ffee",
        "rs_commit_message": "First",
        "rs_config_source": "repo_commit",
        "rs_suite_file_path": "shop.yaml",
        "source": "cli-local",
        "trigger": "manual",
    }
    assert (by_service["source"], by_service["branch"]) == ("gitlab-ci", "fix")
