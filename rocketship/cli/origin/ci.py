"""What continuous integration services say about a build, in the words of a run's context."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rocketship.cli.origin.git import repository_url
from rocketship.dataclass import dataclass

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Service:
    """A service, how it is recognised, and the variables that answer each question.

    Of several variables the first that is set answers. In a text with `{NAME}` all variables must
    be set.

    Attributes:
        marker: The variable that is set wherever the service runs something.
        scheduled: A variable and the value it has when the clock started the build.
    """

    source: str
    marker: str
    branch: tuple[str, ...]
    commit: tuple[str, ...]
    repository: tuple[str, ...]
    message: tuple[str, ...] = ()
    pull_request: tuple[str, ...] = ()
    build_url: tuple[str, ...] = ()
    build_key: str = "rs_build_url"
    scheduled: tuple[str, str] = ("", "")


SERVICES = (
    Service(
        source="github-actions",
        marker="GITHUB_ACTIONS",
        branch=("GITHUB_HEAD_REF", "GITHUB_REF"),
        commit=("GITHUB_SHA",),
        repository=("{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}",),
        pull_request=("GITHUB_REF",),
        build_url=("{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",),
        build_key="rs_gh_run_url",
        scheduled=("GITHUB_EVENT_NAME", "schedule"),
    ),
    Service(
        source="gitlab-ci",
        marker="GITLAB_CI",
        branch=("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CI_COMMIT_BRANCH"),
        commit=("CI_COMMIT_SHA",),
        repository=("CI_PROJECT_URL",),
        message=("CI_COMMIT_TITLE",),
        pull_request=("CI_MERGE_REQUEST_IID",),
        build_url=("CI_JOB_URL",),
        scheduled=("CI_PIPELINE_SOURCE", "schedule"),
    ),
    Service(
        source="jenkins",
        marker="JENKINS_URL",
        branch=("CHANGE_BRANCH", "BRANCH_NAME", "GIT_BRANCH"),
        commit=("GIT_COMMIT",),
        repository=("GIT_URL",),
        pull_request=("CHANGE_ID",),
        build_url=("BUILD_URL",),
    ),
    Service(
        source="buildkite",
        marker="BUILDKITE",
        branch=("BUILDKITE_BRANCH",),
        commit=("BUILDKITE_COMMIT",),
        repository=("BUILDKITE_REPO",),
        message=("BUILDKITE_MESSAGE",),
        pull_request=("BUILDKITE_PULL_REQUEST",),
        build_url=("BUILDKITE_BUILD_URL",),
        scheduled=("BUILDKITE_SOURCE", "schedule"),
    ),
    Service(
        source="circleci",
        marker="CIRCLECI",
        branch=("CIRCLE_BRANCH",),
        commit=("CIRCLE_SHA1",),
        repository=("CIRCLE_REPOSITORY_URL",),
        pull_request=("CIRCLE_PR_NUMBER", "CIRCLE_PULL_REQUEST"),
        build_url=("CIRCLE_BUILD_URL",),
    ),
    Service(
        source="azure-pipelines",
        marker="TF_BUILD",
        branch=("SYSTEM_PULLREQUEST_SOURCEBRANCH", "BUILD_SOURCEBRANCH"),
        commit=("BUILD_SOURCEVERSION",),
        repository=("BUILD_REPOSITORY_URI",),
        message=("BUILD_SOURCEVERSIONMESSAGE",),
        pull_request=("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "SYSTEM_PULLREQUEST_PULLREQUESTID"),
        build_url=(
            "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        ),
        scheduled=("BUILD_REASON", "schedule"),
    ),
)


def ci_facts(environ: Environment) -> dict[str, str]:
    """Return what the service this process runs in knows; nothing outside of any.

    The keys are those of a run's context: `source`, `trigger`, `branch`, `commit`, and the reserved
    names of metadata that begin with `rs_`.
    """
    service = next((service for service in SERVICES if _is_set(environ, service.marker)), None)
    if service is None:
        return {"source": "ci", "trigger": "ci"} if _is_set(environ, "CI") else {}
    variable, value = service.scheduled
    scheduled = bool(variable) and environ.get(variable, "").lower() == value
    message = _first(environ, service.message)
    facts = {
        "source": service.source,
        "trigger": "schedule" if scheduled else "ci",
        "branch": _first(environ, service.branch, _branch),
        "commit": _first(environ, service.commit, _commit),
        "rs_repo_url": _first(environ, service.repository, repository_url),
        "rs_commit_message": message.splitlines()[0] if message else "",
        "rs_pr_number": _first(environ, service.pull_request, _pull_request),
        service.build_key: _first(environ, service.build_url),
    }
    return {key: value for key, value in facts.items() if value}


def _first(
    environ: Environment, names: tuple[str, ...], read: Callable[[str], str] = str.strip
) -> str:
    """Return what the first variable that means something says."""
    return next((value for name in names if (value := read(_expand(environ, name)))), "")


def _expand(environ: Environment, name: str) -> str:
    if "{" not in name:
        return environ.get(name, "")
    try:
        return name.format_map(environ)
    except KeyError:
        return ""


def _branch(text: str) -> str:
    """Return the branch a reference names; a tag or a merge that nobody pushed is none."""
    if text.startswith(("refs/tags/", "refs/pull/")):
        return ""
    for prefix in ("refs/heads/", "refs/remotes/origin/", "origin/"):
        text = text.removeprefix(prefix)
    return text


def _commit(text: str) -> str:
    """Return a commit; some services say HEAD until they have looked it up."""
    return "" if text == "HEAD" else text


def _pull_request(text: str) -> str:
    """Return the number of a pull request, given as it is, in a reference or in an address."""
    if text.startswith("refs/"):
        return text.split("/")[2] if text.startswith("refs/pull/") else ""
    number = text.rstrip("/").rpartition("/")[2]
    return number if number.isdecimal() else ""


def _is_set(environ: Environment, name: str) -> bool:
    return environ.get(name, "").lower() not in ("", "0", "false", "no")
