"""Which proxy HTTPS_PROXY and NO_PROXY mean for an address."""

from __future__ import annotations

import pytest

from rocketship.client.address import parse_address
from rocketship.client.proxy import Proxy, proxy_for
from rocketship.errors import SettingsError

ENGINE = parse_address("grpcs://engine.example.com")


@pytest.mark.parametrize(
    ("value", "proxy"),
    [
        ("http://proxy:8080", Proxy("HTTPS_PROXY", "proxy", 8080)),
        ("http://proxy:8080/", Proxy("HTTPS_PROXY", "proxy", 8080)),
        ("proxy", Proxy("HTTPS_PROXY", "proxy", 3128)),
        (" HTTP://10.0.0.1:1 ", Proxy("HTTPS_PROXY", "10.0.0.1", 1)),
        ("http://[::1]:8080", Proxy("HTTPS_PROXY", "[::1]", 8080)),
        ("http://me:p%40ss@proxy:1", Proxy("HTTPS_PROXY", "proxy", 1, "me:p%40ss")),
    ],
)
def test_proxy_is_read_from_its_variable(value: str, proxy: Proxy) -> None:
    assert proxy_for(ENGINE, {"HTTPS_PROXY": value}) == proxy


def test_credentials_are_used_and_never_shown() -> None:
    proxy = proxy_for(ENGINE, {"https_proxy": "me:secret@proxy:1"})

    assert proxy is not None
    assert proxy.url == "http://me:secret@proxy:1"
    assert "secret" not in f"{proxy} {proxy!r}"


def test_lower_case_variables_come_first() -> None:
    environ = {"https_proxy": "a:1", "HTTPS_PROXY": "b:1", "no_proxy": "x", "NO_PROXY": "*"}

    assert proxy_for(ENGINE, environ) == Proxy("https_proxy", "a", 1)


@pytest.mark.parametrize("environ", [{}, {"HTTPS_PROXY": ""}, {"HTTP_PROXY": "proxy:1"}])
def test_no_proxy_is_used_without_the_variable_for_tunnels(environ: dict[str, str]) -> None:
    assert proxy_for(ENGINE, environ) is None


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1:7700", "grpcs://[::1]"])
def test_this_machine_is_never_asked_for_through_a_proxy(text: str) -> None:
    assert proxy_for(parse_address(text), {"HTTPS_PROXY": "proxy:1"}) is None


@pytest.mark.parametrize(
    ("address", "exceptions", "direct"),
    [
        ("engine.example.com", "engine.example.com", True),
        ("engine.example.com", "example.com", True),
        ("engine.example.com", ".example.com", True),
        ("engine.example.com", "*.example.com", True),
        ("engine.example.com", "a, EXAMPLE.com ,b", True),
        ("engine.example.com", "*", True),
        ("engine.example.com", "ample.com", False),
        ("engine.example.com", "", False),
        ("engine.example.com", ",", False),
        ("engine.example.com:7700", "example.com:7700", True),
        ("engine.example.com:7700", "example.com:80", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "11.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("engine.example.com", "10.0.0.0/8", False),
        ("engine.example.com", "what/ever", False),
        ("[2001:db8::1]", "2001:db8::1", True),
        ("[2001:db8::1]", "[2001:db8::1]:7700", True),
        ("[2001:db8::1]", "2001:db8::/32", True),
    ],
)
def test_exceptions_are_names_domains_and_networks(
    address: str, exceptions: str, direct: bool
) -> None:
    proxy = proxy_for(parse_address(address), {"HTTPS_PROXY": "p:1", "NO_PROXY": exceptions})

    assert (proxy is None) is direct


@pytest.mark.parametrize(
    "value", ["https://proxy:1", "socks5://proxy:1", "http://proxy:0", "http://p:99999", "a b"]
)
def test_proxy_that_grpc_cannot_use_is_a_settings_error(value: str) -> None:
    with pytest.raises(SettingsError, match="HTTPS_PROXY does not name a proxy") as caught:
        proxy_for(ENGINE, {"HTTPS_PROXY": value})

    assert "engine.example.com into NO_PROXY" in (caught.value.hint or "")
