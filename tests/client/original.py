"""The API of the original engine, described by hand: nothing here comes from our own definition.

So what is tested with it is the wire itself: names and numbers as the original had them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "rocketship.v1"
SERVICE = f"{PACKAGE}.Engine"

_CONTEXT = "project_id=1 source=2 branch=3 commit_sha=4 trigger=5 schedule_name=6 metadata:map=7"
_RUN_HEAD = "run_id=1 suite_name=2 status=3 started_at=4 ended_at=5 duration_ms:int64=6"
_MESSAGES = {
    "RunContext": _CONTEXT,
    "CreateRunRequest": "yaml_payload:bytes=1 context:RunContext=2",
    "CreateRunResponse": "run_id=1",
    "LogStreamRequest": "run_id=1",
    "LogLine": "ts=1 msg=2 color=3 bold:bool=4 test_name=5 step_name=6",
    "ListRunsRequest": "project_id=1 source=2 branch=3 status=4 schedule_name=5 limit:int32=6 "
    "cursor=7 order_by=8 descending:bool=9",
    "ListRunsResponse": "runs:RunSummary*=1 next_cursor=2 total_count:int32=3",
    "RunSummary": f"{_RUN_HEAD} total_tests:int32=7 passed_tests:int32=8 failed_tests:int32=9 "
    "timeout_tests:int32=10 context:RunContext=11",
    "GetRunRequest": "run_id=1",
    "GetRunResponse": "run:RunDetails=1",
    "RunDetails": f"{_RUN_HEAD} context:RunContext=7 tests:TestDetails*=8",
    "TestDetails": "test_id=1 name=2 status=3 started_at=4 ended_at=5 duration_ms:int64=6 "
    "error_message=7",
    "AddLogRequest": "run_id=1 workflow_id=2 message=3 color=4 bold:bool=5 test_name=6 step_name=7",
    "AddLogResponse": "",
    "CancelRunRequest": "run_id=1",
    "CancelRunResponse": "success:bool=1 message=2",
    "HealthRequest": "",
    "HealthResponse": "status=1",
    "GetServerInfoRequest": "",
    "ServerEndpoint": "type=1 address=2",
    "GetServerInfoResponse": "version=1 auth_enabled:bool=2 auth_type=3 auth_endpoint=4 "
    "capabilities:string*=5 endpoints:ServerEndpoint*=6 device_authorization_endpoint=7 "
    "token_endpoint=8 issuer=9 audience=10 scopes:string*=11 client_id=12",
    "GetAuthConfigRequest": "",
    "GetAuthConfigResponse": "auth_enabled:bool=1 auth_type=2 auth_endpoint=3",
    "WaitForCleanupRequest": "timeout_seconds:int32=1",
    "WaitForCleanupResponse": "completed:bool=1",
}
#: Calls with their request and response; the only stream is StreamLogs.
CALLS = {
    "CreateRun": ("CreateRunRequest", "CreateRunResponse"),
    "StreamLogs": ("LogStreamRequest", "LogLine"),
    "AddLog": ("AddLogRequest", "AddLogResponse"),
    "ListRuns": ("ListRunsRequest", "ListRunsResponse"),
    "GetRun": ("GetRunRequest", "GetRunResponse"),
    "CancelRun": ("CancelRunRequest", "CancelRunResponse"),
    "Health": ("HealthRequest", "HealthResponse"),
    "GetServerInfo": ("GetServerInfoRequest", "GetServerInfoResponse"),
    "GetAuthConfig": ("GetAuthConfigRequest", "GetAuthConfigResponse"),
    "WaitForCleanup": ("WaitForCleanupRequest", "WaitForCleanupResponse"),
}
_FIELD = re.compile(r"(\w+)(?::(\w+)(\*)?)?=(\d+)")
_Proto = descriptor_pb2.FieldDescriptorProto


class Messages:
    """The message classes, by name as attributes."""

    def __init__(self) -> None:
        pool = descriptor_pool.DescriptorPool()
        pool.Add(_file())
        for name in _MESSAGES:
            found = pool.FindMessageTypeByName(f"{PACKAGE}.{name}")
            setattr(self, name, message_factory.GetMessageClass(found))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Client:
    """The calls over a channel, by name as attributes."""

    def __init__(self, channel: Any) -> None:
        for name, (request, response) in CALLS.items():
            kind = channel.unary_stream if name == "StreamLogs" else channel.unary_unary
            call = kind(
                f"/{SERVICE}/{name}",
                request_serializer=getattr(messages, request).SerializeToString,
                response_deserializer=getattr(messages, response).FromString,
            )
            setattr(self, name, call)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def _file() -> Any:
    file = descriptor_pb2.FileDescriptorProto(
        name="original.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        message.field.extend(_fields(message, fields))
    return file


def _fields(message: Any, text: str) -> Iterator[Any]:
    for name, kind, many, number in _FIELD.findall(text):
        field = _Proto(name=name, number=int(number), label=_Proto.LABEL_OPTIONAL)
        scalar = f"TYPE_{(kind or 'string').upper()}"
        if kind == "map":
            many = "*"
            entry = message.nested_type.add(name="MetadataEntry")
            entry.options.map_entry = True
            entry.field.extend(_fields(entry, "key=1 value=2"))
            kind = f"{message.name}.{entry.name}"
        if hasattr(_Proto, scalar):
            field.type = getattr(_Proto, scalar)
        else:
            field.type, field.type_name = _Proto.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
        if many:
            field.label = _Proto.LABEL_REPEATED
        yield field


messages = Messages()
