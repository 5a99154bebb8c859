"""How specifications, cursors and texts are written down, the same in every database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rocketship.errors import UsageError
from rocketship.run.ids import is_run_id_prefix
from rocketship.run.spec import RunSpec, Selection


def encode_spec(spec: RunSpec) -> str:
    """Return a specification as JSON, without the source and the files."""
    data = {
        "file": spec.file,
        "vars": spec.vars,
        "env_names": spec.env_names,
        "selection": asdict(spec.selection),
        "concurrency": spec.concurrency,
        "timeout_seconds": spec.timeout_seconds,
        "fail_fast": spec.fail_fast,
        "context": spec.context,
        "workdir": spec.workdir,
    }
    return json.dumps(data)


def decode_spec(text: str | bytes, source: bytes, files: Mapping[str, bytes]) -> RunSpec:
    """Return the specification that `encode_spec` wrote."""
    data = json.loads(text)
    selection = {key: _tuple(value) for key, value in data.pop("selection").items()}
    data["env_names"] = tuple(data["env_names"])
    return RunSpec(source=source, files=files, selection=Selection(**selection), **data)


def write_cursor(values: tuple[Any, ...]) -> str:
    """Return the cursor after a page that ended with these values of its keys, the id last."""
    return "-".join(str(value) for value in reversed(values))


def read_cursor(text: str, keys: tuple[str, ...]) -> list[Any]:
    """Return the values of the keys a page ended with.

    Raises:
        UsageError: `write_cursor` has not made it for such keys.
    """
    run_id, *rest = text.split("-", len(keys) - 1)
    try:
        if not is_run_id_prefix(run_id) or len(rest) + 1 != len(keys):
            raise ValueError(text)
        return [*map(float, rest), run_id]
    except ValueError:
        hint = "use the cursor that came with the page before, unchanged"
        raise UsageError(f'"{text}" is not a cursor of this list', hint=hint) from None


def storable(value: str) -> str:
    """Return the text with what UTF-8 cannot express, half a surrogate pair, as an escape."""
    return value.encode("utf-8", "backslashreplace").decode()


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
