from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rocketship.errors import StoreError
from rocketship.store.sealing import KEY_FILE, Sealer, check_key, derived_key, key_from_file


def test_sealed_value_hides_its_text_and_opens_again() -> None:
    sealer = Sealer(lambda: derived_key("k"))

    sealed = sealer.seal(b"correct horse", "run-1")

    assert b"horse" not in sealed
    assert sealer.open(sealed, "run-1") == b"correct horse"


def test_value_never_sealed_comes_back_as_it_is() -> None:
    assert Sealer(lambda: derived_key("k")).open(b'{"v":1}', "run-1") == b'{"v":1}'


@pytest.mark.parametrize(("key", "context"), [("other", "run-1"), ("k", "run-2")])
def test_wrong_key_or_context_is_refused(key: str, context: str) -> None:
    sealed = Sealer(lambda: derived_key("k")).seal(b"secret", "run-1")

    with pytest.raises(StoreError, match="cannot be opened"):
        Sealer(lambda: derived_key(key)).open(sealed, context)


def test_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "data"

    first, second = key_from_file(folder), key_from_file(folder)

    assert first == second
    assert len(first) == 32
    assert stat.S_IMODE((folder / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [KEY_FILE]


def test_damaged_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")

    with pytest.raises(StoreError, match="not an encryption key"):
        key_from_file(tmp_path)


def test_other_key_than_before_is_refused_at_once(tmp_path: Path) -> None:
    check_key(tmp_path, derived_key("k"))
    check_key(tmp_path, derived_key("k"))

    with pytest.raises(StoreError, match="not the one the data in"):
        check_key(tmp_path, derived_key("other"))


def test_key_file_open_to_others_is_closed_again(tmp_path: Path) -> None:
    key = key_from_file(tmp_path)
    (tmp_path / KEY_FILE).chmod(0o644)

    assert key_from_file(tmp_path) == key
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
