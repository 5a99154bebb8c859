"""Compares one request, or one response, with the operation it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from rocketship.errors import ConfigError
from rocketship.plugins.http.client import Reply, Request
from rocketship.plugins.http.contract import media, parameters
from rocketship.plugins.http.contract.operation import Match, Operation
from rocketship.plugins.http.contract.schema import Direction, Schemas, Violation
from rocketship.plugins.http.contract.source.document import Document, Place
from rocketship.values import Json

#: Described elsewhere in OpenAPI, and so left out where other headers are described.
_NO_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
_BODILESS = frozenset({204, 205, 304})


class Checker:
    """Checks exchanges against one document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._schemas = Schemas(document)

    def prepare(self) -> None:
        """Do what takes long before the first check."""
        for direction in Direction:
            self._schemas.prepare(direction)

    def request(self, match: Match, request: Request) -> Iterator[Violation]:
        """Yield what a request breaks."""
        sent = parameters.Sent(
            path=match.variables,
            query=parameters.split_query(urlsplit(request.url).query),
            headers=media.header_pairs(request.headers),
            cookies=_cookies(request),
        )
        for parameter in match.operation.parameters:
            yield from self._parameter(parameter, sent)
        yield from self._security(match.operation, request, sent)
        if described := match.operation.place.get("requestBody"):
            content_type = sent.headers.get("content-type", "")
            yield from self._request_body(described, request.body or b"", content_type)

    def response(self, operation: Operation, reply: Reply) -> Iterator[Violation]:
        """Yield what a response breaks."""
        responses = operation.place.get("responses")
        described = _of_status(responses, reply.status) if responses else None
        if described is None:
            known = ", ".join(name for name, _ in responses.fields()) if responses else ""
            others = f"only {known}" if known else "and no other is"
            yield Violation("response status", f"{reply.status} is not described, {others}")
            return
        headers = media.header_pairs(reply.headers)
        yield from self._response_headers(described, headers)
        content = described.get("content")
        bodiless = operation.method == "HEAD" or reply.status in _BODILESS
        if content and content.value and not bodiless:
            yield from self._body(
                "response", content, reply.body, headers.get("content-type", ""), Direction.RESPONSE
            )

    def unusable(self, operation: Operation, direction: Direction) -> Iterator[ConfigError]:
        """Yield what is wrong with the schemas of an operation for one direction."""
        request = direction is Direction.REQUEST
        for schema in _request_schemas(operation) if request else _response_schemas(operation):
            try:
                self._schemas.must_be_usable(schema, direction)
            except ConfigError as error:
                yield error

    def _parameter(self, parameter: Place, sent: parameters.Sent) -> Iterator[Violation]:
        kind, name = parameter.text("in"), parameter.text("name")
        if kind == "header" and name.lower() in _NO_PARAMETERS:
            return
        where = f"request header {name}" if kind == "header" else f"{kind} parameter {name}"
        try:
            found = parameters.read(parameter, sent)
        except ValueError as error:
            yield Violation(where, f"{error} (style)")
            return
        if found is None:
            if parameter.flag("required") or kind == "path":
                yield Violation(where, "is missing (required)")
        elif not (found[0] == "" and parameter.flag("allowEmptyValue")):
            yield from self._value(_schema_of(parameter), found[0], Direction.REQUEST, where)

    def _value(
        self, schema: Place | None, value: Json, direction: Direction, where: str
    ) -> list[Violation]:
        return self._schemas.violations(schema, value, direction, where) if schema else []

    def _security(
        self, operation: Operation, request: Request, sent: parameters.Sent
    ) -> Iterator[Violation]:
        wanted = operation.place.get("security") or self._document.top.get("security")
        alternatives = list(wanted.entries()) if wanted else []
        missing = [self._missing(item, request, sent) for item in alternatives]
        if missing and all(missing):
            schemes = " or ".join(dict.fromkeys(" and ".join(names) for names in missing))
            yield Violation("request", f"has nothing for {schemes} (security)")

    def _missing(self, wanted: Place, request: Request, sent: parameters.Sent) -> list[str]:
        components = self._document.top.get("components")
        schemes = components.get("securitySchemes") if components else None
        found = []
        for name in wanted.value if isinstance(wanted.value, dict) else ():
            scheme = schemes.get(name) if schemes else None
            if scheme is not None and not _is_there(scheme, request, sent):
                found.append(name)
        return found

    def _request_body(self, described: Place, body: bytes, kind: str) -> Iterator[Violation]:
        if not body:
            if described.flag("required"):
                yield Violation("request body", "is missing (required)")
            return
        content = described.get("content")
        if content and content.value:
            yield from self._body("request", content, body, kind, Direction.REQUEST)

    def _body(
        self, side: str, content: Place, body: bytes, content_type: str, direction: Direction
    ) -> Iterator[Violation]:
        described = media.choose(content, content_type)
        if described is None:
            known = ", ".join(name for name, _ in content.items())
            shown = f'"{content_type}" is not described' if content_type else "is missing"
            header = f"{side} header Content-Type"
            yield Violation(header, f"{shown}; the description has {known} (content)")
            return
        schema = described.schema()
        if schema is None:
            return
        try:
            value = media.decode(body, content_type, described)
        except ValueError as error:
            empty = "is empty, not " + media.essence(content_type)
            yield Violation(f"{side} body", f"{error if body else empty} (content)")
            return
        if value is not media.OPAQUE:
            yield from self._value(schema, value, direction, f"{side} body")

    def _response_headers(
        self, described: Place, headers: Mapping[str, str]
    ) -> Iterator[Violation]:
        wanted = described.get("headers")
        for name, header in wanted.items() if wanted else ():
            if name.lower() == "content-type" or not isinstance(header.value, dict):
                continue
            where = f"response header {name}"
            if name.lower() not in headers:
                if header.flag("required"):
                    yield Violation(where, "is missing (required)")
                continue
            sent = parameters.Sent({}, (), headers, {})
            named = {**header.value, "in": "header", "name": name}
            try:
                found = parameters.read(Place(header.document, header.path, named), sent)
            except ValueError as error:
                yield Violation(where, f"{error} (style)")
                continue
            if found:
                yield from self._value(_schema_of(header), found[0], Direction.RESPONSE, where)


