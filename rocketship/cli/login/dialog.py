"""The dialog of `rocketship login`: what to open, what to compare, and how it went."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from rocketship.cli.connection.discovery import ask_server
from rocketship.cli.connection.endpoint import endpoint_of
from rocketship.cli.connection.tokens import VARIABLE, logins_of
from rocketship.cli.console import Console
from rocketship.cli.context import run_async
from rocketship.errors import EXIT_CANCELLED, Refused, RocketshipError
from rocketship.profiles.resolve import Target
from rocketship.tokens.clock import SystemClock
from rocketship.tokens.oauth.client import is_loopback, oauth_client
from rocketship.tokens.oauth.device_flow import DeviceFlow, Prompt, shown_time_left
from rocketship.tokens.oauth.provider import Advertised, find_provider
from rocketship.values import format_duration

if TYPE_CHECKING:
    from rocketship.client.channel import Endpoint
    from rocketship.tokens.login import Login


def log_in(console: Console, target: Target, *, browser: bool, max_seconds: float | None) -> int:
    """Log in to the engine of a target that has an address and a name; return the exit code.

    Raises:
        RocketshipError: The engine or its issuer does not let anybody in this way.
    """
    endpoint = endpoint_of(console, target)
    info = run_async(ask_server(console, endpoint))
    if info.asked.needed is False:
        console.print(f"The engine at {endpoint.address} needs no login.")
        return 0
    if not info.asked.oidc:
        raise Refused(
            f"the engine at {endpoint.address} takes tokens of its operator, and no logins",
            hint=f"set {VARIABLE} to the token, or give --token-file",
        )
    if not endpoint.confidential:
        from rocketship.client.session import unsafe

        raise unsafe("the token of a login", endpoint)
    advertised = Advertised(
        str(endpoint.address),
        info.issuer,
        info.client_id,
        info.audience,
        info.scopes,
        info.device_authorization_endpoint or info.auth_endpoint,
        info.token_endpoint,
    )
    try:
        login = _approved(console, target, advertised, browser=browser, max_seconds=max_seconds)
    except KeyboardInterrupt:
        console.note("\nCancelled; you are not logged in.")
        return EXIT_CANCELLED
    _keep(console, target, login)
    if not target.token_file and not os.environ.get(VARIABLE):
        run_async(_try(console, endpoint_of(console, target)))
    return 0


def _approved(
    console: Console,
    target: Target,
    advertised: Advertised,
    *,
    browser: bool,
    max_seconds: float | None,
) -> Login:
    ca_cert, loopback = target.profile.ca_cert, is_loopback(advertised.issuer)
    with oauth_client(ca_cert, loopback=loopback) as client:
        provider = find_provider(client, advertised)
        flow = DeviceFlow(
            client, provider, advertised, SystemClock(), note=console.note, max_seconds=max_seconds
        )
        prompt = flow.begin()
        _show(console, target, prompt, browser=browser)
        return flow.wait()


def _show(console: Console, target: Target, prompt: Prompt, *, browser: bool) -> None:
    from rocketship.cli.login.browser import has_browser, open_page

    url = prompt.complete_uri or prompt.uri
    console.note(
        f'To log in to {target.profile.engine} (profile "{target.profile.name}"), open this page:'
    )
    console.note(f"\n  {url}\n")
    if prompt.complete_uri:
        console.note(f"Go on there only if it shows this code:  {prompt.user_code}\n")
    else:
        console.note(f"and enter this code:  {prompt.user_code}\n")
    if console.err.isatty() and console.unicode:
        from rocketship.cli.login.qr import qr_code

        width, height = console.size
        code = qr_code(url, width=width, height=height, colour=console.error_colour)
        if code:
            console.draw(f"{code}\n")
    if browser and has_browser(os.environ):
        open_page(url)
        console.note("A browser has been asked to open it.")
    left = shown_time_left(prompt, time.time())
    console.note(f"Waiting for the approval, at most {left}. Ctrl-C stops.")


def _keep(console: Console, target: Target, login: Login) -> None:
    logins, name = logins_of(console), target.profile.name
    with logins.locked(name):
        where = logins.save(name, login)
    who = f" as {login.identity}" if login.identity else ""
    console.print(f"Logged in to {login.server}{who}.")
    console.note(f"The login is kept in {where}.")
    if login.expires_at and not login.refresh_token:
        ends = format_duration(login.expires_at - time.time())
        console.warning(f"the issuer gave no refresh token; the login ends in {ends}")
    if os.environ.get(VARIABLE):
        console.warning(f"{VARIABLE} is set and comes before the login")


async def _try(console: Console, endpoint: Endpoint) -> None:
    """Find out now, and not with the next command, whether the engine takes the token."""
    from rocketship.client.remote import open_remote
    from rocketship.store.base import RunFilter

    try:
        async with open_remote(endpoint, note=_ignore, warn=_ignore, retry_seconds=0) as client:
            await client.list_runs(RunFilter(limit=1))
    except RocketshipError as error:
        console.warning(f"the engine does not take the login: {error.message}")


def _ignore(text: str) -> None:
    """Drop a note; it was given before the login already."""
