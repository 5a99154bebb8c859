"""Objects of any type that callers create, read, replace and delete, apart for each session."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import field

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from rocketship.dataclass import dataclass
from rocketship.demo.body import json_object
from rocketship.values import JsonObject, to_text

MAX_TOTAL_BYTES = 64 * 1024 * 1024
#: What an object costs beside its text, roughly.
OVERHEAD_BYTES = 512


@dataclass(slots=True)
class Session:
    """One caller's objects by type and id, how many of a type it made, and the space they take."""

    types: dict[str, dict[str, JsonObject]] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)
    size: int = 0


class Records:
    """The objects of all sessions; when space runs out, the one unused for longest is forgotten."""

    def __init__(self, limit_bytes: int = MAX_TOTAL_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._size = 0

    def create(self, session: str, kind: str, item: JsonObject) -> JsonObject:
        """Store an object under its own `id`, or the next number of its type, and return it."""
        home = self._open(session)
        if kind not in home.types:
            home.types[kind] = {}
            self._grow(home, OVERHEAD_BYTES + len(kind))
        number = home.created.get(kind, 0)
        home.created[kind] = number + 1
        stored = {"id": f"{kind}_{number}", **item}
        self._store(home, kind, to_text(stored["id"]), stored)
        return stored

    def replace(self, session: str, kind: str, key: str, item: JsonObject) -> bool:
        """Store an object as it is; False when the session never had one of its type."""
        home = self._open(session)
        if kind not in home.types:
            return False
        self._store(home, kind, key, item)
        return True

    def all(self, session: str, kind: str) -> list[JsonObject]:
        """Return the objects of a type in the order of their ids."""
        items = self._open(session).types.get(kind, {})
        return [items[key] for key in sorted(items)]

    def get(self, session: str, kind: str, key: str) -> JsonObject | None:
        """Return one object, or None."""
        return self._open(session).types.get(kind, {}).get(key)

    def delete(self, session: str, kind: str, key: str) -> bool:
        """Remove one object; False when there is none."""
        home = self._open(session)
        gone = home.types.get(kind, {}).pop(key, None)
        if gone is None:
            return False
        self._grow(home, -_cost(gone))
        return True

    def clear(self, session: str) -> None:
        """Forget everything of a session."""
        gone = self._sessions.pop(session, None)
        if gone is not None:
            self._size -= gone.size

    def _open(self, session: str) -> Session:
        home = self._sessions.get(session)
        if home is None:
            home = self._sessions[session] = Session()
            self._grow(home, OVERHEAD_BYTES + len(session))
        self._sessions.move_to_end(session)
        return home

    def _store(self, home: Session, kind: str, key: str, item: JsonObject) -> None:
        replaced = home.types[kind].get(key)
        home.types[kind][key] = item
        self._grow(home, _cost(item) - (_cost(replaced) if replaced is not None else 0))

    def _grow(self, home: Session, size: int) -> None:
        home.size += size
        self._size += size
        while self._size > self._limit_bytes:
            _, forgotten = self._sessions.popitem(last=False)
            self._size -= forgotten.size


def _cost(item: JsonObject) -> int:
    return len(json.dumps(item)) + OVERHEAD_BYTES


def session_of(request: Request) -> str:
    """Return whose objects a request is about: a header says it, else the caller's address."""
    named = request.headers.get("x-test-session")
    forwarded = request.headers.get("x-forwarded-for", "").partition(",")[0].strip()
    return named or forwarded or (request.client.host if request.client else "")


async def create(request: Request) -> Response:
    """POST: store the JSON object in the body, with every X- header of the request added to it."""
    item = await json_object(request)
    for name, value in request.headers.items():
        if name.startswith("x-"):
            item[name] = value
    kind = request.path_params["kind"]
    return JSONResponse(_records(request).create(session_of(request), kind, item))


async def collection(request: Request) -> Response:
    """GET: all objects of a type, numbered in the order of their ids."""
    kind = request.path_params["kind"]
    found = _records(request).all(session_of(request), kind)
    return JSONResponse({f"{kind}_{number}": item for number, item in enumerate(found)})


async def read(request: Request) -> Response:
    """GET: one object, or 404."""
    kind, key = request.path_params["kind"], request.path_params["key"]
    found = _records(request).get(session_of(request), kind, key)
    if found is None:
        raise _missing(kind, key)
    return JSONResponse(found)


async def replace(request: Request) -> Response:
    """PUT: the JSON object in the body takes the place of the stored one."""
    kind, key = request.path_params["kind"], request.path_params["key"]
    item = await json_object(request)
    if not _records(request).replace(session_of(request), kind, key, item):
        raise HTTPException(404, f"nothing of type {kind} was ever created")
    return JSONResponse(item)


async def delete(request: Request) -> Response:
    """DELETE: 204, or 404."""
    kind, key = request.path_params["kind"], request.path_params["key"]
    if not _records(request).delete(session_of(request), kind, key):
        raise _missing(kind, key)
    return Response(status_code=204)


async def clear(request: Request) -> Response:
    """POST: forget all objects of the caller's session."""
    _records(request).clear(session_of(request))
    return Response(status_code=204)


def _records(request: Request) -> Records:
    records: Records = request.app.state.records
    return records


def _missing(kind: str, key: str) -> HTTPException:
    return HTTPException(404, f"there is no {kind} {key}")


#: They match every path, so they come after all other routes.
ROUTES: list[BaseRoute] = [
    Route("/_clear", clear, methods=["POST"]),
    Route("/{kind}", collection),
    Route("/{kind}", create, methods=["POST"]),
    Route("/{kind}/{key}", read),
    Route("/{kind}/{key}", replace, methods=["PUT"]),
    Route("/{kind}/{key}", delete, methods=["DELETE"]),
    Route("/{kind}/{rest:path}", create, methods=["POST"]),
]