def _request_schemas(operation: Operation) -> Iterator[Place]:
    for parameter in operation.parameters:
        if schema := _schema_of(parameter):
            yield schema
    if body := operation.place.get("requestBody"):
        yield from _content_schemas(body)


def _response_schemas(operation: Operation) -> Iterator[Place]:
    responses = operation.place.get("responses")
    for _, response in responses.fields() if responses else ():
        headers = response.get("headers")
        for _, header in headers.items() if headers else ():
            if schema := _schema_of(header):
                yield schema
        yield from _content_schemas(response)


def _content_schemas(described: Place) -> Iterator[Place]:
    content = described.get("content")
    for _, media_type in content.items() if content else ():
        if schema := media_type.schema():
            yield schema


def _schema_of(parameter: Place) -> Place | None:
    if schema := parameter.schema():
        return schema
    content = parameter.get("content")
    described = next((place for _, place in content.items()), None) if content else None
    return described.schema() if described else None


def _of_status(responses: Place, status: int) -> Place | None:
    by_name = {name.upper(): place for name, place in responses.fields()}
    for name in (str(status), f"{status // 100}XX", "DEFAULT"):
        if name in by_name:
            return by_name[name]
    return None


def _cookies(request: Request) -> dict[str, str]:
    """Return the cookies a request will carry, from its own header or else from the jar."""
    own = [value for name, value in request.headers if name == "Cookie"]
    if own:
        pairs = (part.strip().partition("=") for part in own[0].split(";"))
        return {name: value for name, _, value in pairs}
    found: dict[str, str] = {}
    url: Any = urlsplit(request.url)
    for line in request.cookies:
        domain, _, path, *_, name, value = line.split("\t")
        host = domain.removeprefix("#HttpOnly_").lstrip(".")
        if f".{url.hostname}".endswith(f".{host}") and (url.path or "/").startswith(path):
            found[name] = value
    return found


def _is_there(scheme: Place, request: Request, sent: parameters.Sent) -> bool:
    """Return whether a request brings what a security scheme wants; not whether it is right."""
    kind, name = scheme.text("type"), scheme.text("name")
    if kind == "apiKey":
        where = scheme.text("in")
        if where == "query":
            return any(key == name for key, _ in sent.query)
        return name.lower() in sent.headers if where == "header" else name in sent.cookies
    if kind == "mutualTLS":
        return request.tls.cert is not None
    return "authorization" in sent.headers or request.credentials is not None
