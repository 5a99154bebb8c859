"""What every TokenStore promises."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocketship.tokens.login import Login
from rocketship.tokens.store import TokenStore

LOGIN = Login(
    server="grpcs://engine.example.com:443",
    issuer="https://idp.example.com",
    audience="https://engine.example.com",
    client_id="cli",
    token_endpoint="https://idp.example.com/token",
    revocation_endpoint="https://idp.example.com/revoke",
    access_token="access-token",
    refresh_token="refresh-token",
    expires_at=1_800_000_060.5,
    lifetime_seconds=3600.0,
    scopes=("openid", "offline_access"),
    identity="alice@example.com \N{SNOWMAN}",
)


class TokenStoreContract:
    """Subclassed for each store, with a fixture `store`."""

    def test_profile_without_a_login_has_none(self, store: TokenStore) -> None:
        assert store.load("nobody") is None

    def test_saved_login_is_loaded_as_it_was(self, store: TokenStore) -> None:
        store.save("whole", LOGIN)

        assert store.load("whole") == LOGIN

    def test_later_login_replaces_the_earlier(self, store: TokenStore) -> None:
        store.save("later", LOGIN)
        later = replace(LOGIN, access_token="other", refresh_token="newer", expires_at=0.0)

        store.save("later", later)

        assert store.load("later") == later

    def test_login_without_refresh_token_leaves_no_older_one(self, store: TokenStore) -> None:
        store.save("short", LOGIN)
        short = replace(LOGIN, refresh_token="")

        store.save("short", short)

        assert store.load("short") == short

    def test_profiles_are_kept_apart(self, store: TokenStore) -> None:
        other = replace(LOGIN, server="grpcs://other.example.com:443", access_token="b")
        store.save("a.b", LOGIN)
        store.save("a.b-c", other)

        store.delete("a.b")

        assert (store.load("a.b"), store.load("a.b-c")) == (None, other)

    def test_deleting_twice_does_no_harm(self, store: TokenStore) -> None:
        store.save("gone", LOGIN)

        store.delete("gone")
        store.delete("gone")

        assert store.load("gone") is None

    def test_large_tokens_are_kept(self, store: TokenStore) -> None:
        large = replace(LOGIN, access_token="a" * 12_000, refresh_token="r" * 12_000)

        store.save("large", large)

        assert store.load("large") == large

    def test_place_is_described_without_any_token(self, store: TokenStore) -> None:
        store.save("told", LOGIN)

        assert store.describe()
        assert "token" not in store.describe().replace("/tokens", "")

    @pytest.mark.parametrize("secret", [LOGIN.access_token, LOGIN.refresh_token])
    def test_login_shows_no_token_by_accident(self, store: TokenStore, secret: str) -> None:
        store.save("shown", LOGIN)

        assert f"{secret!r}" not in repr(store.load("shown"))
