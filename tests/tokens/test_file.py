"""Logins in files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rocketship.tokens.file import FileStore
from rocketship.tokens.folder import PrivateFolder
from rocketship.tokens.store import StoreUnusable, TokenStore
from tests.contracts.token_store import LOGIN, TokenStoreContract


class TestFileStore(TokenStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> TokenStore:
        return FileStore(PrivateFolder(tmp_path / "config" / "tokens", pytest.fail))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_file_and_folder_are_for_their_owner_alone(tmp_path: Path) -> None:
    FileStore(PrivateFolder(tmp_path / "tokens", pytest.fail)).save("p", LOGIN)

    assert (mode(tmp_path / "tokens"), mode(tmp_path / "tokens" / "p.json")) == (0o700, 0o600)


def test_permissions_that_let_others_read_are_repaired_with_a_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    store = FileStore(PrivateFolder(tmp_path / "tokens", warnings.append))
    store.save("p", LOGIN)
    (tmp_path / "tokens").chmod(0o755)
    (tmp_path / "tokens" / "p.json").chmod(0o644)

    assert store.load("p") == LOGIN

    assert (mode(tmp_path / "tokens"), mode(tmp_path / "tokens" / "p.json")) == (0o700, 0o600)
    assert [text.split(" could be ")[1] for text in warnings] == [
        "read by others (mode 755); it is now 700",
        "read by others (mode 644); it is now 600",
    ]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"server": 1}', "null", "[" * 90_000])
def test_file_that_means_nothing_is_no_login(tmp_path: Path, content: str) -> None:
    store = FileStore(PrivateFolder(tmp_path, lambda _: None))
    (tmp_path / "p.json").write_text(content, encoding="utf-8")

    assert store.load("p") is None


def test_folder_that_cannot_be_made_makes_the_store_unusable(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a file", encoding="utf-8")

    with pytest.raises(StoreUnusable, match="cannot be written"):
        FileStore(PrivateFolder(tmp_path / "tokens", pytest.fail)).save("p", LOGIN)


def test_writing_leaves_nothing_but_the_file(tmp_path: Path) -> None:
    store = FileStore(PrivateFolder(tmp_path / "tokens", pytest.fail))
    store.save("p", LOGIN)
    store.save("p", LOGIN)

    assert [path.name for path in (tmp_path / "tokens").iterdir()] == ["p.json"]
