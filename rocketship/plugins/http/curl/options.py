"""Translates a request into the options of a libcurl handle."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from functools import cache

import pycurl

from rocketship.plugins.http.client import MAX_BODY_BYTES, Proxy, Request, Tls

#: Where systems keep their certificate authorities when neither Python nor the environment knows.
#: The libcurl inside pycurl's wheels only looks where the system it was built on had them.
AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class Sink:
    """Takes what a transfer receives: header lines, and a body of bounded size."""

    __slots__ = ("chunks", "lines", "overflow", "size")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.chunks: list[bytes] = []
        self.size = 0
        self.overflow = False

    def write(self, chunk: bytes) -> int:
        """Keep a piece of the body; -1 makes libcurl give up."""
        self.size += len(chunk)
        if self.size > MAX_BODY_BYTES:
            self.overflow = True
            return -1
        self.chunks.append(chunk)
        return len(chunk)


def configure(handle: pycurl.Curl, request: Request, sink: Sink) -> None:
    """Set every option a request needs on a handle that has none.

    Raises:
        pycurl.error: This libcurl cannot do what the request needs.
    """
    handle.setopt(pycurl.URL, request.url)
    handle.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    handle.setopt(pycurl.NOSIGNAL, 1)
    handle.setopt(pycurl.HEADERFUNCTION, sink.lines.append)
    handle.setopt(pycurl.WRITEFUNCTION, sink.write)
    _set_method(handle, request)
    _set_headers(handle, request)
    _set_limits(handle, request)
    _set_version(handle, request)
    _set_proxy(handle, request.proxy)
    _set_credentials(handle, request)
    _set_cookies(handle, request.cookies)
    if request.url.startswith("https:"):
        _set_tls(handle, request.tls)
    if request.certificate:
        # libcurl tells the certificates only of a connection the handle made itself.
        handle.setopt(pycurl.OPT_CERTINFO, 1)
        handle.setopt(pycurl.FRESH_CONNECT, 1)
        handle.setopt(pycurl.SSL_SESSIONID_CACHE, 0)


def clear(handle: pycurl.Curl) -> None:
    """Make a handle as good as new; only its cookies survive a plain reset."""
    handle.reset()
    handle.setopt(pycurl.COOKIELIST, "ALL")


def _set_method(handle: pycurl.Curl, request: Request) -> None:
    if request.body is not None:
        handle.setopt(pycurl.POSTFIELDS, request.body)
    if request.method == "HEAD":
        handle.setopt(pycurl.NOBODY, 1)
    elif request.method != ("GET" if request.body is None else "POST"):
        handle.setopt(pycurl.CUSTOMREQUEST, request.method)


def _set_headers(handle: pycurl.Curl, request: Request) -> None:
    lines: list[bytes] = []
    names: set[str] = set()
    encodings = ""  # whatever libcurl can undo
    for name, value in request.headers:
        match name.lower():
            case "accept-encoding":
                encodings = value
            # Options and defaults stay out of an AWS signature, which proxies would break else.
            case "user-agent":
                handle.setopt(pycurl.USERAGENT, _encode(value))
            case "accept" if value == "*/*":
                names.add("accept")
            case lower:
                names.add(lower)
                # "Name:" would remove a header; this is how libcurl spells an empty value.
                lines.append(_encode(f"{name}: {value}" if value else f"{name};"))
    if "accept" not in names:
        lines.append(b"Accept:")
    if request.body is not None:
        lines.append(b"Expect:")  # waiting for a 100 costs a second with servers that send none
        if "content-type" not in names:
            lines.append(b"Content-Type:")  # libcurl takes every body for a form
    handle.setopt(pycurl.HTTPHEADER, lines)
    handle.setopt(pycurl.ACCEPT_ENCODING, encodings)


def _encode(text: str) -> bytes:
    return text.encode(errors="replace")


def _set_limits(handle: pycurl.Curl, request: Request) -> None:
    handle.setopt(pycurl.CONNECTTIMEOUT_MS, _milliseconds(request.connect_timeout_seconds))
    if request.timeout_seconds is not None:
        handle.setopt(pycurl.TIMEOUT_MS, _milliseconds(request.timeout_seconds))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # to libcurl, 0 means no limit


def _set_version(handle: pycurl.Curl, request: Request) -> None:
    if request.http_version == "1.1":
        version = pycurl.CURL_HTTP_VERSION_1_1
    elif request.http_version == "3":
        version = pycurl.CURL_HTTP_VERSION_3ONLY
    elif request.http_version == "2" and request.url.startswith("http:"):
        version = pycurl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
    else:
        version = pycurl.CURL_HTTP_VERSION_2TLS
    handle.setopt(pycurl.HTTP_VERSION, version)


def _set_proxy(handle: pycurl.Curl, proxy: Proxy) -> None:
    # Empty values keep libcurl from looking into the environment by itself.
    handle.setopt(pycurl.PROXY, proxy.url)
    handle.setopt(pycurl.NOPROXY, proxy.bypass)


def _set_credentials(handle: pycurl.Curl, request: Request) -> None:
    if request.aws_scope is None:
        handle.setopt(pycurl.PATH_AS_IS, 1)  # libcurl signs only paths that it may tidy up
    if request.credentials is None:
        return
    handle.setopt(pycurl.USERNAME, _encode(request.credentials.username))
    handle.setopt(pycurl.PASSWORD, _encode(request.credentials.password))
    if request.aws_scope is None:
        handle.setopt(pycurl.HTTPAUTH, pycurl.HTTPAUTH_DIGEST)
    else:
        scope = f"aws:amz:{request.aws_scope.region}:{request.aws_scope.service}"
        handle.setopt(pycurl.AWS_SIGV4, _encode(scope))


def _set_cookies(handle: pycurl.Curl, cookies: Iterable[str]) -> None:
    handle.setopt(pycurl.COOKIEFILE, "")  # names no file: it switches the cookie engine on
    for line in cookies:
        handle.setopt(pycurl.COOKIELIST, _encode(line))


def _set_tls(handle: pycurl.Curl, tls: Tls) -> None:
    if not tls.verify:
        handle.setopt(pycurl.SSL_VERIFYPEER, 0)
        handle.setopt(pycurl.SSL_VERIFYHOST, 0)
    if tls.ca is not None:
        handle.setopt(pycurl.CAINFO_BLOB, tls.ca)
    else:
        _trust_system(handle)
    if tls.cert is not None:
        handle.setopt(pycurl.SSLCERT_BLOB, tls.cert)
        handle.setopt(pycurl.SSLKEY_BLOB, tls.key or tls.cert)
        # Without any password OpenSSL would ask for one on the terminal, and wait.
        handle.setopt(pycurl.KEYPASSWD, _encode(tls.key_password or ""))


def _trust_system(handle: pycurl.Curl) -> None:
    file, directory = _authorities()
    if file is not None:
        handle.setopt(pycurl.CAINFO, file)
    if directory is not None:
        handle.setopt(pycurl.CAPATH, directory)


@cache
def _authorities() -> tuple[str | None, str | None]:
    known = ssl.get_default_verify_paths()  # knows SSL_CERT_FILE and SSL_CERT_DIR
    if known.cafile is None:
        found = next((path for path in AUTHORITIES if os.path.exists(path)), None)
        return found, known.capath
    return known.cafile, known.capath
