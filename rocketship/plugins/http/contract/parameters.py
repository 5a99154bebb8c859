"""Parameters as they travel: every style OpenAPI has for texts, lists and objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote, unquote_plus

from rocketship.dataclass import dataclass
from rocketship.plugins.http.contract.schema import type_names
from rocketship.plugins.http.contract.source.document import Place
from rocketship.values import Json, JsonObject

_STYLES = {"path": "simple", "header": "simple", "query": "form", "cookie": "form"}
# A URL cannot hold spaces and bars, so these delimiters are escaped, and no value can hold them.
# A comma separates as itself only: escaped it belongs to a value (RFC 6570).
_COMMA = re.compile(",")
_DELIMITERS = {
    "spaceDelimited": re.compile(r"%20|\+"),
    "pipeDelimited": re.compile(r"\||%7C", re.IGNORECASE),
}
_SEPARATORS = {"label": re.compile(r"\."), "matrix": re.compile(";")}
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
#: Longer texts are no numbers anybody means.
MAX_NUMBER_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class Sent:
    """The texts of a request that parameters are read from.

    Attributes:
        path: By the names of the template, decoded.
        query: Names decoded, values as they stand in the URL, in their order.
        headers: By name in lower case.
        cookies: By name.
    """

    path: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]


def split_query(query: str) -> list[tuple[str, str]]:
    """Return the pairs of a query, values as they are written."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(unquote_plus(name), value) for name, _, value in pairs]


def read(parameter: Place, sent: Sent) -> tuple[Json] | None:
    """Return the value a request has for a parameter, in a tuple, or None when it has none.

    Texts become what the parameter's schema says they are, as far as they can.

    Raises:
        ValueError: The text cannot be read in the way the description says.
    """
    where, name = parameter.text("in"), parameter.text("name")
    content = parameter.get("content")
    if content:
        text = _text(where, name, sent)
        return None if text is None else (_decoded(text, content),)
    schema = parameter.get("schema")
    style = parameter.text("style") or _STYLES.get(where, "simple")
    explode = parameter.flag("explode", style == "form")
    kinds = type_names(schema)
    if style == "deepObject":
        found = _deep(name, sent.query, schema)
        return (found,) if found else None
    if where == "query" and style == "form" and explode and kinds & {"array", "object"}:
        return _exploded(name, kinds, schema, sent.query)
    if where == "query" and explode and "array" in kinds:
        return _exploded(name, kinds, schema, sent.query)
    raw = _raw(where, name, sent)
    if raw is None:
        return None
    if where == "path":
        raw = _without_prefix(raw, style, name)
        if style in ("label", "matrix") and explode and kinds & {"array", "object"}:
            separator = _SEPARATORS[style]
            return (_packed(raw, separator, schema, kinds, explode, f"{name}="),)
    if not kinds & {"array", "object"}:
        return (coerce(_decode(raw, where), kinds),)
    delimiter = _DELIMITERS.get(style, _COMMA)
    return (_packed(raw, delimiter, schema, kinds, explode, "", where),)


def coerce(text: str, kinds: frozenset[str]) -> Json:
    """Return the value a text stands for among these types; the text itself when it is none."""
    number = _NUMBER.fullmatch(text) if len(text) < MAX_NUMBER_CHARACTERS else None
    if number and "integer" in kinds and not (number[1] or number[2]):
        return int(text)
    if number and "number" in kinds:
        return float(text) if number[1] or number[2] else int(text)
    if text in ("true", "false") and "boolean" in kinds:
        return text == "true"
    if text in ("", "null") and "null" in kinds and "string" not in kinds:
        return None
    return text


def coerce_to(text: str, schema: Place | None) -> Json:
    """Return the value a text stands for by a schema; JSON where it wants an object."""
    kinds = type_names(schema)
    if "object" in kinds and "string" not in kinds:
        try:
            value: Json = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return value
    return coerce(text, kinds)


def _text(where: str, name: str, sent: Sent) -> str | None:
    raw = _raw(where, name, sent)
    return None if raw is None else _decode(raw, where)


def _raw(where: str, name: str, sent: Sent) -> str | None:
    if where == "query":
        return next((value for key, value in sent.query if key == name), None)
    if where == "header":
        return sent.headers.get(name.lower())
    return (sent.path if where == "path" else sent.cookies).get(name)


def _decode(text: str, where: str) -> str:
    if where == "query":
        return unquote_plus(text)
    return unquote(text) if where == "cookie" else text


def _decoded(text: str, content: Place) -> Json:
    media = next(iter(content.value), "") if isinstance(content.value, dict) else ""
    if "json" not in media:
        return text
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is not JSON") from None
    return value


def _without_prefix(raw: str, style: str, name: str) -> str:
    if style == "label":
        if not raw.startswith("."):
            raise ValueError('does not begin with "."')
        return raw[1:]
    if style == "matrix":
        prefix = f";{name}="
        if raw.startswith(prefix):
            return raw[len(prefix) :]
        if not raw.startswith(";"):
            raise ValueError('does not begin with ";"')
        return raw[1:]
    return raw


def _exploded(
    name: str, kinds: frozenset[str], schema: Place | None, query: Sequence[tuple[str, str]]
) -> tuple[Json] | None:
    """Read a list from repeated names, or an object whose properties are names of their own."""
    if "array" in kinds:
        items = schema.get("items") if schema else None
        found: list[Json] = [
            coerce_to(unquote_plus(text), items) for key, text in query if key == name
        ]
        return (found,) if found else None
    properties = schema.get("properties") if schema else None
    known = dict(properties.items()) if properties else {}
    made: JsonObject = {
        key: coerce_to(unquote_plus(text), known[key]) for key, text in query if key in known
    }
    return (made,) if made else None


def _deep(name: str, query: Sequence[tuple[str, str]], schema: Place | None) -> JsonObject:
    """Read an object from names such as `filter[color]`."""
    properties = schema.get("properties") if schema else None
    found: JsonObject = {}
    for key, text in query:
        if key.startswith(f"{name}[") and key.endswith("]"):
            part = key[len(name) + 1 : -1]
            below = properties.get(part) if properties else None
            found[part] = coerce_to(unquote_plus(text), below)
    return found


def _packed(
    raw: str,
    delimiter: re.Pattern[str],
    schema: Place | None,
    kinds: frozenset[str],
    explode: bool,
    prefix: str,
    where: str = "path",
) -> Json:
    """Read a list or an object from one text."""
    parts = [_decode(part.strip(), where) for part in delimiter.split(raw)] if raw else []
    if "array" in kinds:
        items = schema.get("items") if schema else None
        return [coerce_to(part.removeprefix(prefix), items) for part in parts]
    properties = schema.get("properties") if schema else None
    return {
        key: coerce_to(text, properties.get(key) if properties else None)
        for key, text in _pairs(parts, explode)
    }


def _pairs(parts: list[str], explode: bool) -> Iterator[tuple[str, str]]:
    if explode:
        for part in parts:
            key, _, text = part.partition("=")
            yield key, text
    elif len(parts) % 2:
        raise ValueError("has a name without a value")
    else:
        yield from zip(parts[::2], parts[1::2], strict=True)
