"""The variables that the chart sets are those that the engine and the worker read, both ways.

What is read is found in the code of `rocketship.settings`: every name that is given to a method of
the Reader, and every whole name that is written down, also in the words that describe a setting.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

import rocketship.settings
from rocketship.settings.auth import auth_settings
from rocketship.settings.engine import engine_settings
from rocketship.settings.reader import PREFIX, Reader
from rocketship.settings.server import server_settings
from tests.fixtures.helm import PRESETS, render

FOLDER = Path(next(iter(rocketship.settings.__path__)))
METHODS = {name for name, _ in inspect.getmembers(Reader, callable) if not name.startswith("_")}
WHOLE_NAME = re.compile(r"ROCKETSHIP(?:_[A-Z0-9]+)+(?![A-Z0-9_*])")
NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
#: Everything the chart can set, in two renderings because some of it excludes other.
MAXIMUM: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (
        ("production", "oidc-web"),
        {
            "auth.mode": "token,oidc",
            "auth.token.existingSecret": "rocketship-token",
            "auth.oidc.advertiseCloud": True,
            "auth.oidc.allowedAlgorithms": ["RS256", "ES256"],
            "auth.oidc.deviceEndpoint": "https://login.example.com/device",
            "auth.oidc.jwksUrl": "https://login.example.com/jwks",
            "auth.oidc.leewaySeconds": 30,
            "auth.oidc.tokenEndpoint": "https://login.example.com/token",
            "auth.oidc.usernameClaim": "email",
            "auth.alb.issuer": "https://login.example.com/",
            "engine.disabledPlugins": ["script.shell", "script.python"],
            "engine.grpcWebOrigins": ["https://tools.example.com"],
            "engine.maxParallelTests": 8,
            "engine.tls.clientCaKey": "ca.crt",
            "engine.tls.existingSecret": "engine-tls",
            "temporal.apiKey.existingSecret": "temporal-api",
            "temporal.heartbeatSeconds": 15,
            "temporal.queuePrefix": "blue",
            "temporal.tls.caKey": "ca.crt",
            "temporal.tls.certKey": "tls.crt",
            "temporal.tls.enabled": True,
            "temporal.tls.existingSecret": "temporal-tls",
            "temporal.tls.keyKey": "tls.key",
            "temporal.tls.serverName": "temporal.example.com",
            "worker.labels": ["gpu"],
            "worker.slots": 4,
            "worker.tls.certKey": "tls.crt",
            "worker.tls.existingSecret": "worker-tls",
            "worker.tls.keyKey": "tls.key",
        },
    ),
    ((), {}),
]
#: A worker finds its engine as every command does, by `rocketship.profiles.resolve`.
READ_ELSEWHERE = {"ROCKETSHIP_ENGINE"}
#: Read, but nothing for a cluster.
NOT_FOR_CLUSTERS = {
    # Secrets come as variables from Secrets, or, where a change is noticed, as files.
    "ROCKETSHIP_DATABASE_URL_FILE",
    "ROCKETSHIP_ENCRYPTION_KEY_FILE",
    "ROCKETSHIP_ENGINE_TOKEN",
    "ROCKETSHIP_TEMPORAL_API_KEY_FILE",
    "ROCKETSHIP_WORKER_TOKEN_FILE",
    # How the command line of a person keeps logins.
    "ROCKETSHIP_TOKEN_STORE",
    # The development server, and profiles in files of a person.
    "ROCKETSHIP_TEMPORAL_BIN",
    "ROCKETSHIP_TEMPORAL_DEV_PORT",
    "ROCKETSHIP_TEMPORAL_PROFILE",
}
#: Set for parts that are not there yet, by the file in `rocketship.settings` that will read them.
AWAITED = {
    "database.py": ("ROCKETSHIP_DATABASE_URL",),
    "temporal.py": ("ROCKETSHIP_BACKEND", "ROCKETSHIP_HEARTBEAT_TIMEOUT", "ROCKETSHIP_TEMPORAL_*"),
    "worker.py": ("ROCKETSHIP_WORKER_*",),
}


def awaited(name: str) -> bool:
    """Return whether a variable is for a part that is not there yet."""
    missing = [names for file, names in AWAITED.items() if not (FOLDER / file).exists()]
    return any(fnmatch(name, pattern) for names in missing for pattern in names)


def environments() -> Iterator[dict[str, Any]]:
    for presets, values in MAXIMUM:
        rendered = render(*presets, values=values)
        for deployment in rendered.of("Deployment"):
            yield rendered.environment(deployment["metadata"]["name"].rsplit("-", 1)[1])


def set_by_chart() -> set[str]:
    return {name for environment in environments() for name in environment}


def read_by_code() -> set[str]:
    """Return the names in the settings package."""
    names = set(READ_ELSEWHERE)
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        constants = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                names.update(WHOLE_NAME.findall(str(node.value)))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                names |= set(_called(node.func.attr, node.args[0], constants))
    return names


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return the texts that a module gives a name."""
    return {
        target.id: str(node.value.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _called(method: str, argument: ast.expr, constants: dict[str, str]) -> Iterator[str]:
    if method not in METHODS:
        return
    value = constants.get(argument.id, "") if isinstance(argument, ast.Name) else ""
    if isinstance(argument, ast.Constant):
        value = str(argument.value)
    if NAME.fullmatch(value):
        yield PREFIX + value
        if method == "secret":
            yield f"{PREFIX}{value}_FILE"


def test_every_variable_of_the_chart_is_read() -> None:
    unread = set_by_chart() - read_by_code()

    assert {name for name in unread if not awaited(name)} == set()


def test_every_setting_can_be_set_by_the_chart() -> None:
    assert read_by_code() - NOT_FOR_CLUSTERS - set_by_chart() == set()


@pytest.mark.parametrize("preset", ["", *PRESETS])
def test_engine_accepts_what_the_chart_sets(preset: str) -> None:
    rendered = render(*filter(None, [preset]))
    environment = {
        name: value if isinstance(value, str) else "from a Secret"
        for name, value in rendered.environment("engine").items()
        if not awaited(name)
    }

    server = server_settings(environment)
    engine = engine_settings(environment, default_recovery="resume")
    auth = auth_settings(environment)

    assert (str(server.grpc), str(server.http)) == ("0.0.0.0:7700", "0.0.0.0:7701")
    assert str(engine.data_dir) == "/var/lib/rocketship"
    assert engine.recovery == "resume"
    assert ",".join(auth.modes) == environment["ROCKETSHIP_AUTH_MODE"]
