"""Loading a suite, from a file or from bytes that came with their files: all that a run needs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from rocketship.dataclass import dataclass
from rocketship.errors import NotFound
from rocketship.suite.bundle import Bundle, Collector, check_shipped, path_of
from rocketship.suite.discover import in_suite_folder
from rocketship.suite.language.catalog import Catalog
from rocketship.suite.language.contents import check_contents
from rocketship.suite.language.parse import parse
from rocketship.suite.language.references import References
from rocketship.suite.language.suite import SuiteNodes
from rocketship.suite.model import Suite
from rocketship.suite.node import Node
from rocketship.suite.problem import DEFAULT_WIDTH, Problem, Problems, decode, format_problem
from rocketship.suite.source import MAX_FILE_BYTES, load
from rocketship.suite.variables import VariableInputs
from rocketship.values import Json, JsonObject


@dataclass(frozen=True, slots=True)
class LoadedSuite:
    """What is in a suite file.

    Attributes:
        suite: The model, or None when there are errors.
        source: The bytes of the file.
        vars: The merged variables.
        env_names: The environment names the suite and its files mention, sorted.
        bundle: The files the suite refers to.
        problems: Errors and warnings, by their place in the file.
        skipped: Why the file is no suite and should be passed over, or None.
    """

    suite: Suite | None
    source: bytes
    vars: JsonObject = field(default_factory=dict)
    env_names: tuple[str, ...] = ()
    bundle: Bundle = Bundle()
    problems: tuple[Problem, ...] = ()
    skipped: str | None = None

    def report(self, width: int = DEFAULT_WIDTH) -> str:
        """Return all problems as text for people, for a terminal of so many columns."""
        reports = (format_problem(item, self.source, width=width) for item in self.problems)
        return "\n\n".join(reports)


def load_suite(
    path: Path,
    catalog: Catalog,
    *,
    variables: VariableInputs | None = None,
    cwd: Path,
    allow_unknown_keys: bool = False,
) -> LoadedSuite:
    """Load a suite file and the files it refers to; what is wrong is in `problems`.

    Args:
        path: The file, as it is shown in messages; relative to `cwd`.
        catalog: The plugins there are.
        variables: The variables from outside. None means that they are not known yet, so that a
            missing one is only a warning.
        cwd: The directory the command was started in.
        allow_unknown_keys: Whether unknown keys are only warnings.

    Raises:
        NotFound: The file cannot be read.
    """
    absolute = cwd / path
    try:
        with absolute.open("rb") as opened:
            source = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise NotFound(f"{path}: cannot be read: {error.strerror}") from error
    problems = Problems(allow_unknown_keys)
    # A name that is not UTF-8 could be neither stored nor sent.
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")
    root = load(source, shown, problems)
    if in_suite_folder(absolute) and _is_something_else(root):
        skipped = f"{path}: has neither tests nor a name, so it is not a suite"
        return LoadedSuite(None, source, skipped=skipped)
    if root is None:
        return LoadedSuite(None, source, problems=problems.in_order())
    nodes = SuiteNodes(root, catalog)
    merged = (variables or VariableInputs()).around(_own_variables(root))
    collector = Collector((absolute.parent, cwd), problems)
    collector.collect(nodes.files, merged)
    nodes.check(problems)
    # Reading descriptions takes long: whoever ships a suite does it, and no engine does it again.
    if not problems.failed:
        check_contents(nodes, lambda text: _find(text, merged, collector), problems)
    return _check(nodes, source, merged, variables is not None, collector.bundle, problems)


def load_source(
    source: bytes,
    file: str,
    catalog: Catalog,
    *,
    variables: JsonObject,
    files: Mapping[str, bytes],
    allow_unknown_keys: bool = True,
) -> LoadedSuite:
    """Load a suite from bytes that were shipped together with its variables and files.

    Args:
        source: The bytes of the suite file.
        file: Its name in messages.
        catalog: The plugins there are.
        variables: The merged variables, the suite's own included.
        files: The files the suite refers to, by the path it uses.
        allow_unknown_keys: Whether unknown keys are only warnings. Whoever ships a suite has
            decided about them already.
    """
    problems = Problems(allow_unknown_keys)
    root = load(source, file, problems)
    bundle = Bundle(files)
    if root is None:
        return LoadedSuite(None, source, variables, (), bundle, problems.in_order())
    nodes = SuiteNodes(root, catalog)
    check_shipped(nodes.files, bundle, variables, problems)
    nodes.check(problems)
    return _check(nodes, source, variables, True, bundle, problems)


def _check(
    nodes: SuiteNodes,
    source: bytes,
    variables: JsonObject,
    complete: bool,
    bundle: Bundle,
    problems: Problems,
) -> LoadedSuite:
    def read(text: str) -> bytes | None:
        return _read(text, variables, bundle)

    references = References(nodes, decode(source), variables, complete, read, problems)
    references.check()
    return LoadedSuite(
        suite=None if problems.failed else parse(nodes),
        source=source,
        vars=variables,
        env_names=tuple(sorted(references.env_names)),
        bundle=bundle,
        problems=problems.in_order(),
    )


def _read(text: str, variables: Mapping[str, Json], bundle: Bundle) -> bytes | None:
    path = path_of(text, variables)
    return None if path is None else bundle.files.get(path)


def _find(text: str, variables: Mapping[str, Json], collector: Collector) -> bytes | None:
    path = path_of(text, variables)
    return None if path is None else collector.find(path)


def _own_variables(root: Node) -> Mapping[str, Json]:
    own = root.get("vars")
    return own.value if own and isinstance(own.value, dict) else {}


def _is_something_else(root: Node | None) -> bool:
    """Return whether a file can be read and is no suite."""
    return root is not None and root.get("tests") is None and root.get("name") is None
