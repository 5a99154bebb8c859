from __future__ import annotations

import signal
import socket
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from rocketship.demo.server import SampleApi
from rocketship.errors import Infrastructure, UsageError
from tests.apps.catalog import create_catalog


def fetch(url: str, method: str = "GET", body: bytes | None = None) -> bytes:
    """Return the body of an answer; http.client knows no proxies."""
    address = urlsplit(url)
    with closing(HTTPConnection(address.netloc, timeout=10)) as connection:
        connection.request(method, address.path, body)
        return connection.getresponse().read()


def connect(url: str, path: str) -> socket.socket:
    """Send a request and return the connection once its answer has begun."""
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port), timeout=10)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    connection.recv(1000)
    return connection


def test_server_takes_free_ports_and_has_a_memory_of_its_own():
    with SampleApi() as first, SampleApi() as second:
        assert first.url != second.url
        fetch(f"{first.url}/users", "POST", b'{"name": "Ada"}')
        assert fetch(f"{second.url}/users") == b"{}"


def test_server_left_at_once_has_stopped():
    with SampleApi() as api:
        pass
    with pytest.raises(ConnectionRefusedError):
        fetch(api.url)


def test_server_stops_although_connections_are_open(caplog):
    with SampleApi(create_catalog) as api:
        idle, busy = connect(api.url, "/uuid"), connect(api.url, "/broken/silence")
    for connection in (idle, busy):
        with connection, connection.makefile("rb") as rest:
            rest.read()
    assert caplog.records == []


def test_server_port_in_use_is_a_usage_error():
    with SampleApi() as api:
        port = urlsplit(api.url).port or 0
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}"), SampleApi(port=port):
            pass


def test_server_application_that_cannot_be_made_fails_and_refuses_callers():
    def create():
        raise ValueError("no fuel")

    def use() -> None:
        with SampleApi(create) as api, pytest.raises(ConnectionError):
            fetch(api.url)

    with pytest.raises(Infrastructure, match="no fuel"):
        use()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_module_serves_until_a_signal(stop):
    command = [sys.executable, "-m", "rocketship.demo", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert fetch(f"{url}/_health") == b'{"status":"ok"}'
        process.send_signal(stop)
        assert process.wait(timeout=10) == 0


def test_module_port_in_use_says_so(sample_api):
    command = [sys.executable, "-m", "rocketship.demo", "--port", sample_api.rpartition(":")[2]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert "cannot listen on" in done.stderr
