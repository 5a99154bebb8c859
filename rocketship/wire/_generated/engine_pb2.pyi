from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RunContext(_message.Message):
    __slots__ = ("project_id", "source", "branch", "commit_sha", "trigger", "schedule_name", "metadata")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    COMMIT_SHA_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_NAME_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    source: str
    branch: str
    commit_sha: str
    trigger: str
    schedule_name: str
    metadata: _containers.ScalarMap[str, str]
    def __init__(self, project_id: _Optional[str] = ..., source: _Optional[str] = ..., branch: _Optional[str] = ..., commit_sha: _Optional[str] = ..., trigger: _Optional[str] = ..., schedule_name: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ...) -> None: ...

class CreateRunRequest(_message.Message):
    __slots__ = ("yaml_payload", "context", "idempotency_key", "files", "secrets", "selection", "options", "file", "vars_json")
    class SecretsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    YAML_PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    VARS_JSON_FIELD_NUMBER: _ClassVar[int]
    yaml_payload: bytes
    context: RunContext
    idempotency_key: str
    files: _containers.RepeatedCompositeFieldContainer[File]
    secrets: _containers.ScalarMap[str, str]
    selection: Selection
    options: RunOptions
    file: str
    vars_json: bytes
    def __init__(self, yaml_payload: _Optional[bytes] = ..., context: _Optional[_Union[RunContext, _Mapping]] = ..., idempotency_key: _Optional[str] = ..., files: _Optional[_Iterable[_Union[File, _Mapping]]] = ..., secrets: _Optional[_Mapping[str, str]] = ..., selection: _Optional[_Union[Selection, _Mapping]] = ..., options: _Optional[_Union[RunOptions, _Mapping]] = ..., file: _Optional[str] = ..., vars_json: _Optional[bytes] = ...) -> None: ...

class File(_message.Message):
    __slots__ = ("path", "body")
    PATH_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    path: str
    body: bytes
    def __init__(self, path: _Optional[str] = ..., body: _Optional[bytes] = ...) -> None: ...

class Selection(_message.Message):
    __slots__ = ("patterns", "tags", "ids")
    PATTERNS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    patterns: _containers.RepeatedScalarFieldContainer[str]
    tags: str
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, patterns: _Optional[_Iterable[str]] = ..., tags: _Optional[str] = ..., ids: _Optional[_Iterable[str]] = ...) -> None: ...

class RunOptions(_message.Message):
    __slots__ = ("timeout_seconds", "concurrency", "fail_fast")
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    FAIL_FAST_FIELD_NUMBER: _ClassVar[int]
    timeout_seconds: float
    concurrency: int
    fail_fast: bool
    def __init__(self, timeout_seconds: _Optional[float] = ..., concurrency: _Optional[int] = ..., fail_fast: _Optional[bool] = ...) -> None: ...

