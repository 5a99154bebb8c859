"""The image is what a cluster wants: small, without rights, and quick to start and stop."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rocketship import __version__
from tests.fixtures.cli import run_cli
from tests.fixtures.helm import render
from tests.fixtures.image import Container, Podman, container
from tests.fixtures.temporal import Cluster, free_port

# Building may be part of whichever test comes first.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

MAX_MEGABYTES = 300
PATIENCE_SECONDS = 60
GRPC_HEALTH = """
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
stub = health_pb2_grpc.HealthStub(grpc.insecure_channel("127.0.0.1:7700"))
print(health_pb2.HealthCheckResponse.ServingStatus.Name(
    stub.Check(health_pb2.HealthCheckRequest(), timeout=10, wait_for_ready=True).status))
"""
HTTP_HEALTH = """
import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:7701/healthz", timeout=10).read().decode())
"""
SUITE = """
name: In a container
tests:
  - name: Scripts run
    steps:
      - { name: sh, plugin: script, config: { language: shell, script: "echo $((6 * 7))" } }
      - { name: python, plugin: script, config: { language: python, script: "print(6 * 7)" } }
"""


@pytest.fixture(scope="module")
def engine(podman: Podman, image: str) -> Iterator[Container]:
    """An engine with the defaults of the image and no network but its own loopback."""
    with container(podman, image, "--network=none") as running:
        wait_until_ready(running)
        yield running


def wait_until_ready(engine: Container) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "Ready: " not in engine.log or not engine.alive:
        assert time.monotonic() < deadline, engine.log
        time.sleep(0.05)


def test_image_is_small(podman: Podman, image: str) -> None:
    megabytes = podman.inspect(image)["Size"] / 1e6

    assert megabytes <= MAX_MEGABYTES


def test_image_says_what_it_is(podman: Podman, image: str) -> None:
    about = podman.inspect(image)
    config = about["Config"]

    assert config["User"] == "10001:10001"
    assert set(config["ExposedPorts"]) == {"7700/tcp", "7701/tcp"}
    assert config["Entrypoint"] == ["rocketship"]
    assert config["Cmd"] == ["engine"]
    assert config["Labels"]["org.opencontainers.image.version"] == __version__
    assert config["Labels"]["org.opencontainers.image.licenses"] == "MIT"
    assert about["Healthcheck"]["Test"] == ["CMD", "rocketship", "engine", "--check"]


def test_both_ports_answer(engine: Container) -> None:
    assert engine.run("python", "-c", GRPC_HEALTH) == "SERVING"
    assert json.loads(engine.run("python", "-c", HTTP_HEALTH)) == {
        "status": "ok",
        "version": __version__,
    }


def test_browsers_can_call_the_api(engine: Container) -> None:
    assert engine.run("python", "-c", "import sonora.asgi; print('there')") == "there"


def test_health_check_of_the_image_passes(engine: Container) -> None:
    assert engine.run("rocketship", "engine", "--check") == ""


def test_engine_has_no_rights(engine: Container) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in engine.run("cat", "/proc/1/status").splitlines()
        if ":\t" in line
    )

    assert status["Uid"].split() == ["10001"] * 4
    assert status["Gid"].split() == ["10001"] * 4
    assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1"


def test_user_is_that_of_the_chart(engine: Container) -> None:
    security = render().one("Deployment")["spec"]["template"]["spec"]["securityContext"]

    assert engine.run("id", "--user") == str(security["runAsUser"])
    assert engine.run("id", "--group") == str(security["runAsGroup"])


@pytest.mark.parametrize("tool", ["gcc", "cc", "make", "git", "pip", "pip3", "curl", "wget"])
def test_image_has_no_tool_to_bring_more_in(engine: Container, tool: str) -> None:
    assert engine.run("sh", "-c", f"command -v {tool} || echo none") == "none"
    assert engine.run("sh", "-c", "python -m pip --version 2>/dev/null || echo none") == "none"


def test_only_volumes_can_be_written(engine: Container) -> None:
    folders = ["/", "/usr/local/lib/rocketship", "/tmp", "/var/lib/rocketship"]
    script = 'for f in "$@"; do touch $f/x 2>/dev/null && echo $f; done; true'

    written = engine.run("sh", "-c", script, "sh", *folders).split()

    assert written == ["/tmp", "/var/lib/rocketship"]


def test_everything_installed_can_be_imported(engine: Container) -> None:
    assert engine.run("rocketship", "--version") == f"rocketship {__version__}"
    # Compiled parts, which are made smaller than they come.
    parts = "cryptography.fernet, google._upb._message, grpc, jq, pycurl, quickjs, regex, yaml"
    assert engine.run("python", "-c", f"import {parts}; quickjs.Context().eval('1')") == ""


def test_command_line_runs_a_suite_on_it(podman: Podman, image: str, tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE, encoding="utf-8")
    # Free ports of the machine, because a port of a container cannot be told to be free.
    addresses = [f"--env=ROCKETSHIP_ENGINE_{name}_ADDRESS=127.0.0.1:0" for name in ("GRPC", "HTTP")]
    with container(podman, image, "--network=host", *addresses) as running:
        wait_until_ready(running)
        address = running.log.split("Ready: gRPC on ", 1)[1].split(",", 1)[0]

        ended = run_cli(
            ["run", "suite.yaml", "--engine", address, "--output", "plain"],
            cwd=tmp_path,
            home=tmp_path / "home",
        )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "All 1 tests passed." in ended.stdout


def test_worker_takes_work_and_tells_its_health(
    podman: Podman, image: str, cluster: Cluster
) -> None:
    cluster.bench.write("suite.yaml", SUITE)
    http = f"127.0.0.1:{free_port()}"
    settings = {
        **cluster.settings,
        "ROCKETSHIP_ENGINE": str(cluster.engine.endpoint.address),
        "ROCKETSHIP_WORKER_HTTP_ADDRESS": http,
    }
    options = [f"--env={name}={value}" for name, value in settings.items()]
    with container(podman, image, "--network=host", *options, role="worker") as worker:
        wait_until_ready(worker)

        for probe in ("healthz", "readyz"):
            with urllib.request.urlopen(f"http://{http}/{probe}", timeout=10) as answer:
                assert json.load(answer)["status"] == "ok"
        ended = cluster.bench.run("run", "suite.yaml", "--output", "plain")

        assert ended.code == 0, ended.out + worker.log
        assert "All 1 tests passed." in ended.out
        assert worker.stop() == 0
        assert "Traceback" not in worker.log


def test_engine_starts_as_the_chart_tells_it(podman: Podman, image: str) -> None:
    environment = render("minikube").environment("engine")
    options = [f"--env={name}={value}" for name, value in environment.items()]

    with container(podman, image, "--network=none", *options) as running:
        wait_until_ready(running)

        assert running.run("rocketship", "engine", "--check") == ""


@pytest.mark.parametrize("name", ["health", "grpc", "run"])
def test_tests_of_the_chart_pass_in_the_image(engine: Container, name: str) -> None:
    pod = render(release="r").one("Pod", f"-test-{name}")
    (test,) = pod["spec"]["containers"]
    # Both sides are in one container here, and there is no name of a service.
    names = re.compile(r"r-rocketship-engine(-headless)?\.rockets\.svc")
    variables = [f"{item['name']}={names.sub('127.0.0.1', item['value'])}" for item in test["env"]]

    assert engine.run("env", *variables, *test["command"])


def test_sigterm_ends_it_in_order(podman: Podman, image: str) -> None:
    with container(podman, image, "--network=none") as running:
        wait_until_ready(running)
        begun = time.monotonic()

        code = running.stop()

        assert code == 0
        assert time.monotonic() - begun < 15
        assert '"event": "stopped"' in running.log


def test_history_outlives_the_container(podman: Podman, image: str) -> None:
    volume = podman.good("volume", "create")
    options = ["--network=none", f"--volume={volume}:/var/lib/rocketship"]
    run = 'cd /tmp && printf %s "$1" > s.yaml && rocketship run s.yaml --engine 127.0.0.1:7700'
    try:
        with container(podman, image, *options) as first:
            wait_until_ready(first)
            first.run("sh", "-c", run, "sh", SUITE)
        with container(podman, image, *options) as second:
            wait_until_ready(second)
            assert "In a container" in second.run(
                "rocketship", "list", "--engine", "127.0.0.1:7700"
            )
    finally:
        podman("volume", "rm", "--force", volume)
