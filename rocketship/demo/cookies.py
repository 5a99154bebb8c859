"""Cookies: shown, set and deleted, and a login that lives in one."""

from __future__ import annotations

import secrets
from http.cookies import CookieError

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from rocketship.demo.body import form_fields, json_object, media_type

SESSION_COOKIE = "session"


async def show(request: Request) -> Response:
    """GET: the cookies of the request."""
    return JSONResponse({"cookies": dict(request.cookies)})


async def assign(request: Request) -> Response:
    """GET: set every query parameter as a cookie, then redirect to /cookies."""
    answer = RedirectResponse("/cookies", status_code=302)
    for name, value in request.query_params.items():
        try:
            answer.set_cookie(name, value, samesite="lax")
        except CookieError:
            raise HTTPException(400, f"{name!r} cannot be a cookie") from None
    return answer


async def remove(request: Request) -> Response:
    """GET: delete the cookies that the query names, then redirect to /cookies."""
    answer = RedirectResponse("/cookies", status_code=302)
    for name in request.cookies.keys() & request.query_params.keys():
        answer.delete_cookie(name)
    return answer


async def login(request: Request) -> Response:
    """POST `user` and `password`, `open sesame`, as form or JSON: a session cookie, or 401."""
    as_form = media_type(request) == "application/x-www-form-urlencoded"
    given = await (form_fields(request) if as_form else json_object(request))
    user = given.get("user")
    if not isinstance(user, str) or not user or given.get("password") != "open sesame":
        raise HTTPException(401, "wrong user or password")
    key = secrets.token_urlsafe(16)
    request.app.state.logins[key] = user
    answer = JSONResponse({"user": user})
    answer.set_cookie(SESSION_COOKIE, key, httponly=True, samesite="lax")
    return answer


async def me(request: Request) -> Response:
    """GET: who is logged in, or 401."""
    user = request.app.state.logins.get(request.cookies.get(SESSION_COOKIE, ""))
    if user is None:
        raise HTTPException(401, "log in first")
    return JSONResponse({"user": user})


async def logout(request: Request) -> Response:
    """POST: end the session, 204."""
    request.app.state.logins.pop(request.cookies.get(SESSION_COOKIE, ""), None)
    answer = Response(status_code=204)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


ROUTES: list[BaseRoute] = [
    Route("/cookies", show),
    Route("/cookies/set", assign),
    Route("/cookies/delete", remove),
    Route("/login", login, methods=["POST"]),
    Route("/me", me),
    Route("/logout", logout, methods=["POST"]),
]
