"""Writes the curl command line that repeats a request, free of secrets."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from rocketship.plugins.http.body import MAX_SHOWN_BYTES, uploads
from rocketship.plugins.http.client import DEFAULT_CONNECT_TIMEOUT_SECONDS, Request
from rocketship.plugins.http.cookies import of_host
from rocketship.plugins.http.request import DEFAULT_HEADERS, max_redirects
from rocketship.redaction import STARS, is_secret_header
from rocketship.values import Json, to_text

#: What stands for a body that fits no command line.
BODY_FILE = "@BODY"
_CURL = "curl --silent --show-error --include"
_VERSION_OPTIONS = {"1.1": "--http1.1", "3": "--http3-only"}
_GLOB = re.compile(r"[\[\]{}]")
_DOT_SEGMENT = re.compile(r"/\.{1,2}(/|$)")


def command_line(request: Request, config: Mapping[str, Any]) -> str:
    """Return a command for a POSIX shell that sends the first request of a step again.

    Secret headers and passwords are stars, to be filled in; files keep the paths the suite uses.
    """
    words = [*_method(request), request.url]
    words += _headers(request, config)
    words += _body(request, config)
    words += _credentials(request)
    words += _connection(request, config)
    return " ".join((_CURL, *map(shlex.quote, words)))


def _method(request: Request) -> Iterator[str]:
    if request.method == "HEAD":
        yield "--head"
    elif request.method != ("GET" if request.body is None else "POST"):
        yield from ("--request", request.method)
    if _GLOB.search(request.url):
        yield "--globoff"
    if "/." in request.url and _DOT_SEGMENT.search(urlsplit(request.url).path):
        yield "--path-as-is"


def _headers(request: Request, config: Mapping[str, Any]) -> Iterator[str]:
    names = {name for name, _ in request.headers}
    for name, value in request.headers:
        if (name, value) in DEFAULT_HEADERS or (name == "Content-Type" and _is_form(config)):
            continue
        text = STARS if is_secret_header(name) else value
        yield from ("--header", f"{name}: {text}" if text else f"{name};")
    if request.body is not None and "Content-Type" not in names:
        yield from ("--header", "Content-Type:")
    if "Accept-Encoding" not in names:
        yield "--compressed"
    if request.cookies and of_host(request.cookies, request.url):
        yield from ("--cookie", STARS)


def _is_form(config: Mapping[str, Any]) -> bool:
    """Whether curl adds the Content-Type by itself, boundary included."""
    return config["multipart"] is not None


def _body(request: Request, config: Mapping[str, Any]) -> Iterator[str]:
    if config["multipart"] is not None:
        yield from _parts(config["multipart"])
    elif config["body_file"] is not None and not config["template"]:
        yield from ("--data-binary", f"@{config['body_file']}")
    elif request.body is not None:
        text = _inline(request.body)
        yield from ("--data-raw", text) if text is not None else ("--data-binary", BODY_FILE)


def _inline(body: bytes) -> str | None:
    if len(body) > MAX_SHOWN_BYTES or b"\0" in body:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _parts(multipart: Mapping[str, Any]) -> Iterator[str]:
    fields: Mapping[str, Json] = multipart["fields"]
    for name, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            yield from ("--form-string", f"{name}={to_text(item)}")
    for name, upload in uploads(multipart["files"]):
        filename = upload.filename.replace("\\", "\\\\").replace('"', '\\"')
        details = f'filename="{filename}";type={upload.content_type}'
        yield from ("--form", f'{name}=@"{upload.path}";{details}')


def _credentials(request: Request) -> Iterator[str]:
    if request.credentials is None:
        return
    if request.aws_scope is None:
        yield "--digest"
    else:
        scope = request.aws_scope
        yield from ("--aws-sigv4", f"aws:amz:{scope.region}:{scope.service}")
    yield from ("--user", f"{request.credentials.username}:{STARS}")


def _connection(request: Request, config: Mapping[str, Any]) -> Iterator[str]:
    if limit := max_redirects(config):
        yield from ("--location", "--max-redirs", str(limit))
    if request.timeout_seconds is not None:
        yield from ("--max-time", to_text(request.timeout_seconds))
    if request.connect_timeout_seconds != DEFAULT_CONNECT_TIMEOUT_SECONDS:
        yield from ("--connect-timeout", to_text(request.connect_timeout_seconds))
    if request.http_version == "2":
        plain = request.url.startswith("http:")
        yield "--http2-prior-knowledge" if plain else "--http2"
    elif request.http_version is not None:
        yield _VERSION_OPTIONS[request.http_version]
    if not config["verify"]:
        yield "--insecure"
    for key, option in (("ca", "--cacert"), ("cert", "--cert"), ("key", "--key")):
        if config[key] is not None:
            yield from (option, config[key])
    if config["key_password"] is not None:
        yield from ("--pass", STARS)
    if config["proxy"] is not None:
        yield from ("--proxy", without_password(request.proxy.url))


def without_password(url: str) -> str:
    """Return a URL with the password in it starred."""
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return url
    username = userinfo.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{username}:{STARS}@{host}"))