class CreateRunResponse(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class LogStreamRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class LogLine(_message.Message):
    __slots__ = ("ts", "msg", "color", "bold", "test_name", "step_name")
    TS_FIELD_NUMBER: _ClassVar[int]
    MSG_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    BOLD_FIELD_NUMBER: _ClassVar[int]
    TEST_NAME_FIELD_NUMBER: _ClassVar[int]
    STEP_NAME_FIELD_NUMBER: _ClassVar[int]
    ts: str
    msg: str
    color: str
    bold: bool
    test_name: str
    step_name: str
    def __init__(self, ts: _Optional[str] = ..., msg: _Optional[str] = ..., color: _Optional[str] = ..., bold: _Optional[bool] = ..., test_name: _Optional[str] = ..., step_name: _Optional[str] = ...) -> None: ...

class AddLogRequest(_message.Message):
    __slots__ = ("run_id", "workflow_id", "message", "color", "bold", "test_name", "step_name")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    COLOR_FIELD_NUMBER: _ClassVar[int]
    BOLD_FIELD_NUMBER: _ClassVar[int]
    TEST_NAME_FIELD_NUMBER: _ClassVar[int]
    STEP_NAME_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow_id: str
    message: str
    color: str
    bold: bool
    test_name: str
    step_name: str
    def __init__(self, run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., message: _Optional[str] = ..., color: _Optional[str] = ..., bold: _Optional[bool] = ..., test_name: _Optional[str] = ..., step_name: _Optional[str] = ...) -> None: ...

class AddLogResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("project_id", "source", "branch", "status", "schedule_name", "limit", "cursor", "order_by", "descending", "suite", "file", "ascending", "text")
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    BRANCH_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_NAME_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    DESCENDING_FIELD_NUMBER: _ClassVar[int]
    SUITE_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    ASCENDING_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    project_id: str
    source: str
    branch: str
    status: str
    schedule_name: str
    limit: int
    cursor: str
    order_by: str
    descending: bool
    suite: str
    file: str
    ascending: bool
    text: str
    def __init__(self, project_id: _Optional[str] = ..., source: _Optional[str] = ..., branch: _Optional[str] = ..., status: _Optional[str] = ..., schedule_name: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ..., order_by: _Optional[str] = ..., descending: _Optional[bool] = ..., suite: _Optional[str] = ..., file: _Optional[str] = ..., ascending: _Optional[bool] = ..., text: _Optional[str] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_cursor", "total_count")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_CURSOR_FIELD_NUMBER: _ClassVar[int]
    TOTAL_COUNT_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[RunSummary]
    next_cursor: str
    total_count: int
    def __init__(self, runs: _Optional[_Iterable[_Union[RunSummary, _Mapping]]] = ..., next_cursor: _Optional[str] = ..., total_count: _Optional[int] = ...) -> None: ...

class RunSummary(_message.Message):
    __slots__ = ("run_id", "suite_name", "status", "started_at", "ended_at", "duration_ms", "total_tests", "passed_tests", "failed_tests", "timeout_tests", "context", "cancelled_tests", "skipped_tests", "unfinished_tests", "file", "message", "doing")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SUITE_NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_TESTS_FIELD_NUMBER: _ClassVar[int]
    PASSED_TESTS_FIELD_NUMBER: _ClassVar[int]
    FAILED_TESTS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_TESTS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_TESTS_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_TESTS_FIELD_NUMBER: _ClassVar[int]
    UNFINISHED_TESTS_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DOING_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    suite_name: str
    status: str
    started_at: str
    ended_at: str
    duration_ms: int
    total_tests: int
    passed_tests: int
    failed_tests: int
    timeout_tests: int
    context: RunContext
    cancelled_tests: int
    skipped_tests: int
    unfinished_tests: int
    file: str
    message: str
    doing: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, run_id: _Optional[str] = ..., suite_name: _Optional[str] = ..., status: _Optional[str] = ..., started_at: _Optional[str] = ..., ended_at: _Optional[str] = ..., duration_ms: _Optional[int] = ..., total_tests: _Optional[int] = ..., passed_tests: _Optional[int] = ..., failed_tests: _Optional[int] = ..., timeout_tests: _Optional[int] = ..., context: _Optional[_Union[RunContext, _Mapping]] = ..., cancelled_tests: _Optional[int] = ..., skipped_tests: _Optional[int] = ..., unfinished_tests: _Optional[int] = ..., file: _Optional[str] = ..., message: _Optional[str] = ..., doing: _Optional[_Iterable[str]] = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("run_id", "with_events")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WITH_EVENTS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    with_events: bool
    def __init__(self, run_id: _Optional[str] = ..., with_events: _Optional[bool] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: RunDetails
    def __init__(self, run: _Optional[_Union[RunDetails, _Mapping]] = ...) -> None: ...

class RunDetails(_message.Message):
    __slots__ = ("run_id", "suite_name", "status", "started_at", "ended_at", "duration_ms", "context", "tests", "events", "summary")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SUITE_NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TESTS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    suite_name: str
    status: str
    started_at: str
    ended_at: str
    duration_ms: int
    context: RunContext
    tests: _containers.RepeatedCompositeFieldContainer[TestDetails]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    summary: RunSummary
    def __init__(self, run_id: _Optional[str] = ..., suite_name: _Optional[str] = ..., status: _Optional[str] = ..., started_at: _Optional[str] = ..., ended_at: _Optional[str] = ..., duration_ms: _Optional[int] = ..., context: _Optional[_Union[RunContext, _Mapping]] = ..., tests: _Optional[_Iterable[_Union[TestDetails, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., summary: _Optional[_Union[RunSummary, _Mapping]] = ...) -> None: ...

class TestDetails(_message.Message):
    __slots__ = ("test_id", "name", "status", "started_at", "ended_at", "duration_ms", "error_message")
    TEST_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    test_id: str
    name: str
    status: str
    started_at: str
    ended_at: str
    duration_ms: int
    error_message: str
    def __init__(self, test_id: _Optional[str] = ..., name: _Optional[str] = ..., status: _Optional[str] = ..., started_at: _Optional[str] = ..., ended_at: _Optional[str] = ..., duration_ms: _Optional[int] = ..., error_message: _Optional[str] = ...) -> None: ...

class CancelRunRequest(_message.Message):
    __slots__ = ("run_id", "force", "reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    force: bool
    reason: str
    def __init__(self, run_id: _Optional[str] = ..., force: _Optional[bool] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelRunResponse(_message.Message):
    __slots__ = ("success", "message")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    success: bool
    message: str
    def __init__(self, success: _Optional[bool] = ..., message: _Optional[str] = ...) -> None: ...

class HealthRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HealthResponse(_message.Message):
    __slots__ = ("status", "time")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    status: str
    time: str
    def __init__(self, status: _Optional[str] = ..., time: _Optional[str] = ...) -> None: ...

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ServerEndpoint(_message.Message):
    __slots__ = ("type", "address")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    type: str
    address: str
    def __init__(self, type: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("version", "auth_enabled", "auth_type", "auth_endpoint", "capabilities", "endpoints", "device_authorization_endpoint", "token_endpoint", "issuer", "audience", "scopes", "client_id")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    AUTH_ENABLED_FIELD_NUMBER: _ClassVar[int]
    AUTH_TYPE_FIELD_NUMBER: _ClassVar[int]
    AUTH_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_AUTHORIZATION_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    SCOPES_FIELD_NUMBER: _ClassVar[int]
    CLIENT_ID_FIELD_NUMBER: _ClassVar[int]
    version: str
    auth_enabled: bool
    auth_type: str
    auth_endpoint: str
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    endpoints: _containers.RepeatedCompositeFieldContainer[ServerEndpoint]
    device_authorization_endpoint: str
    token_endpoint: str
    issuer: str
    audience: str
    scopes: _containers.RepeatedScalarFieldContainer[str]
    client_id: str
    def __init__(self, version: _Optional[str] = ..., auth_enabled: _Optional[bool] = ..., auth_type: _Optional[str] = ..., auth_endpoint: _Optional[str] = ..., capabilities: _Optional[_Iterable[str]] = ..., endpoints: _Optional[_Iterable[_Union[ServerEndpoint, _Mapping]]] = ..., device_authorization_endpoint: _Optional[str] = ..., token_endpoint: _Optional[str] = ..., issuer: _Optional[str] = ..., audience: _Optional[str] = ..., scopes: _Optional[_Iterable[str]] = ..., client_id: _Optional[str] = ...) -> None: ...

class GetAuthConfigRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetAuthConfigResponse(_message.Message):
    __slots__ = ("auth_enabled", "auth_type", "auth_endpoint")
    AUTH_ENABLED_FIELD_NUMBER: _ClassVar[int]
    AUTH_TYPE_FIELD_NUMBER: _ClassVar[int]
    AUTH_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    auth_enabled: bool
    auth_type: str
    auth_endpoint: str
    def __init__(self, auth_enabled: _Optional[bool] = ..., auth_type: _Optional[str] = ..., auth_endpoint: _Optional[str] = ...) -> None: ...

class WaitForCleanupRequest(_message.Message):
    __slots__ = ("timeout_seconds", "run_id")
    TIMEOUT_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    timeout_seconds: int
    run_id: str
    def __init__(self, timeout_seconds: _Optional[int] = ..., run_id: _Optional[str] = ...) -> None: ...

class WaitForCleanupResponse(_message.Message):
    __slots__ = ("completed",)
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    completed: bool
    def __init__(self, completed: _Optional[bool] = ...) -> None: ...

class UpsertRunStepRequest(_message.Message):
    __slots__ = ("run_id", "workflow_id", "step_index", "step_name", "plugin", "status", "error_message", "started_at", "ended_at", "duration_ms", "assertions_passed", "assertions_failed", "request_json", "response_json", "assertions_json", "variables_json", "step_config_json")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_INDEX_FIELD_NUMBER: _ClassVar[int]
    STEP_NAME_FIELD_NUMBER: _ClassVar[int]
    PLUGIN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    ASSERTIONS_PASSED_FIELD_NUMBER: _ClassVar[int]
    ASSERTIONS_FAILED_FIELD_NUMBER: _ClassVar[int]
    REQUEST_JSON_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_JSON_FIELD_NUMBER: _ClassVar[int]
    ASSERTIONS_JSON_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_JSON_FIELD_NUMBER: _ClassVar[int]
    STEP_CONFIG_JSON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    workflow_id: str
    step_index: int
    step_name: str
    plugin: str
    status: str
    error_message: str
    started_at: str
    ended_at: str
    duration_ms: int
    assertions_passed: int
    assertions_failed: int
    request_json: bytes
    response_json: bytes
    assertions_json: bytes
    variables_json: bytes
    step_config_json: bytes
    def __init__(self, run_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., step_index: _Optional[int] = ..., step_name: _Optional[str] = ..., plugin: _Optional[str] = ..., status: _Optional[str] = ..., error_message: _Optional[str] = ..., started_at: _Optional[str] = ..., ended_at: _Optional[str] = ..., duration_ms: _Optional[int] = ..., assertions_passed: _Optional[int] = ..., assertions_failed: _Optional[int] = ..., request_json: _Optional[bytes] = ..., response_json: _Optional[bytes] = ..., assertions_json: _Optional[bytes] = ..., variables_json: _Optional[bytes] = ..., step_config_json: _Optional[bytes] = ...) -> None: ...

class UpsertRunStepResponse(_message.Message):
    __slots__ = ("step_id",)
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    step_id: str
    def __init__(self, step_id: _Optional[str] = ...) -> None: ...

class WatchRunRequest(_message.Message):
    __slots__ = ("run_id", "after_seq", "with_lines", "batched")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    WITH_LINES_FIELD_NUMBER: _ClassVar[int]
    BATCHED_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    after_seq: int
    with_lines: bool
    batched: bool
    def __init__(self, run_id: _Optional[str] = ..., after_seq: _Optional[int] = ..., with_lines: _Optional[bool] = ..., batched: _Optional[bool] = ...) -> None: ...

class WatchRunResponse(_message.Message):
    __slots__ = ("event", "lagged", "lines", "events")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    LAGGED_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    event: Event
    lagged: bool
    lines: _containers.RepeatedCompositeFieldContainer[LogLine]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    def __init__(self, event: _Optional[_Union[Event, _Mapping]] = ..., lagged: _Optional[bool] = ..., lines: _Optional[_Iterable[_Union[LogLine, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("seq", "json")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    seq: int
    json: str
    def __init__(self, seq: _Optional[int] = ..., json: _Optional[str] = ...) -> None: ...

class WatchRunsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WatchRunsResponse(_message.Message):
    __slots__ = ("runs",)
    RUNS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[RunSummary]
    def __init__(self, runs: _Optional[_Iterable[_Union[RunSummary, _Mapping]]] = ...) -> None: ...

class DeleteRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class DeleteRunResponse(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetRunSpecRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetRunSpecResponse(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: CreateRunRequest
    def __init__(self, request: _Optional[_Union[CreateRunRequest, _Mapping]] = ...) -> None: ...

class CheckKeyRequest(_message.Message):
    __slots__ = ("sealed",)
    SEALED_FIELD_NUMBER: _ClassVar[int]
    sealed: bytes
    def __init__(self, sealed: _Optional[bytes] = ...) -> None: ...

class CheckKeyResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetPlanRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetPlanResponse(_message.Message):
    __slots__ = ("request", "started_at")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    request: CreateRunRequest
    started_at: float
    def __init__(self, request: _Optional[_Union[CreateRunRequest, _Mapping]] = ..., started_at: _Optional[float] = ...) -> None: ...

class ReportEventsRequest(_message.Message):
    __slots__ = ("batch", "events")
    BATCH_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    batch: int
    events: _containers.RepeatedCompositeFieldContainer[ReportedEvent]
    def __init__(self, batch: _Optional[int] = ..., events: _Optional[_Iterable[_Union[ReportedEvent, _Mapping]]] = ...) -> None: ...

class ReportEventsResponse(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: int
    def __init__(self, batch: _Optional[int] = ...) -> None: ...

class ReportedEvent(_message.Message):
    __slots__ = ("run_id", "unit", "attempt", "number", "json")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    unit: str
    attempt: int
    number: int
    json: str
    def __init__(self, run_id: _Optional[str] = ..., unit: _Optional[str] = ..., attempt: _Optional[int] = ..., number: _Optional[int] = ..., json: _Optional[str] = ...) -> None: ...

class KeepStateRequest(_message.Message):
    __slots__ = ("run_id", "name", "json")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    name: str
    json: str
    def __init__(self, run_id: _Optional[str] = ..., name: _Optional[str] = ..., json: _Optional[str] = ...) -> None: ...

class KeepStateResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetStateRequest(_message.Message):
    __slots__ = ("run_id", "name")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    name: str
    def __init__(self, run_id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class GetStateResponse(_message.Message):
    __slots__ = ("json",)
    JSON_FIELD_NUMBER: _ClassVar[int]
    json: str
    def __init__(self, json: _Optional[str] = ...) -> None: ...
