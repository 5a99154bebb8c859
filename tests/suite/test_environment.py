from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocketship.errors import UsageError
from rocketship.suite.environment import collect, load_env_file


def load(text: str | bytes, folder: Path) -> dict[str, str]:
    path = folder / "x.env"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_env_file(path)


def test_load_env_file_understands_the_usual_forms(tmp_path: Path) -> None:
    text = """\
# a comment
PLAIN=value
export EXPORTED=yes
SPACED = padded   # a comment

SINGLE='$HOME ${X} # kept'
DOUBLE="a\\nb"
LINES="first
second"
EMPTY=
LITERAL=$PLAIN
LATER=1
LATER=2
"""
    assert load(text, tmp_path) == {
        "PLAIN": "value",
        "EXPORTED": "yes",
        "SPACED": "padded",
        "SINGLE": "$HOME ${X} # kept",
        "DOUBLE": "a\nb",
        "LINES": "first\nsecond",
        "EMPTY": "",
        "LITERAL": "$PLAIN",
        "LATER": "2",
    }


def test_load_env_file_with_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    assert load(b"\xef\xbb\xbfA=1\r\nB=2\r\n", tmp_path) == {"A": "1", "B": "2"}


@pytest.mark.parametrize(
    ("text", "line"),
    [("A=1\n\n\nnonsense\n", 4), ("=x", 1), ("A=1\nexport B\n", 2), ('A="never closed\nB=1', 1),
     ("# c\nA=1\n  B 2\n", 3)],
)  # fmt: skip
def test_load_env_file_malformed_line_is_named(text: str, line: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(text, tmp_path)
    assert caught.value.message == f"{tmp_path}/x.env:{line}: not an assignment"


def test_load_env_file_unreadable_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read the env file"):
        load_env_file(tmp_path / "gone.env")
    with pytest.raises(UsageError, match="not UTF-8"):
        load(b"A=\xff", tmp_path)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_load_env_file_any_bytes_give_values_or_a_usage_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    try:
        values = load(data, tmp_path_factory.getbasetemp())
    except UsageError:
        return
    assert all(values)


def test_collect_takes_mentioned_names_only_and_the_process_wins() -> None:
    files = [{"A": "file1", "B": "file1", "C": "file1"}, {"B": "file2", "X": "file2"}]
    found = collect(["A", "B", "C", "GONE"], {"A": "process", "HOME": "/"}, files)
    assert found == {"A": "process", "B": "file2", "C": "file1"}


def test_collect_empty_process_value_still_wins() -> None:
    assert collect(["A"], {"A": ""}, [{"A": "file"}]) == {"A": ""}
