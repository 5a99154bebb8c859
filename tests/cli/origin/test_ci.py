from __future__ import annotations

import pytest

from rocketship.cli.origin.ci import SERVICES, ci_facts

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_SHA": "c0ffee",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "o/r",
    "GITHUB_RUN_ID": "7",
    "GITHUB_EVENT_NAME": "push",
}


def test_outside_of_any_service_nothing_is_known():
    assert ci_facts({"PATH": "/bin", "CI": "false"}) == {}


def test_unknown_service_is_told_from_a_person():
    assert ci_facts({"CI": "1"}) == {"source": "ci", "trigger": "ci"}


def test_github_tells_branch_commit_repository_and_run():
    assert ci_facts(GITHUB) == {
        "source": "github-actions",
        "trigger": "ci",
        "branch": "main",
        "commit": "c0ffee",
        "rs_repo_url": "https://github.com/o/r",
        "rs_gh_run_url": "https://github.com/o/r/actions/runs/7",
    }


def test_github_pull_request_has_its_own_branch_and_number():
    pull_request = {"GITHUB_HEAD_REF": "fix", "GITHUB_REF": "refs/pull/12/merge"}
    facts = ci_facts(GITHUB | pull_request)
    assert (facts["branch"], facts["rs_pr_number"]) == ("fix", "12")


@pytest.mark.parametrize("reference", ["refs/tags/v1", "refs/pull/12/merge"])
def test_github_reference_that_is_no_branch_is_not_taken_for_one(reference: str):
    assert "branch" not in ci_facts(GITHUB | {"GITHUB_REF": reference})


def test_schedule_is_the_trigger_of_what_the_clock_starts():
    assert ci_facts(GITHUB | {"GITHUB_EVENT_NAME": "schedule"})["trigger"] == "schedule"
    assert ci_facts({"TF_BUILD": "True", "BUILD_REASON": "Schedule"})["trigger"] == "schedule"


@pytest.mark.parametrize(
    ("environ", "facts"),
    [
        (
            {
                "GITLAB_CI": "true",
                "CI_COMMIT_BRANCH": "main",
                "CI_COMMIT_SHA": "c1",
                "CI_PROJECT_URL": "https://gitlab.example.com/g/p",
                "CI_COMMIT_TITLE": "Fix it",
                "CI_MERGE_REQUEST_IID": "3",
                "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix",
                "CI_JOB_URL": "https://gitlab.example.com/j/1",
            },
            {
                "source": "gitlab-ci",
                "branch": "fix",
                "commit": "c1",
                "rs_repo_url": "https://gitlab.example.com/g/p",
                "rs_commit_message": "Fix it",
                "rs_pr_number": "3",
                "rs_build_url": "https://gitlab.example.com/j/1",
            },
        ),
        (
            {
                "JENKINS_URL": "https://j",
                "GIT_BRANCH": "origin/feature/x",
                "GIT_COMMIT": "c2",
                "GIT_URL": "git@example.com:o/r.git",
                "BUILD_URL": "https://j/1/",
            },
            {
                "source": "jenkins",
                "branch": "feature/x",
                "commit": "c2",
                "rs_repo_url": "https://example.com/o/r",
                "rs_build_url": "https://j/1/",
            },
        ),
        (
            {
                "BUILDKITE": "true",
                "BUILDKITE_BRANCH": "main",
                "BUILDKITE_COMMIT": "HEAD",
                "BUILDKITE_REPO": "https://u:secret@example.com/o/r.git",
                "BUILDKITE_MESSAGE": "First\n\nmore",
                "BUILDKITE_PULL_REQUEST": "false",
            },
            {
                "source": "buildkite",
                "branch": "main",
                "rs_repo_url": "https://example.com/o/r",
                "rs_commit_message": "First",
            },
        ),
        (
            {
                "CIRCLECI": "true",
                "CIRCLE_BRANCH": "main",
                "CIRCLE_SHA1": "c4",
                "CIRCLE_PULL_REQUEST": "https://example.com/o/r/pull/8",
            },
            {"source": "circleci", "branch": "main", "commit": "c4", "rs_pr_number": "8"},
        ),
        (
            {
                "TF_BUILD": "True",
                "BUILD_SOURCEBRANCH": "refs/heads/main",
                "BUILD_SOURCEVERSION": "c5",
                "SYSTEM_COLLECTIONURI": "https://dev.example.com/o/",
                "SYSTEM_TEAMPROJECT": "p",
                "BUILD_BUILDID": "9",
            },
            {
                "source": "azure-pipelines",
                "branch": "main",
                "commit": "c5",
                "rs_build_url": "https://dev.example.com/o/p/_build/results?buildId=9",
            },
        ),
    ],
    ids=lambda value: value.get("source", ""),
)
def test_other_services_tell_the_same_in_their_own_variables(
    environ: dict[str, str], facts: dict[str, str]
):
    assert ci_facts(environ) == {"trigger": "ci", **facts}


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.source)
def test_service_that_tells_nothing_is_recognised_all_the_same(service):
    assert ci_facts({service.marker: "true"}) == {"source": service.source, "trigger": "ci"}
