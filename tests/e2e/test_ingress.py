"""The command line reaches an engine through what the chart's production preset asks of an ingress.

nginx is set up here as a controller would set it up from the annotations of that preset.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.fixtures.cli import run_cli
from tests.fixtures.engine_process import EngineProcess
from tests.fixtures.helm import render
from tests.fixtures.nginx import nginx

PREFIX = "nginx.ingress.kubernetes.io/"
#: What each annotation becomes in the configuration of nginx, when the backend speaks gRPC.
DIRECTIVES = {
    "proxy-body-size": "client_max_body_size {};",
    "proxy-read-timeout": "grpc_read_timeout {}s;",
    "proxy-send-timeout": "grpc_send_timeout {}s;",
}
PASSES = {"GRPC": "grpc_pass grpc://127.0.0.1:{};"}
SUITE = """
name: Through the ingress
tests:
  - name: Lines come as they are said
    steps:
      - { name: First, plugin: log, config: { message: hello } }
      - { name: Wait, plugin: delay, config: { duration: 300ms } }
"""


class Edge:
    """The way in, as the command line knows it."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._options = ("--engine", f"grpcs://localhost:{port}", "--ca-cert", "ca.pem")

    def cli(self, *arguments: str) -> tuple[int, str]:
        """Return the exit code of a command and all that it printed."""
        home = self._folder / "home"
        ended = run_cli([*arguments, *self._options], cwd=self._folder, home=home)
        return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def edge(tmp_path: Path, shared_engine: EngineProcess) -> Iterator[Edge]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    leaf = authority.issue_cert("localhost")
    leaf.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "edge.pem"))
    annotations = render("production").one("Ingress")["metadata"]["annotations"]
    directives = [
        text.format(annotations[PREFIX + name]) for name, text in sorted(DIRECTIVES.items())
    ]
    upstream = PASSES[annotations[f"{PREFIX}backend-protocol"]].format(shared_engine.grpc_port)
    server = f"""
        listen 127.0.0.1:PORT ssl http2;
        ssl_certificate {tmp_path}/edge.pem;
        ssl_certificate_key {tmp_path}/edge.pem;
        {" ".join(directives)}
        location / {{ {upstream} }}
    """
    with nginx(tmp_path / "nginx", server) as port:
        yield Edge(tmp_path, port)


@pytest.mark.slow
def test_suite_runs_through_the_ingress(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "suite.yaml").write_text(SUITE, encoding="utf-8")

    code, output = edge.cli("run", "suite.yaml", "--output", "plain")

    assert code == 0, output
    assert "[First] hello" in output
    assert 'Test run: "Through the ingress" finished. All 1 tests passed.' in output
    code, output = edge.cli("list")
    assert code == 0
    assert "Through the ingress" in output


@pytest.mark.slow
def test_files_of_a_suite_may_be_as_large_as_the_engine_takes(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "big.js").write_text(f"// {'x' * 3_000_000}\nsave('n', 1);\n", encoding="utf-8")
    step = "{ name: js, plugin: script, config: { language: javascript, file: big.js } }"
    suite = f"name: Big\ntests: [{{ name: t, steps: [{step}] }}]\n"
    (tmp_path / "suite.yaml").write_text(suite, encoding="utf-8")

    code, output = edge.cli("run", "suite.yaml", "--output", "plain")

    assert code == 0, output


@pytest.mark.slow
def test_doctor_finds_nothing_wrong_with_the_ingress(edge: Edge) -> None:
    code, output = edge.cli("doctor")

    assert code == 0, output
    assert "✗" not in output
