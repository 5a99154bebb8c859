from __future__ import annotations

from pathlib import Path

import pytest

from rocketship.errors import SettingsError
from rocketship.settings.auth import AuthSettings
from rocketship.settings.reader import Address
from rocketship.settings.server import ServerSettings, TlsSettings, server_settings


def test_empty_environment_gives_the_defaults() -> None:
    assert server_settings({}) == ServerSettings()
    assert server_settings({"ROCKETSHIP_ENGINE_GRPC_ADDRESS": " "}) == ServerSettings()


def test_every_setting_is_read() -> None:
    found = server_settings(
        {
            "ROCKETSHIP_ENGINE_GRPC_ADDRESS": "0.0.0.0:1",
            "ROCKETSHIP_ENGINE_HTTP_ADDRESS": "[::1]:0",
            "ROCKETSHIP_ENGINE_TLS_CERT": "c.pem",
            "ROCKETSHIP_ENGINE_TLS_KEY": "k.pem",
            "ROCKETSHIP_ENGINE_TLS_CLIENT_CA": "ca.pem",
            "ROCKETSHIP_ENGINE_REFLECTION": "true",
            "ROCKETSHIP_PUBLIC_GRPC_ENDPOINT": "grpcs://tests.example",
            "ROCKETSHIP_PUBLIC_HTTP_ENDPOINT": "https://tests.example",
            "ROCKETSHIP_DRAIN_DELAY": "5s",
            "ROCKETSHIP_GRACE": "1m",
            "ROCKETSHIP_LOG": "DEBUG",
            "ROCKETSHIP_LOG_FORMAT": "json",
            "ROCKETSHIP_ALLOW_ANONYMOUS": "true",
        }
    )

    assert found == ServerSettings(
        grpc=Address("0.0.0.0", 1),
        http=Address("::1", 0),
        tls=TlsSettings(Path("c.pem"), Path("k.pem"), Path("ca.pem")),
        reflection=True,
        public_grpc="grpcs://tests.example",
        public_http="https://tests.example",
        drain_seconds=5.0,
        grace_seconds=60.0,
        log_level="debug",
        log_format="json",
        auth=AuthSettings(allow_anonymous=True),
    )


@pytest.mark.parametrize(
    ("grpc", "http"),
    [
        ("127.0.0.1:7830", "127.0.0.1:7830"),
        ("LocalHost:7830", "localhost:7830"),
        ("127.0.0.1:7830", "0.0.0.0:7830"),
        ("[::]:7830", "127.0.0.1:7830"),
        ("127.0.0.1:7701", ""),
    ],
)
def test_listeners_on_one_port_are_refused(grpc: str, http: str) -> None:
    env = {"ROCKETSHIP_ENGINE_GRPC_ADDRESS": grpc, "ROCKETSHIP_ENGINE_HTTP_ADDRESS": http}

    with pytest.raises(SettingsError) as caught:
        server_settings({**env, "ROCKETSHIP_ALLOW_ANONYMOUS": "true"})

    assert all(name in caught.value.message for name in env)


@pytest.mark.parametrize(
    ("grpc", "http"),
    [("127.0.0.1:0", "127.0.0.1:0"), ("127.0.0.1:7830", "127.0.0.2:7830")],
)
def test_ports_that_do_not_meet_are_taken(grpc: str, http: str) -> None:
    env = {"ROCKETSHIP_ENGINE_GRPC_ADDRESS": grpc, "ROCKETSHIP_ENGINE_HTTP_ADDRESS": http}

    settings = server_settings(env)

    assert (str(settings.grpc), str(settings.http)) == (grpc, http)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ENGINE_GRPC_ADDRESS", "7700", "expected HOST:PORT"),
        ("ENGINE_GRPC_ADDRESS", "localhost:", "expected HOST:PORT"),
        ("ENGINE_GRPC_ADDRESS", "::1:7700", "expected HOST:PORT"),
        ("ENGINE_HTTP_ADDRESS", "http://localhost:1", "expected HOST:PORT"),
        ("ENGINE_HTTP_ADDRESS", "localhost:65536", "expected HOST:PORT"),
        ("ENGINE_REFLECTION", "maybe", "expected one of true, false"),
        ("DRAIN_DELAY", "5", "expected a number and a unit"),
        ("GRACE", "-1s", "expected a number and a unit"),
        ("LOG", "loud", "expected one of debug"),
        ("LOG_FORMAT", "xml", "expected one of console, json"),
        ("PUBLIC_GRPC_ENDPOINT", "%%garbage", "expected a URL or HOST:PORT"),
        ("PUBLIC_HTTP_ENDPOINT", "ftp://tests.example", "expected a URL or HOST:PORT"),
        ("ENGINE_TLS_CERT", "c.pem", "ROCKETSHIP_ENGINE_TLS_KEY is missing"),
        ("ENGINE_TLS_KEY", "k.pem", "ROCKETSHIP_ENGINE_TLS_CERT is missing"),
        ("ENGINE_TLS_CLIENT_CA", "ca.pem", "ROCKETSHIP_ENGINE_TLS_CERT is missing"),
    ],
)
def test_value_that_cannot_be_used_is_refused(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        server_settings({f"ROCKETSHIP_{name}": value})


def test_unknown_engine_setting_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(SettingsError, match="ROCKETSHIP_ENGINE_HTTP_ADRES") as caught:
        server_settings({"ROCKETSHIP_ENGINE_HTTP_ADRES": "x"})
    assert caught.value.hint == 'did you mean "ROCKETSHIP_ENGINE_HTTP_ADDRESS"?'


def test_what_kubernetes_says_about_a_service_of_that_name_is_no_setting() -> None:
    environ = {
        "ROCKETSHIP_ENGINE_SERVICE_HOST": "10.0.0.1",
        "ROCKETSHIP_ENGINE_SERVICE_PORT": "7700",
        "ROCKETSHIP_ENGINE_SERVICE_PORT_GRPC": "7700",
        "ROCKETSHIP_ENGINE_PORT": "tcp://10.0.0.1:7700",
        "ROCKETSHIP_ENGINE_PORT_7700_TCP_ADDR": "10.0.0.1",
        "ROCKETSHIP_ENGINE": "grpc://10.0.0.1",
    }

    assert server_settings(environ) == ServerSettings()
