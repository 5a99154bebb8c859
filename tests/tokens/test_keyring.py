"""Logins in a real secret service over D-Bus."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rocketship.tokens.keyring import SERVICE, KeyringStore
from rocketship.tokens.store import TokenStore
from tests.contracts.token_store import LOGIN, TokenStoreContract


@pytest.fixture
def _secret_service(system_keyring: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the secret service the keyring of this process, for one test."""
    from keyring.backends import SecretService

    for name, value in system_keyring.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("keyring.core._keyring_backend", SecretService.Keyring())


@pytest.mark.usefixtures("_secret_service")
class TestKeyringStore(TokenStoreContract):
    @pytest.fixture
    def store(self) -> TokenStore:
        return KeyringStore()


@pytest.mark.usefixtures("_secret_service")
def test_each_kind_of_token_has_an_entry_of_its_own() -> None:
    import keyring

    KeyringStore().save("kinds", LOGIN)

    access = keyring.get_password(SERVICE, "kinds:access") or ""
    refresh = keyring.get_password(SERVICE, "kinds:refresh") or ""
    assert LOGIN.access_token in access
    assert LOGIN.refresh_token not in access
    assert LOGIN.refresh_token in refresh
    assert LOGIN.access_token not in refresh


@pytest.mark.usefixtures("_secret_service")
def test_refresh_token_of_another_login_is_not_taken_for_this_one() -> None:
    import keyring

    store = KeyringStore()
    store.save("halves", replace(LOGIN, server="grpcs://other.example.com:443"))
    other = keyring.get_password(SERVICE, "halves:refresh") or ""
    store.save("halves", LOGIN)
    keyring.set_password(SERVICE, "halves:refresh", other)

    assert store.load("halves") == replace(LOGIN, refresh_token="")
