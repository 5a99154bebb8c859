"""What a client trusts and shows during a TLS handshake.

Not verifying at all is more than gRPC offers, and more than anybody should want: with
`insecure_skip_verify` the certificate that the server presents now is fetched, shown by its
fingerprint, and then the only one trusted for as long as the connection lasts.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from rocketship.client.address import Address
from rocketship.client.proxy import Proxy
from rocketship.dataclass import dataclass
from rocketship.errors import UsageError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_MAX_PROXY_ANSWER = 16 * 1024


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How to verify the server and identify ourselves; without any, the system decides.

    Attributes:
        ca_cert: PEM file of the authorities to trust instead of the system's.
        client_cert: PEM file of our certificate, for engines that ask for one.
        client_key: PEM file of its key; may be left out when the certificate's file holds it.
        server_name: The name to ask for and to verify instead of the address's host.
        insecure_skip_verify: Trust whatever certificate the server presents now.
    """

    ca_cert: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    server_name: str = ""
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """The PEM texts a handshake needs; None stands for the system's authorities, or for nothing."""

    roots: bytes | None = None
    key: bytes | None = None
    chain: bytes | None = None


@dataclass(frozen=True, slots=True)
class Presented:
    """A certificate as a server presented it: PEM, SHA-256 fingerprint, and a name it is for."""

    pem: bytes
    fingerprint: str
    name: str


def load(options: TlsOptions) -> Identity:
    """Read and check the files.

    Raises:
        UsageError: A file cannot be read or used, or options contradict each other.
    """
    if options.ca_cert and options.insecure_skip_verify:
        raise UsageError("--ca-cert and --insecure-skip-verify contradict each other")
    if options.client_key and not options.client_cert:
        raise UsageError(
            "--client-key needs the certificate it belongs to", hint="add --client-cert"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    roots = key = chain = None
    if options.ca_cert:
        roots = _read(options.ca_cert, "--ca-cert")
        try:
            context.load_verify_locations(cadata=roots.decode("ascii", "ignore"))
        except ssl.SSLError as error:
            message = f"--ca-cert {options.ca_cert} holds no certificate in PEM format"
            raise UsageError(message) from error
    if options.client_cert:
        key_file = options.client_key or options.client_cert
        chain, key = _read(options.client_cert, "--client-cert"), _read(key_file, "--client-key")
        try:
            # An empty password keeps OpenSSL from asking on the terminal.
            context.load_cert_chain(options.client_cert, key_file, password=b"")
        except (ssl.SSLError, ValueError) as error:
            raise UsageError(
                f"the client certificate {options.client_cert} and the key {key_file} cannot be "
                "used together",
                hint="both must be PEM, belong to each other, and have no password",
            ) from error
    return Identity(roots, key, chain)


async def fetch_certificate(
    address: Address, options: TlsOptions, proxy: Proxy | None
) -> Presented:
    """Return the certificate the server presents now, whatever it is worth.

    Raises:
        OSError: The server cannot be reached, or does not speak TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    if options.client_cert:
        context.load_cert_chain(options.client_cert, options.client_key, password=b"")
    via = (proxy.host.strip("[]"), proxy.port) if proxy else (address.host, address.port)
    reader, writer = await asyncio.open_connection(*via)
    try:
        if proxy:
            await _tunnel(reader, writer, address, proxy)
        name = options.server_name or address.host
        await writer.start_tls(context, server_hostname=name)
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.close()
    return _presented(der, name)


async def _tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: Address, proxy: Proxy
) -> None:
    lines = [f"CONNECT {address.authority} HTTP/1.1", f"Host: {address.authority}"]
    if proxy.credentials:
        from base64 import b64encode
        from urllib.parse import unquote

        token = b64encode(unquote(proxy.credentials).encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {token}")
    writer.write("\r\n".join((*lines, "", "")).encode())
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        raise ConnectionError("the proxy hung up") from error
    status = answer[:_MAX_PROXY_ANSWER].split(maxsplit=2)[1:2]
    if status != [b"200"]:
        code = status[0].decode("latin-1") if status else "nothing"
        # In the words of gRPC, so that it is explained like the same refusal there.
        raise ConnectionError(f"HTTP proxy returned response code {code}")


def _presented(der: bytes, wanted: str) -> Presented:
    from hashlib import sha256

    from cryptography.x509 import load_der_x509_certificate

    digest = sha256(der).hexdigest().upper()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    names = _names(load_der_x509_certificate(der))
    name = wanted if any(_covers(each, wanted) for each in names) else _concrete(names, wanted)
    return Presented(ssl.DER_cert_to_PEM_cert(der).encode(), fingerprint, name)


def _names(certificate: Certificate) -> list[str]:
    from cryptography.x509 import DNSName, ExtensionNotFound, IPAddress, SubjectAlternativeName
    from cryptography.x509.oid import NameOID

    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [str(attribute.value) for attribute in common]
    addresses = [str(address) for address in found.get_values_for_type(IPAddress)]
    return [*found.get_values_for_type(DNSName), *addresses]


def _covers(pattern: str, name: str) -> bool:
    if pattern.startswith("*."):
        return name.partition(".")[2].lower() == pattern[2:].lower()
    return name.lower() == pattern.lower()


def _concrete(names: list[str], wanted: str) -> str:
    """Return a name the certificate is good for; verification needs one."""
    return names[0].replace("*", "any", 1) if names else wanted


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{option} {path} cannot be read: {error.strerror}") from error
