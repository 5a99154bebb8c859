"""JSON or YAML as a value, within bounds that keep a hostile document from filling the memory."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from rocketship.errors import ConfigError
from rocketship.values import Json

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
#: How deep a document may be nested, and how many values its aliases may stand for.
MAX_DEPTH = 200
MAX_VALUES = 2_000_000


@lru_cache(maxsize=32)
def read(content: bytes, location: str) -> Json:
    """Return what is in a document, which nobody may change: JSON or YAML.

    Raises:
        ConfigError: It is neither; the message begins with the location.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ConfigError(f"{location}: is larger than {MAX_DOCUMENT_BYTES >> 20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{location}: is not UTF-8", hint="save it as UTF-8") from None
    written = _read_json(text) if text.lstrip()[:1] == "{" else None
    return _plain(_read_yaml(text, location) if written is None else written, location)


def _read_json(text: str) -> Json:
    """Return JSON, or None for what only YAML can tell what is wrong with."""
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _read_yaml(text: str, location: str) -> Any:
    import yaml

    try:
        return yaml.load(text, _loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ConfigError(f"{location}{place}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{location}: not YAML: {error}") from None


@lru_cache(maxsize=1)
def _loader() -> Any:
    """Return a loader with the plain values of YAML 1.2, where `no` is a text."""
    import re

    import yaml

    class Loader(yaml.CSafeLoader):
        yaml_implicit_resolvers: dict[Any, Any] = {}

    for tag, pattern, first in (
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("int", r"[-+]?\d+|0x[\da-fA-F]+", "-+0123456789"),
        ("float", r"[-+]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?", "-+.0123456789"),
        ("merge", r"<<", "<"),
    ):
        compiled = re.compile(f"^(?:{pattern})$")
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", compiled, list(first))
    Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
    Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))
    return Loader


def _construct_int(_: Any, node: Any) -> int:
    return int(node.value, 16) if node.value.startswith("0x") else int(node.value)


def _plain(root: Any, location: str) -> Json:
    """Return the value with keys as text, however often its aliases are used, within bounds."""
    count = 0

    def copy(value: Any, depth: int) -> Json:
        nonlocal count
        count += 1
        if count > MAX_VALUES or depth > MAX_DEPTH:
            raise ConfigError(f"{location}: is nested too deep or has too many values")
        if isinstance(value, dict):
            return {_key(key): copy(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [copy(item, depth + 1) for item in value]
        return value if isinstance(value, str | int | float | bool) else None

    return copy(root, 0)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)
