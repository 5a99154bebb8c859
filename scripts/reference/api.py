"""The calls and messages of the engine's API, from the proto file and its comments."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)

from reference.markdown import anchored, code, sentence, slug, table
from rocketship.auth.policy import Rule, rule_of_call

_PROTO = Path(__file__).parents[2] / "proto"
_FILE = "rocketship/v1/engine.proto"
_CALLERS = {Rule.EXEMPT: "everybody", Rule.USER: "users", Rule.WORKER: "workers"}
_SERVICE, _MESSAGE, _METHOD, _FIELD = 6, 4, 2, 2


def regions() -> dict[str, str]:
    """Return the generated parts of the page by their name."""
    file = _described()
    comments = {tuple(item.path): item.leading_comments for item in file.source_code_info.location}
    return {
        "api-calls": _calls(file, comments),
        "api-messages": "\n\n".join(
            _message(message, (_MESSAGE, i), comments)
            for i, message in enumerate(file.message_type)
        ),
    }


def _described() -> FileDescriptorProto:
    from grpc_tools import protoc

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "engine.pb"
        arguments = [
            "protoc",
            f"-I{_PROTO}",
            "--include_source_info",
            f"--descriptor_set_out={target}",
            _FILE,
        ]
        if protoc.main(arguments) != 0:
            sys.exit("protoc failed")
        return FileDescriptorSet.FromString(target.read_bytes()).file[0]


def _calls(file: FileDescriptorProto, comments: dict[tuple[int, ...], str]) -> str:
    rows = []
    for i, method in enumerate(file.service[0].method):
        asked = ("a stream of " if method.client_streaming else "") + _link(method.input_type)
        answer = ("a stream of " if method.server_streaming else "") + _link(method.output_type)
        about = sentence(comments.get((_SERVICE, 0, _METHOD, i), ""))
        who = _CALLERS[rule_of_call(f"/rocketship.v1.Engine/{method.name}")]
        # Both in one column: with four others there is no room for what the call does.
        rows.append((anchored(method.name), f"{about} Takes {asked}, answers {answer}.", who))
    return table(("call", "what it does", "for"), rows)


def _message(
    message: DescriptorProto, path: tuple[int, ...], comments: dict[tuple[int, ...], str]
) -> str:
    parts = [f"### {message.name}"]
    if about := sentence(comments.get(path, "")):
        parts.append(about)
    rows = [
        (code(field.name), str(field.number), _type(field, message), sentence(comment))
        for i, field in enumerate(message.field)
        for comment in [comments.get((*path, _FIELD, i), "")]
    ]
    header = ("field", "number", "type", "meaning")
    parts.append(table(header, rows) if rows else "It has no fields.")
    return "\n\n".join(parts)


def _type(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    entries = {item.name: item for item in message.nested_type}
    name = field.type_name.rpartition(".")[2]
    if name in entries:
        key, value = (_type(item, message) for item in entries[name].field)
        return f"map of {key} to {value}"
    kind = _link(name) if name else FieldDescriptorProto.Type.Name(field.type)[5:].lower()
    repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
    return f"list of {kind}" if repeated else kind


def _link(name: str) -> str:
    short = name.rpartition(".")[2]
    return f"[{short}](#{slug(short)})"
