"""The operations of a description, and which of them a request is.

A path is a list of segments, of which a template fixes some. When several templates fit, the one
that fixes most segments is meant, then the one that fixes them earlier, then the one written first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote, urlsplit

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.plugins.http.contract.source.document import Document, Place
from rocketship.suite.fields import describe

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_AUTHORITY = re.compile(r"[^/]*//[^/]*")


@dataclass(frozen=True, slots=True)
class Operation:
    """A method of a path."""

    method: str
    path: str
    id: str
    place: Place
    parameters: tuple[Place, ...]

    @property
    def name(self) -> str:
        """What messages call it: `GET /pets/{id}`."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Match:
    """The operation a request is, and the texts its path has for the template's names."""

    operation: Operation
    variables: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Segment:
    """Part of a path: fixed text, or a pattern with names."""

    text: str
    pattern: re.Pattern[str] | None
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> _Segment:
        names = tuple(_VARIABLE.findall(text))
        if not names:
            return cls(unquote(text), None)
        pieces = _VARIABLE.split(text)[::2]
        pattern = "(.+?)".join(re.escape(piece) for piece in pieces)
        return cls("".join(pieces), re.compile(pattern, re.DOTALL), names)

    @property
    def weight(self) -> tuple[int, int]:
        return (self.pattern is None, len(self.text))

    def match(self, text: str) -> tuple[str, ...] | None:
        if self.pattern is None:
            return () if text == self.text else None
        found = self.pattern.fullmatch(text)
        return found.groups() if found else None


@dataclass(frozen=True, slots=True)
class _Route:
    """Where an operation can be: a server's base path and the operation's own path behind it."""

    operation: Operation
    base: tuple[_Segment, ...]
    own: tuple[_Segment, ...]

    @property
    def weight(self) -> tuple[object, ...]:
        fixed = sum(segment.pattern is None for segment in self.own)
        return (fixed, tuple(segment.weight for segment in self.own), len(self.base))

    def match(self, texts: list[str]) -> dict[str, str] | None:
        variables: dict[str, str] = {}
        for number, (segment, text) in enumerate(zip((*self.base, *self.own), texts, strict=True)):
            values = segment.match(text)
            if values is None:
                return None
            if number >= len(self.base):
                variables.update(zip(segment.names, values, strict=True))
        return variables


class Operations:
    """All operations of a document, ready to be looked up."""

    def __init__(self, document: Document) -> None:
        self.all = tuple(_operations(document))
        routes: list[_Route] = []
        baseless: list[_Route] = []
        for operation in self.all:
            own = tuple(_Segment.of(part) for part in operation.path.split("/")[1:])
            routes += [_Route(operation, base, own) for base in _bases(document, operation)]
            baseless.append(_Route(operation, (), own))
        self._routes, self._baseless = _table(routes), _table(baseless)

    def find(self, method: str, url: str, *, baseless: bool = False) -> Match | None:
        """Return the operation a request is, or None; a slash at the end makes no difference.

        Args:
            method: The method of the request.
            url: Where it goes to.
            baseless: Whether the base paths of servers are not in the URL.
        """
        table = self._baseless if baseless else self._routes
        path = urlsplit(url).path or "/"
        other = path.rstrip("/") if path.endswith("/") else f"{path}/"
        for candidate in (path, other or "/"):
            texts = [unquote(part) for part in candidate.split("/")[1:]]
            for route in table.get((method, len(texts)), ()):
                variables = route.match(texts)
                if variables is not None:
                    return Match(route.operation, variables)
        return None


def _table(routes: Iterable[_Route]) -> dict[tuple[str, int], list[_Route]]:
    """Return routes by method and number of segments, the one that is meant first."""
    table: dict[tuple[str, int], list[_Route]] = {}
    for route in sorted(routes, key=lambda route: route.weight, reverse=True):
        length = len(route.base) + len(route.own)
        table.setdefault((route.operation.method, length), []).append(route)
    return table


def _operations(document: Document) -> Iterator[Operation]:
    paths = document.top.get("paths")
    for path, item in paths.fields() if paths and _is_mapping(paths) else ():
        shared = list(_parameters(item))
        for method, place in item.fields() if _is_mapping(item) else ():
            if method in METHODS and _is_mapping(place):
                parameters = {_parameter_key(entry): entry for entry in shared}
                parameters |= {_parameter_key(entry): entry for entry in _parameters(place)}
                found = tuple(parameters.values())
                identifier = place.text("operationId")
                yield Operation(method.upper(), path, identifier, place, found)


def _is_mapping(place: Place) -> bool:
    """Return whether there is something, which must be a mapping then."""
    if place.value is not None and not isinstance(place.value, dict):
        raise ConfigError(f"{place.name}: must be a mapping, not {describe(place.value)}")
    return place.value is not None


def _parameters(place: Place) -> Iterator[Place]:
    found = place.get("parameters")
    return found.entries() if found else iter(())


def _parameter_key(place: Place) -> tuple[str, str]:
    return place.text("in"), place.text("name")


def _bases(document: Document, operation: Operation) -> list[tuple[_Segment, ...]]:
    """Return the base paths of the servers nearest to an operation; hosts are not compared."""
    above = document.top.get("paths")
    item = above.get(operation.path) if above else None
    for place in (operation.place, item, document.top):
        servers = place.get("servers") if place else None
        if servers and servers.value:
            texts = [text for server in servers.entries() for text in _base_paths(server)]
            return [
                tuple(_Segment.of(part) for part in text.split("/")[1:])
                for text in dict.fromkeys(texts)
            ]
    return [()]


def _base_paths(server: Place) -> Iterator[str]:
    """Yield a server's path with its variables open, and with their defaults filled in."""
    url = server.text("url")
    variables = server.get("variables")
    defaults = {name: item.text("default") for name, item in variables.items()} if variables else {}
    filled = _VARIABLE.sub(lambda found: defaults.get(found[1], found[0]), url)
    for text in (filled, url):
        path = _AUTHORITY.sub("", text, count=1) if "//" in text else text
        if text is url and path.startswith("{"):
            continue  # a variable for the whole address tells nothing about the path
        path = path.partition("?")[0].strip("/")
        yield f"/{path}" if path else ""
