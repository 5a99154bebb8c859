"""Getting in at a Temporal that looks who comes: TLS, certificates, keys, namespaces, profiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.cli import run_cli
from tests.fixtures.temporal import Cluster, TemporalServer
from tests.fixtures.temporal_edge import API_KEY, Edge, temporal_edge
from tests.fixtures.workbench import Workbench, case, log, suite

pytestmark = [pytest.mark.slow, pytest.mark.timeout(110)]

NAMESPACE = "shop"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    found = TemporalServer(tmp_path_factory.mktemp("temporal"), NAMESPACE)
    found.start()
    yield found
    found.kill()


@pytest.fixture(scope="module")
def edge(server: TemporalServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with temporal_edge(tmp_path_factory.mktemp("edge") / "envoy", server.port) as found:
        yield found


def check_run(bench: Workbench, root: Path, settings: dict[str, str]) -> None:
    """Check that a run goes through with an engine and a worker of these settings."""
    cluster = Cluster(bench, root, "", settings)
    try:
        bench.write("shop.yaml", suite(case("A", log("hello"), bench.say("done"))))
        cluster.worker()

        ended = bench.run("run", "shop.yaml")

        assert ended.code == 0, ended.err + cluster.logs()
        assert bench.words() == ["done"]
        assert API_KEY not in cluster.logs()
    finally:
        cluster.close()


def test_run_goes_through_with_certificate_key_and_namespace(
    bench: Workbench, tmp_path: Path, edge: Edge
) -> None:
    settings = {**edge.settings, "ROCKETSHIP_TEMPORAL_NAMESPACE": NAMESPACE}

    check_run(bench, tmp_path / "own", settings)


def test_worker_shows_the_token_of_a_file(
    bench: Workbench, tmp_path: Path, temporal_server: TemporalServer
) -> None:
    tokens = {
        "ROCKETSHIP_AUTH_MODE": "token",
        "ROCKETSHIP_ENGINE_TOKEN": "of-the-people-0123456789",
        "ROCKETSHIP_WORKER_TOKEN": "of-the-workers-0123456789",
    }
    file = tmp_path / "token"
    file.write_text(tokens["ROCKETSHIP_WORKER_TOKEN"] + "\n")
    cluster = Cluster(bench, tmp_path / "own", temporal_server.address, tokens)
    try:
        cluster.worker("--token-file", str(file), ROCKETSHIP_WORKER_TOKEN="of-nobody-0123456789")
    finally:
        cluster.close()


def test_run_goes_through_with_a_profile_of_temporals_own(
    bench: Workbench, tmp_path: Path, edge: Edge
) -> None:
    lines = [
        f"[profile.{NAMESPACE}]",
        f'address = "{edge.address}"',
        f'namespace = "{NAMESPACE}"',
        f'api_key = "{API_KEY}"',
        f"[profile.{NAMESPACE}.tls]",
        f'server_ca_cert_path = "{edge.ca}"',
        f'client_cert_path = "{edge.cert}"',
        f'client_key_path = "{edge.key}"',
    ]
    file = tmp_path / "temporal.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    settings = {"ROCKETSHIP_TEMPORAL_PROFILE": NAMESPACE, "TEMPORAL_CONFIG_FILE": str(file)}

    check_run(bench, tmp_path / "own", settings)


#: What is changed in settings that get through, the exit code, and words of the message.
REFUSED: dict[str, tuple[dict[str, str], int, tuple[str, ...]]] = {
    "authority that is not trusted": (
        {"TLS_CA": "{edge.other}"},
        3,
        ("not of an authority that is trusted here", "ROCKETSHIP_TEMPORAL_TLS_CA"),
    ),
    "name that is another": (
        {"TLS_SERVER_NAME": "temporal.example"},
        3,
        ("certificate is for another name", "ROCKETSHIP_TEMPORAL_TLS_SERVER_NAME"),
    ),
    "no certificate": (
        {"TLS_CERT": "", "TLS_KEY": ""},
        3,
        ("it wants a client certificate", "ROCKETSHIP_TEMPORAL_TLS_CERT"),
    ),
    "certificate of somebody else": (
        {"TLS_CERT": "{edge.other}", "TLS_KEY": "{edge.other}"},
        3,
        ("it does not accept our certificate", "ROCKETSHIP_TEMPORAL_TLS_CERT"),
    ),
    "certificate with the key of another": (
        {"TLS_KEY": "{edge.other}"},
        2,
        ("TLS_KEY cannot be used", "belong together"),
    ),
    "no key": (
        {"API_KEY": ""},
        3,
        ("it does not know who is calling", "ROCKETSHIP_TEMPORAL_API_KEY"),
    ),
    "wrong key": (
        {"API_KEY": "wrong-key-xyzzy"},
        3,
        ("it does not know who is calling", "ROCKETSHIP_TEMPORAL_API_KEY"),
    ),
    "no TLS": (
        {"API_KEY": "", "TLS_CA": "", "TLS_CERT": "", "TLS_KEY": "", "TLS": "false"},
        3,
        ("it wants TLS", "ROCKETSHIP_TEMPORAL_TLS=true"),
    ),
    "TLS where there is none": (
        {"ADDRESS": "{server.address}"},
        3,
        ("it does not speak TLS", "ROCKETSHIP_TEMPORAL_TLS=false"),
    ),
    "namespace that is not there": (
        {"NAMESPACE": "nowhere"},
        3,
        ('it has no namespace "nowhere"', "ROCKETSHIP_TEMPORAL_NAMESPACE"),
    ),
    "profile that is not there": (
        {"PROFILE": "nowhere"},
        2,
        ("the Temporal profile cannot be used", "ROCKETSHIP_TEMPORAL_PROFILE"),
    ),
}


@pytest.mark.parametrize("role", ["engine", "worker"])
@pytest.mark.parametrize("case_name", REFUSED)
def test_who_is_not_let_in_hears_why_and_what_to_do(
    case_name: str, role: str, tmp_path: Path, edge: Edge, server: TemporalServer
) -> None:
    changes, code, words = REFUSED[case_name]
    changed = {
        f"ROCKETSHIP_TEMPORAL_{name}": value.format(edge=edge, server=server)
        for name, value in changes.items()
    }
    addresses = {f"ROCKETSHIP_ENGINE_{name}_ADDRESS": "127.0.0.1:0" for name in ("GRPC", "HTTP")}
    environment = {**edge.settings, **changed, "ROCKETSHIP_BACKEND": "temporal"}
    if role == "engine":
        environment |= addresses

    ended = run_cli([role], cwd=tmp_path, home=tmp_path / "home", env=environment)

    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    assert API_KEY not in ended.stderr
    told = " ".join(ended.stderr.split())
    for word in words:
        assert word in told
