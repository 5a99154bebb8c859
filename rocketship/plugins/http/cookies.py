"""The cookie jar of a test: lines of a Netscape cookie file in the memory the interpreter keeps.

libcurl applies the rules (domains, paths, expiry, secure); what is here carries its cookies from
one step to the next, and finds one by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import replace
from urllib.parse import urlsplit

from rocketship.plugins.http.client import Reply, Request
from rocketship.values import Json

_KEY = "cookies"
#: What libcurl writes before the domain of a cookie that scripts must not see.
_HTTP_ONLY = "#HttpOnly_"
_DELETES = re.compile(r";\s*max-age\s*=\s*\"?(0+|-[0-9]+)\"?\s*(;|$)", re.IGNORECASE)


class Jar:
    """The cookies of one test. A request with a `Cookie` header of its own gets none from here."""

    def __init__(self, memory: MutableMapping[str, Json]) -> None:
        self._memory = memory

    def add_to(self, request: Request) -> Request:
        """Return the request with all cookies; the client chooses among them."""
        if _KEY not in self._memory and not request.cookies:
            return request
        lines = () if _has_own(request) else self._lines()
        return replace(request, cookies=lines) if lines != request.cookies else request

    def take(self, request: Request, reply: Reply) -> None:
        """Keep what a reply made of the cookies."""
        if _KEY not in self._memory and not reply.cookies:
            return
        lines = list(reply.cookies)
        if _has_own(request):
            # The client did not know the others. Those that the reply set anew, or deleted, go.
            names = set(set_cookies(reply))
            kept = [
                line
                for line in self._lines()
                if line.split("\t")[5] not in names or not _is_of(line, request.url)
            ]
            lines = [*kept, *lines]
        self._memory[_KEY] = [*lines]

    def values(self) -> Iterator[str]:
        """Yield the values of all cookies."""
        return (line.rpartition("\t")[2].strip('"') for line in self._lines())

    def _lines(self) -> tuple[str, ...]:
        stored = self._memory.get(_KEY)
        lines = stored if isinstance(stored, list) else []
        return tuple(line for line in lines if isinstance(line, str) and line.count("\t") == 6)


def set_cookies(reply: Reply) -> dict[str, str]:
    """Return the cookies a reply sets, by name."""
    found: dict[str, str] = {}
    for name, value in reply.headers:
        if name.lower() == "set-cookie":
            cookie, content = _pair(value)
            found[cookie] = content
    return found


def new_value(header: str) -> str:
    """Return the value that a `Set-Cookie` header brings; one that deletes a cookie brings none."""
    return "" if _DELETES.search(header) else _pair(header)[1]


def find(lines: Iterable[str], url: str, name: str) -> str | None:
    """Return the value of a cookie that belongs to the URL's host, or None."""
    return of_host(lines, url).get(name)


def of_host(lines: Iterable[str], url: str) -> dict[str, str]:
    """Return the cookies that belong to the URL's host, by name."""
    fields = (line.split("\t") for line in lines if _is_of(line, url))
    return {name: value.strip('"') for *_, name, value in fields}


def _pair(header: str) -> tuple[str, str]:
    cookie, _, content = header.partition(";")[0].partition("=")
    return cookie.strip(), content.strip().strip('"')


def _is_of(line: str, url: str) -> bool:
    fields = line.split("\t")
    domain = fields[0].removeprefix(_HTTP_ONLY).lstrip(".").lower()
    host = (urlsplit(url).hostname or "").lower()
    return host == domain or (fields[1] == "TRUE" and host.endswith(f".{domain}"))


def _has_own(request: Request) -> bool:
    return any(name == "Cookie" for name, _ in request.headers)
