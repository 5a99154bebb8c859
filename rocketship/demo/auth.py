"""Endpoints behind a lock: basic, bearer and digest authentication, and a place to get a token."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from urllib.request import parse_http_list, parse_keqv_list

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from rocketship.demo.body import form_fields

REALM = "launch pad"
TOKEN_SECONDS = 3600
_DIGESTS = {"MD5": "md5", "SHA-256": "sha256"}


async def basic(request: Request) -> Response:
    """GET: 200 for exactly the user and password in the path, else 401."""
    user, password = request.path_params["user"], request.path_params["password"]
    if _basic_credentials(request) != (user, password):
        raise _refusal(f'Basic realm="{REALM}", charset="UTF-8"')
    return JSONResponse({"authenticated": True, "user": user})


async def bearer(request: Request) -> Response:
    """GET: 200 with the token for any bearer token, or only for the one in `token`; else 401."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    wanted = request.query_params.get("token", given)
    if scheme.lower() != "bearer" or not given or given != wanted:
        raise _refusal(f'Bearer realm="{REALM}"')
    return JSONResponse({"authenticated": True, "token": given})


async def digest(request: Request) -> Response:
    """GET: digest authentication; `algorithm` is MD5 (default) or SHA-256."""
    user, password = request.path_params["user"], request.path_params["password"]
    algorithm = request.query_params.get("algorithm", "MD5").upper()
    if algorithm not in _DIGESTS:
        raise HTTPException(400, f"algorithm must be one of {', '.join(_DIGESTS)}")
    if not _digest_matches(request, user, password, algorithm):
        nonce = secrets.token_hex(16)
        raise _refusal(
            f'Digest realm="{REALM}", nonce="{nonce}", qop="auth", algorithm={algorithm}'
        )
    return JSONResponse({"authenticated": True, "user": user})


async def token(request: Request) -> Response:
    """POST grant_type=client_credentials: a bearer token for the client named in body or header."""
    form = await form_fields(request)
    client, _ = _basic_credentials(request) or (form.get("client_id"), "")
    if form.get("grant_type") != "client_credentials" or not client:
        return JSONResponse({"error": "invalid_request"}, status_code=400)
    reply = {"access_token": f"token-of-{client}", "token_type": "Bearer"}
    return JSONResponse({**reply, "expires_in": TOKEN_SECONDS})


def _refusal(challenge: str) -> HTTPException:
    return HTTPException(401, "not authenticated", headers={"www-authenticate": challenge})


def _basic_credentials(request: Request) -> tuple[str, str] | None:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


def _digest_matches(request: Request, user: str, password: str, algorithm: str) -> bool:
    scheme, _, fields = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "digest":
        return False
    given = parse_keqv_list(parse_http_list(fields))

    def hashed(*words: str) -> str:
        return hashlib.new(_DIGESTS[algorithm], ":".join(words).encode()).hexdigest()

    words = [given.get(name, "") for name in ("nonce", "nc", "cnonce", "qop")]
    secret = hashed(user, REALM, password)
    expected = hashed(secret, *words, hashed(request.method, given.get("uri", "")))
    return given.get("username") == user and given.get("response") == expected


ROUTES: list[BaseRoute] = [
    Route("/auth/basic/{user}/{password}", basic),
    Route("/auth/bearer", bearer),
    Route("/auth/digest/{user}/{password}", digest),
    Route("/auth/token", token, methods=["POST"]),
]
