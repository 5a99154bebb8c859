from __future__ import annotations

import pytest

from rocketship.errors import SettingsError
from rocketship.redaction import Secret
from rocketship.settings.auth import (
    AlbSettings,
    AuthSettings,
    OidcSettings,
    TokenSettings,
    auth_settings,
    is_loopback,
    is_safe_url,
)
from rocketship.settings.server import server_settings

TOKEN = "rst_self_" + "a" * 43
OIDC = {"OIDC_ISSUER": "https://login.example/", "OIDC_AUDIENCE": "engine"}
ALB = {
    "ALB_ARNS": "arn:aws:a arn:aws:b",
    "ALB_REGION": "eu-west-1",
    "ALB_ISSUER": "https://login.example/",
    "ALB_CLIENT_ID": "web",
}


def read(**environ: str) -> AuthSettings:
    return auth_settings({f"ROCKETSHIP_{name}": value for name, value in environ.items()})


def test_empty_environment_is_mode_none() -> None:
    assert read() == AuthSettings(modes=("none",)) == read(AUTH_MODE=" ")


@pytest.mark.parametrize(
    ("text", "modes"),
    [
        ("none", ("none",)),
        ("TOKEN", ("token",)),
        (" oidc ", ("oidc",)),
        ("token,oidc", ("token", "oidc")),
        ("oidc, token", ("token", "oidc")),
    ],
)
def test_mode_is_read(text: str, modes: tuple[str, ...]) -> None:
    assert read(AUTH_MODE=text, **(OIDC if "oidc" in text else {})).modes == modes


def test_every_setting_is_read() -> None:
    found = read(
        AUTH_MODE="token,oidc",
        AUTH_ADVERTISE_CLOUD="true",
        ALLOW_ANONYMOUS="true",
        ENGINE_TOKEN=TOKEN,
        WORKER_TOKEN_FILE="/run/worker",
        **OIDC,
        OIDC_CLIENT_ID="cli",
        OIDC_SCOPES="openid,  runs",
        OIDC_JWKS_URL="https://login.example/jwks",
        OIDC_DEVICE_ENDPOINT="https://login.example/device",
        OIDC_TOKEN_ENDPOINT="http://127.0.0.1:8080/token",
        OIDC_ALLOWED_ALGS="RS256 ES256",
        OIDC_LEEWAY_SECONDS="0",
        OIDC_USERNAME_CLAIM="nick",
        **ALB,
    )

    assert found == AuthSettings(
        modes=("token", "oidc"),
        allow_anonymous=True,
        token=TokenSettings(Secret(TOKEN)),
        worker=TokenSettings(Secret(""), "/run/worker"),
        oidc=OidcSettings(
            issuer="https://login.example/",
            audience="engine",
            client_id="cli",
            scopes=("openid", "runs"),
            jwks_url="https://login.example/jwks",
            device_endpoint="https://login.example/device",
            token_endpoint="http://127.0.0.1:8080/token",
            allowed_algs=("RS256", "ES256"),
            leeway_seconds=0,
            username_claim="nick",
        ),
        alb=AlbSettings(("arn:aws:a", "arn:aws:b"), "eu-west-1", "https://login.example/", "web"),
        advertise_cloud=True,
    )
    assert TOKEN not in repr(found)
    assert found.secrets == (TOKEN,)


