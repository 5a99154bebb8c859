"""Files, functions and packages stay small enough to be read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "rocketship"
FILES = sorted(path for path in ROOT.rglob("*.py") if "_generated" not in path.parts)
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 80
MAX_PACKAGE_FILES = 12
#: One file a command, however many commands there are.
UNLIMITED_PACKAGES = {ROOT / "cli" / "commands"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_file_is_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES


@pytest.mark.parametrize("path", FILES, ids=name)
def test_functions_are_short(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    too_long = [
        f"{node.name}: {lines} lines"
        for node, lines in _functions(tree)
        if lines > MAX_FUNCTION_LINES
    ]

    assert too_long == []


@pytest.mark.parametrize("path", FILES, ids=name)
def test_module_says_why_it_exists(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert ast.get_docstring(ast.parse(source)) or not source.strip()


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=name)
def test_package_has_few_files(folder: Path) -> None:
    files = [path for path in folder.glob("*.py") if path.name != "__init__.py"]

    assert len(files) <= MAX_PACKAGE_FILES or folder in UNLIMITED_PACKAGES


def _functions(tree: ast.AST) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Yield functions with their lines of code, docstring left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                yield node, (body[-1].end_lineno or 0) - body[0].lineno + 1
