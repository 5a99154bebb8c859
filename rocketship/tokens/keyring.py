"""Logins in the keyring of the operating system.

A keyring is believed only after it has given back what was put into it: some accept everything and
keep nothing, and some are plain files under another name.
"""

from __future__ import annotations

import json
from typing import Any

from rocketship.tokens.login import Login, from_json, parse_json, to_json
from rocketship.tokens.store import StoreUnusable

SERVICE = "rocketship"
#: Modules of backends that keep nothing, or keep it for everybody to read.
_NO_KEYRINGS = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")
_ACCESS, _REFRESH = "access", "refresh"


class KeyringStore:
    """A TokenStore in the system's keyring, with an entry for each profile and kind of token.

    The access token's entry says everything about the login; the entry of the refresh token repeats
    whom it belongs to, so that halves of two logins are never put together.
    """

    def __init__(self) -> None:
        self._found: Any = None

    def load(self, profile: str) -> Login | None:
        document = parse_json(self._get(profile, _ACCESS) or "null")
        login = from_json(document)
        if login is None:
            return None
        refresh = parse_json(self._get(profile, _REFRESH) or "null")
        if isinstance(refresh, dict) and refresh.get("binding") == list(login.binding):
            document["refresh_token"] = refresh.get("token", "")
        return from_json(document)

    def save(self, profile: str, login: Login) -> None:
        # The refresh token comes first: without it a person has to log in again, while a lost
        # access token is only renewed once more.
        if login.refresh_token:
            refresh = {"binding": login.binding, "token": login.refresh_token}
            self._put(profile, _REFRESH, json.dumps(refresh))
        else:
            self._drop(profile, _REFRESH)
        self._put(profile, _ACCESS, json.dumps({**to_json(login), "refresh_token": ""}))

    def delete(self, profile: str) -> None:
        for kind in (_ACCESS, _REFRESH):
            self._drop(profile, kind)

    def describe(self) -> str:
        backend = self._backend()
        name = str(getattr(backend, "name", "")) or type(backend).__name__
        return f"the keyring of the system ({name})"

    def check(self) -> None:
        """Make sure that there is a keyring at all; whether it keeps things shows when it is used.

        Raises:
            StoreUnusable: There is none.
        """
        self._backend()

    def _backend(self) -> Any:
        if self._found is None:
            try:
                import keyring

                backend = keyring.get_keyring()
            except Exception as error:  # backends are anybody's code, and fail as they like
                raise StoreUnusable(f"the keyring cannot be loaded: {_say(error)}") from error
            for inner in _parts(backend):
                if type(inner).__module__.startswith(_NO_KEYRINGS):
                    raise StoreUnusable("there is no keyring that keeps secrets here")
            self._found = backend
        return self._found

    def _get(self, profile: str, kind: str) -> str | None:
        backend = self._backend()
        try:
            value = backend.get_password(SERVICE, _account(profile, kind))
        except Exception as error:  # as above
            raise StoreUnusable(f"the keyring cannot be read: {_say(error)}") from error
        return value if isinstance(value, str) else None

    def _put(self, profile: str, kind: str, value: str) -> None:
        backend = self._backend()
        try:
            backend.set_password(SERVICE, _account(profile, kind), value)
        except Exception as error:  # as above
            raise StoreUnusable(f"the keyring takes nothing: {_say(error)}") from error
        if self._get(profile, kind) != value:
            raise StoreUnusable("the keyring does not keep what it is given")

    def _drop(self, profile: str, kind: str) -> None:
        if self._get(profile, kind) is None:
            return
        try:
            self._backend().delete_password(SERVICE, _account(profile, kind))
        except Exception as error:  # as above
            raise StoreUnusable(f"the keyring removes nothing: {_say(error)}") from error


def _parts(backend: Any) -> list[Any]:
    """Return the backends a keyring consists of; `keyring` chains them when there are several."""
    if type(backend).__module__ != "keyring.backends.chainer":
        return [backend]
    # The first takes what is written.
    return list(backend.backends)[:1] or [backend]


def _account(profile: str, kind: str) -> str:
    return f"{profile}:{kind}"


def _say(error: Exception) -> str:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return first[:200]