def test_load_balancer_takes_issuer_and_client_of_oidc() -> None:
    found = read(
        AUTH_MODE="oidc",
        **OIDC,
        OIDC_CLIENT_ID="cli",
        ALB_ARNS="arn:aws:a",
        ALB_REGION="eu-west-1",
    )

    assert found.alb == AlbSettings(("arn:aws:a",), "eu-west-1", "https://login.example/", "cli")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"AUTH_MODE": "tokens"}, "AUTH_MODE=tokens: expected none, token, oidc or token,oidc"),
        ({"AUTH_MODE": "none,token"}, "expected none, token"),
        ({"AUTH_MODE": ","}, "expected none, token"),
        ({"AUTH_MODE": "off"}, "expected none, token"),
        ({"ENGINE_TOKEN": TOKEN}, "ROCKETSHIP_ENGINE_TOKEN is set, and .*_AUTH_MODE is unset"),
        ({"ENGINE_TOKEN_FILE": "/x"}, "ROCKETSHIP_ENGINE_TOKEN_FILE is set"),
        ({"AUTH_MODE": "none", "ENGINE_TOKEN": TOKEN}, "AUTH_MODE is without token"),
        ({"AUTH_MODE": "oidc", **OIDC, "ENGINE_TOKEN": TOKEN}, "AUTH_MODE is without token"),
        ({**OIDC}, "ROCKETSHIP_OIDC_AUDIENCE is set, and .*_AUTH_MODE is unset"),
        ({"AUTH_MODE": "token", **OIDC}, "AUTH_MODE is without oidc"),
        ({"AUTH_MODE": "token", "AUTH_ADVERTISE_CLOUD": "true"}, "AUTH_ADVERTISE_CLOUD is set"),
        ({**ALB}, "ROCKETSHIP_ALB_ARNS is set"),
        ({"AUTH_MODE": "oidc"}, "ROCKETSHIP_OIDC_ISSUER is missing"),
        ({"AUTH_MODE": "oidc", "OIDC_ISSUER": "https://x"}, "ROCKETSHIP_OIDC_AUDIENCE is missing"),
        ({"AUTH_MODE": "oidc", **OIDC, "OIDC_ISSUER": "http://x.example"}, "expected an https URL"),
        ({"AUTH_MODE": "oidc", **OIDC, "OIDC_JWKS_URL": "file:///x"}, "expected an https URL"),
        ({"AUTH_MODE": "oidc", **OIDC, "OIDC_ALLOWED_ALGS": "none"}, "ALLOWED_ALGS has none"),
        ({"AUTH_MODE": "oidc", **OIDC, "OIDC_ALLOWED_ALGS": "HS256"}, "ALLOWED_ALGS has HS256"),
        ({"AUTH_MODE": "oidc", **OIDC, "OIDC_LEEWAY_SECONDS": "301"}, "expected at most 300"),
        ({"AUTH_MODE": "oidc", **OIDC, "OIDC_LEEWAY_SECONDS": "-1"}, "at least 0"),
        ({"AUTH_MODE": "oidc", **OIDC, "OIDC_AUDIANCE": "x"}, "OIDC_AUDIANCE is not a setting"),
        ({"AUTH_MODEL": "token"}, "ROCKETSHIP_AUTH_MODEL is not a setting"),
        ({"AUTH_MODE": "token", **ALB, "ALB_REGION": ""}, "ROCKETSHIP_ALB_REGION is missing"),
        ({"AUTH_MODE": "token", **ALB, "ALB_ISSUER": ""}, "ROCKETSHIP_ALB_ISSUER is missing"),
        ({"AUTH_MODE": "token", **ALB, "ALB_REGION": "evil.example/"}, "expected a region"),
        ({"AUTH_MODE": "token", **ALB, "ALB_ARNS": "web"}, "expected arn:aws"),
        (
            {"AUTH_MODE": "token", "ENGINE_TOKEN": "a", "ENGINE_TOKEN_FILE": "/x"},
            "are both set",
        ),
        ({"WORKER_TOKEN": "a", "WORKER_TOKEN_FILE": "/x"}, "are both set"),
        ({"ALLOW_ANONYMOUS": "yes"}, "expected one of true, false"),
    ],
)
def test_what_cannot_be_meant_keeps_the_engine_from_starting(
    environ: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message) as caught:
        read(**environ)
    assert TOKEN not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("address", ["0.0.0.0:1", "[::]:1", "10.0.0.1:1", "engine:1"])
@pytest.mark.parametrize("name", ["ENGINE_GRPC_ADDRESS", "ENGINE_HTTP_ADDRESS"])
def test_open_door_to_strangers_must_be_meant(address: str, name: str) -> None:
    environ = {f"ROCKETSHIP_{name}": address}

    with pytest.raises(SettingsError, match="where anybody could use it") as caught:
        server_settings(environ)
    assert "ROCKETSHIP_ALLOW_ANONYMOUS=true" in str(caught.value.hint)
    meant = server_settings(environ | {"ROCKETSHIP_ALLOW_ANONYMOUS": "true"})
    assert meant.open_to_strangers
    locked = server_settings(environ | {"ROCKETSHIP_AUTH_MODE": "token"})
    assert not locked.open_to_strangers


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1"])
def test_door_within_this_machine_may_be_open(address: str) -> None:
    assert not server_settings({"ROCKETSHIP_ENGINE_GRPC_ADDRESS": address}).open_to_strangers


def test_service_links_of_kubernetes_are_no_settings() -> None:
    assert read(AUTH_SERVICE_HOST="10.0.0.1", OIDC_PORT_80_TCP="tcp://1") == AuthSettings()


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://login.example/a?b=c", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:1/x", True),
        ("http://login.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("https://user:pass@login.example", False),
        ("https://login.example/#x", False),
        ("https://login.example/a b", False),
        ("https://login.example:port", False),
        ("https://", False),
        ("ftp://login.example", False),
        ("login.example", False),
        ("https://[::1", False),
    ],
)
def test_url_is_safe_when_nobody_can_listen_in(url: str, safe: bool) -> None:
    assert is_safe_url(url) is safe


def test_loopback_is_an_address_or_the_name_of_it() -> None:
    assert is_loopback("localhost")
    assert not is_loopback("localhost.example")
    assert not is_loopback("")
