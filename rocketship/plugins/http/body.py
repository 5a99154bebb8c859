"""Request bodies: what `body`, `json`, `form`, `multipart` and `body_file` turn into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final
from urllib.parse import quote_plus

from rocketship.dataclass import dataclass
from rocketship.errors import ConfigError
from rocketship.plugins.api import Call
from rocketship.suite.fields import (
    AnyJson,
    AnyOf,
    Boolean,
    Field,
    FilePath,
    ListOf,
    MapOf,
    Object,
    Text,
)
from rocketship.values import Json, JsonObject, to_json, to_text

#: Reports show this much of a body.
MAX_SHOWN_BYTES = 64 * 1024


class _Unset(Enum):
    """Tells a missing `json` from `json: null`."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "nothing"


UNSET: Final = _Unset.UNSET

_UPLOAD = AnyOf(
    (
        FilePath(),
        Object(
            Field("file", FilePath(), "The file to send.", required=True),
            Field("filename", Text(), "The name the server is told; the file's own by default."),
            Field(
                "content_type", Text(), "The file's media type; guessed from its name by default."
            ),
        ),
    )
)
_MULTIPART = Object(
    Field("fields", MapOf(AnyJson()), "Plain fields; lists repeat.", default={}),
    Field("files", MapOf(AnyOf((ListOf(_UPLOAD), _UPLOAD))), "Files; lists repeat.", default={}),
)

FIELDS = (
    Field("body", Text(), "The body as text; it gets no Content-Type."),
    Field("json", AnyJson(), "The body as a value, sent as JSON.", default=UNSET),
    Field("form", MapOf(AnyJson()), "The body as form fields; lists repeat, null is empty."),
    Field("multipart", _MULTIPART, "The body as fields and files."),
    Field("body_file", FilePath(), "A file that is the body."),
    Field("template", Boolean(), "Whether `body_file` holds templates.", default=False),
)
BODY_KEYS = ("body", "json", "form", "multipart", "body_file")


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes to send, and the Content-Type to announce unless the suite names one."""

    content: bytes
    content_type: str | None = None


def build_body(call: Call) -> Body | None:
    """Return the body of a step, or None when it has none.

    Raises:
        ConfigError: A file is not there.
        TemplateError: A template in the body file cannot be filled in.
    """
    config = call.config
    if config["form"]:
        content_type = "application/x-www-form-urlencoded"
        return Body(encode_form(config["form"]).encode(), content_type)
    if config["json"] is not UNSET:
        return Body(_encode(to_json(config["json"])), "application/json")
    if config["multipart"] is not None:
        return _multipart(call, config["multipart"])
    if config["body_file"] is not None:
        return Body(_file(call))
    # An empty text means no body, as an empty form does.
    return Body(_encode(config["body"])) if config["body"] else None


def encode_form(fields: Mapping[str, Json]) -> str:
    """Return fields URL-encoded: sorted by name, lists repeated, null empty, containers as JSON."""
    pairs = _pairs(dict(sorted(fields.items())))
    return "&".join(f"{_quote(name)}={_quote(value)}" for name, value in pairs)


def describe_body(content: bytes, content_type: str = "") -> JsonObject:
    """Return what reports show of a body: its text, its size, and whether the text was cut."""
    if not content:
        return {"body_bytes": 0}
    shown = content[:MAX_SHOWN_BYTES]
    described: JsonObject = {"body_bytes": len(content)}
    if b"\0" in shown:
        described["body"] = f"({len(content)} bytes of {content_type or 'binary data'})"
        return described
    described["body"] = shown.decode(errors="replace")
    if len(shown) < len(content):
        # The half of a character would hide from the redactor that a secret stands before it.
        described["body"] = shown.decode(errors="replace").rstrip("\ufffd")
        described["truncated"] = True
    return described


def _quote(text: str) -> str:
    return quote_plus(text, errors="replace")


def _encode(text: str) -> bytes:
    return text.encode(errors="replace")


def _pairs(fields: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            yield name, to_text(item)


def _file(call: Call) -> bytes:
    content = call.files.read(call.config["body_file"])
    if not call.config["template"]:
        return content
    from rocketship.template.render import render_text

    try:
        text = content.decode()
    except UnicodeDecodeError:
        path = call.config["body_file"]
        raise ConfigError(
            f"body_file: {path} is not UTF-8 text, so it holds no templates"
        ) from None
    return _encode(render_text(text, call.scope, "body_file"))


def _multipart(call: Call, parts: Mapping[str, Any]) -> Body:
    import secrets

    boundary = f"rocketship-{secrets.token_hex(16)}"
    lines: list[bytes] = []
    for name, value in _pairs(parts["fields"]):
        lines += [*_part_head(boundary, name), _encode(value)]
    for name, upload in uploads(parts["files"]):
        head = _part_head(boundary, name, upload.filename, upload.content_type)
        lines += [*head, call.files.read(upload.path)]
    lines += [f"--{boundary}--".encode(), b""]
    return Body(b"\r\n".join(lines), f"multipart/form-data; boundary={boundary}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to send: its path in the suite, and what the server is told about it."""

    path: str
    filename: str
    content_type: str


def uploads(files: Mapping[str, Any]) -> Iterator[tuple[str, Upload]]:
    """Yield the field name and the file of every upload in the order of the suite."""
    for name, value in files.items():
        for item in value if isinstance(value, list) else [value]:
            given = {"file": item} if isinstance(item, str) else item
            path = given["file"]
            filename = given.get("filename") or path.rpartition("/")[2]
            content_type = given.get("content_type") or _guess_type(filename)
            yield name, Upload(path, filename, content_type)


def _guess_type(filename: str) -> str:
    import mimetypes

    # A table of its own: the machine's would make the same suite send something else elsewhere.
    known = mimetypes.MimeTypes()
    return known.guess_type(filename)[0] or "application/octet-stream"


def _part_head(
    boundary: str, name: str, filename: str | None = None, content_type: str | None = None
) -> list[bytes]:
    disposition = f'Content-Disposition: form-data; name="{_escape(name)}"'
    if filename is not None:
        disposition += f'; filename="{_escape(filename)}"'
    head = [f"--{boundary}", disposition]
    if content_type is not None:
        head.append(f"Content-Type: {_escape(content_type)}")
    return [_encode(line) for line in (*head, "")]


def _escape(name: str) -> str:
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
