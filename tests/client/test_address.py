"""Addresses of engines as people write them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketship.client.address import Address, parse_address
from rocketship.errors import UsageError


@pytest.mark.parametrize(
    ("text", "target", "tls"),
    [
        ("https://h", "h:443", True),
        ("grpcs://h", "h:443", True),
        ("https://h:8443", "h:8443", True),
        ("grpcs://h:8443", "h:8443", True),
        ("http://h", "h:7700", False),
        ("grpc://h", "h:7700", False),
        ("http://h:80", "h:80", False),
        ("h:7711", "h:7711", False),
        ("h", "h:7700", False),
        ("foo:123", "foo:123", False),
        ("localhost", "localhost:7700", False),
        ("10.0.0.1:9", "10.0.0.1:9", False),
        ("my_service:1", "my_service:1", False),
        ("GRPCS://Engine.Example.COM.", "engine.example.com.:443", True),
        ("https://h/", "h:443", True),
        ("  h:1\n", "h:1", False),
        ("[::1]", "[::1]:7700", False),
        ("[::1]:1", "[::1]:1", False),
        ("grpcs://[2001:DB8::7]", "[2001:db8::7]:443", True),
        ("unix:1", "unix:1", False),
    ],
)
def test_address_is_read_with_its_default_port(text: str, target: str, tls: bool) -> None:
    address = parse_address(text)

    assert (address.authority, address.tls) == (target, tls)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the host is missing"),
        (":7700", "the host is missing"),
        ("https://", "the host is missing"),
        ("https://:443", "the host is missing"),
        ("::1", "cannot be told apart"),
        ("h:1:2", "cannot be told apart"),
        ("[::1", "cannot be told apart"),
        ("[::1]x:1", "cannot be told apart"),
        ("[h]:1", '"h" is not an IPv6 address'),
        ("[fe80::1%eth0]:1", '"fe80::1%eth0" is not an IPv6 address'),
        ("tcp://h:1", 'the scheme "tcp" is unknown'),
        ("unix:///run/x", 'the scheme "unix" is unknown'),
        ("://h", 'the scheme "" is unknown'),
        ("h:0", '"0" is not a port'),
        ("h:65536", '"65536" is not a port'),
        ("h:99999", '"99999" is not a port'),
        ("h:", "the port is missing"),
        ("https://h:", "the port is missing"),
        ("[::1]:", "the port is missing"),
        ("h:x", '"x" is not a port'),
        ("h:-1", '"-1" is not a port'),
        ("h:٣", '"٣" is not a port'),
        ("https://h/path", "gRPC has no paths"),
        ("h?x=1", "gRPC has no paths"),
        ("h h", '"h h" is not a host name'),
        ("-h", '"-h" is not a host name'),
        ("bücher.example", "is not a host name"),
        ("a..b", "is not a host name"),
        ("1.2.3", '"1.2.3" is not an IPv4 address'),
        ("256.0.0.1", "is not an IPv4 address"),
        ("h" * 254, "is not a host name"),
    ],
)
def test_anything_else_is_refused_with_what_is_accepted(text: str, why: str) -> None:
    with pytest.raises(UsageError, match="is not the address of an engine") as caught:
        parse_address(text)

    assert why in caught.value.message
    assert "grpcs://HOST[:PORT]" in (caught.value.hint or "")


def test_credentials_are_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="must not contain a user name") as caught:
        parse_address("https://me:secret@h")

    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("x.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("127.example.com", False),
        ("notlocalhost", False),
        ("::2", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(host: str, loopback: bool) -> None:
    assert Address(host, 1).loopback is loopback


LABELS = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,10}[a-z0-9_])?", fullmatch=True)
NAMES = (
    st.lists(LABELS, min_size=1, max_size=4)
    .map(".".join)
    .filter(lambda name: not name[-1:].isdigit())
)
IPS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).filter(
    lambda ip: not getattr(ip, "scope_id", None)
)
HOSTS = st.one_of(NAMES, IPS.map(str))


@given(st.builds(Address, HOSTS, st.integers(1, 65535), st.booleans()))
def test_address_survives_being_written_and_read(address: Address) -> None:
    assert parse_address(str(address)) == address


@given(st.ip_addresses(v=6))
def test_every_ipv6_address_needs_brackets(ip: ipaddress.IPv6Address) -> None:
    assert parse_address(f"[{ip}]").host == str(ip)
    with pytest.raises(UsageError):
        parse_address(f"https://{ip}")


@given(st.text())
def test_any_text_is_an_address_or_a_usage_error(text: str) -> None:
    try:
        address = parse_address(text)
    except UsageError:
        return
    assert 0 < address.port < 65536
    assert parse_address(str(address)) == address
