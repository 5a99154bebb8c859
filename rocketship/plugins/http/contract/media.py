"""Bodies by media type: which of the described types one is, and the value it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final
from urllib.parse import unquote_plus

from rocketship.plugins.http.contract.parameters import coerce_to, split_query
from rocketship.plugins.http.contract.schema import type_names
from rocketship.plugins.http.contract.source.document import Place
from rocketship.template import document
from rocketship.values import Json

FORM = "application/x-www-form-urlencoded"


class _Opaque(Enum):
    """Tells a body that no schema can be applied to from one that is null."""

    OPAQUE = "opaque"


OPAQUE: Final = _Opaque.OPAQUE


def essence(content_type: str) -> str:
    """Return a media type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def choose(content: Place, content_type: str) -> Place | None:
    """Return what a description says for a media type: exactly, then by `text/*`, then by `*/*`."""
    described = {essence(name): place for name, place in content.items()}
    kind = essence(content_type)
    for name in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        if name in described:
            return described[name]
    return None


def decode(body: bytes, content_type: str, media: Place) -> Json | _Opaque:
    """Return the value of a body, or OPAQUE where only its bytes are known.

    Raises:
        ValueError: It is not what its media type says; the message says why.
    """
    kind = essence(content_type)
    schema = media.get("schema")
    if kind.endswith(("/json", "+json")):
        return document.read(body)
    if kind == FORM:
        text = body.decode("ascii", "replace")
        pairs = [(name, unquote_plus(value)) for name, value in split_query(text)]
        return _fields(pairs, schema)
    if kind == "multipart/form-data":
        return _fields(_parts(body, content_type), schema)
    if kind.startswith("text/") and type_names(schema) <= {"string"}:
        return body.decode("utf-8", "replace")
    return OPAQUE


def _fields(pairs: list[tuple[str, str]], schema: Place | None) -> Json:
    """Return the fields as an object: what the schema calls a list, and what repeats, as lists."""
    properties = schema.get("properties") if schema else None
    collected: dict[str, list[str]] = {}
    for name, text in pairs:
        collected.setdefault(name, []).append(text)
    return {
        name: _field(texts, properties.get(name) if properties else None)
        for name, texts in collected.items()
    }


def _field(texts: list[str], schema: Place | None) -> Json:
    if "array" in type_names(schema):
        items = schema.get("items") if schema else None
        return [coerce_to(text, items) for text in texts]
    values = [coerce_to(text, schema) for text in texts]
    return values[0] if len(values) == 1 else values


def _parts(body: bytes, content_type: str) -> list[tuple[str, str]]:
    """Return names and contents of the parts; bytes that are no text stand for themselves."""
    from email.parser import BytesParser
    from email.policy import HTTP

    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise ValueError("has no parts")
    found: list[tuple[str, str]] = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            found.append((name, content.decode("utf-8", "replace")))
    return found


def header_pairs(headers: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Return headers by name in lower case, repeated ones joined."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found
