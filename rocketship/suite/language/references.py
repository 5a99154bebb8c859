"""The templates of a suite: their syntax, and whether anything can define the names they mention.

A saved name is known from the step behind the one that saves it; cleanup may see everything its
test could have saved. Where a step may save any name (a script that computes names), nothing bare
is complained about from there on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field

from rocketship.dataclass import dataclass
from rocketship.suite.fields import has_template
from rocketship.suite.language.positions import Positions
from rocketship.suite.language.suite import CLEANUP_LISTS, SuiteNodes, file_uses, mappings
from rocketship.suite.node import Node
from rocketship.suite.problem import Problems, did_you_mean, nearest
from rocketship.template.model import Reference, TemplateSyntaxError
from rocketship.template.parse import parse as parse_template
from rocketship.values import Json, Location

RUN_FIELDS = ("id", "suite", "test", "started_at")
MAX_NAMES_SHOWN = 10

_ENV_IN_JQ = r"""\.env\.([A-Za-z_]\w*)|\.env\.?\[?"([^"\\]+)"\]?"""


@dataclass(slots=True)
class _Names:
    """The saved names that can exist at some point of a suite; `any` when they cannot be known."""

    known: set[str] = field(default_factory=set)
    any: bool = False

    def copy(self) -> _Names:
        return _Names(set(self.known), self.any)

    def add(self, names: frozenset[str] | None) -> None:
        if names is None:
            self.any = True
        else:
            # A dotted name makes a nested value, found by its first part.
            self.known |= {name.split(".")[0] for name in names}


class References:
    """Checks every template of a suite and collects the environment names they mention.

    Args:
        nodes: The suite.
        source: Its text, for positions.
        variables: The merged variables.
        complete: Whether there can be no other variables, so that a missing one is an error.
        read: Returns the content of a file of the suite by its path as written, or None.
        problems: Takes what is wrong.
    """

    def __init__(
        self,
        nodes: SuiteNodes,
        source: str,
        variables: Mapping[str, Json],
        complete: bool,
        read: Callable[[str], bytes | None],
        problems: Problems,
    ) -> None:
        self.env_names: set[str] = set()
        self._nodes = nodes
        self._positions = Positions(source)
        self._has_templated_files = any(use.templated for use in nodes.files)
        self._variables = variables
        self._complete = complete
        self._read = read
        self._problems = problems
        # What is wrong anyway is not looked at again.
        self._wrong = {problem.location for problem in problems.found}

    def check(self) -> None:
        """Look at the whole suite."""
        root = self._nodes.root
        nothing = _Names()
        for key in ("name", "timeout", "cleanup_timeout", "concurrency"):
            self._check_key(root, key, nothing)
        self._check_key(root, "openapi", _Names(any=True))
        names = _Names()
        self._check_steps(mappings(root, "init"), names)
        for test in mappings(root, "tests"):
            for key in ("name", "timeout", "skip"):
                self._check_key(test, key, nothing)
            own = names.copy()
            self._check_steps(mappings(test, "init"), own)
            self._check_steps(mappings(test, "steps"), own)
            self._check_cleanup(test, own)
        self._check_cleanup(root, names)
        self._warn_of_templates_in_vars()

    def _check_cleanup(self, node: Node, names: _Names) -> None:
        cleanup = node.get("cleanup")
        if cleanup is None:
            return
        for key in CLEANUP_LISTS:
            self._check_steps(mappings(cleanup, key), names)

    def _check_steps(self, steps: Iterator[Node], names: _Names) -> None:
        for step in steps:
            self._check_step(step, names)
            names.add(self._saved_by(step))

    def _check_step(self, step: Node, names: _Names) -> None:
        config = self._nodes.step_kind.config(step)
        for key, value in step.entries:
            if key.value == "if" and isinstance(value.value, str):
                self._note_env_in_jq(value.value)
            if key.value != "config" and not str(key.value).startswith("x-"):
                self._check_node(value, names)
        self._check_node(config, names)
        for use in file_uses(self._nodes.step_kind, step) if self._has_templated_files else ():
            if use.templated:
                self._check_file(use.node, names)

    def _saved_by(self, step: Node) -> frozenset[str] | None:
        plugin = self._nodes.step_kind.plugin(step)
        if plugin is None:
            return None
        config = self._nodes.step_kind.config(step).value
        own = plugin.saved_names(config) if isinstance(config, dict) else None
        if own is None:
            return None
        saves = (entry.get("as") for entry in mappings(step, "save"))
        return own | {str(node.value) for node in saves if node}

    def _check_key(self, node: Node, key: str, names: _Names) -> None:
        if found := node.get(key):
            self._check_node(found, names)

    def _check_node(self, node: Node, names: _Names) -> None:
        for inner in node.walk():
            if has_template(inner.value) and inner.location not in self._wrong:
                self._check_text(inner, names)

    def _check_text(self, node: Node, names: _Names) -> None:
        text = str(node.value)

        def place(offset: int) -> Location:
            return self._positions.place(node.location, text, offset)

        self._check_template(text, names, place, "")

    def _check_file(self, node: Node, names: _Names) -> None:
        content = self._read(str(node.value))
        if content is None or b"{{" not in content:
            return
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return  # said by the plugin when it needs text
        self._check_template(text, names, lambda offset: node.location, f"{node.value}: ")

    def _check_template(
        self, text: str, names: _Names, place: Callable[[int], Location], prefix: str
    ) -> None:
        try:
            template = parse_template(text)
        except TemplateSyntaxError as error:
            self._problems.error(place(error.offset), prefix + error.message, error.hint)
            return
        for reference in template.references:
            if reference.namespace == "env":
                self.env_names.add(str(reference.path[0]))
            elif not reference.has_default and not self._problems.full:
                self._check_reference(reference, names, place, prefix)

    def _check_reference(
        self,
        reference: Reference,
        names: _Names,
        place: Callable[[int], Location],
        prefix: str,
    ) -> None:
        if reference.namespace == "vars":
            missing = _missing(self._variables, reference.path)
            if missing is None:
                return
            report = self._problems.error if self._complete else self._problems.warning
            message, hint = (
                f'{prefix}there is no variable ".vars.{missing}"',
                self._vars_hint(missing),
            )
            report(place(reference.offset), message, hint)
        elif reference.namespace == "run":
            name = str(reference.path[0]) if reference.path else RUN_FIELDS[0]
            if name not in RUN_FIELDS:
                hint = did_you_mean(name, RUN_FIELDS) or "it has: " + ", ".join(RUN_FIELDS)
                message = f'{prefix}the run has no "{name}"'
                self._problems.error(place(reference.offset), message, hint)
        elif not names.any and reference.path[0] not in names.known:
            name = str(reference.path[0])
            message = f'{prefix}nothing saves "{name}" before this'
            self._problems.error(place(reference.offset), message, self._saved_hint(name, names))

    def _vars_hint(self, missing: str) -> str:
        *parents, name = missing.split(".")
        known: Json = dict(self._variables)
        for parent in parents:
            known = known.get(parent) if isinstance(known, dict) else None
        if isinstance(known, dict) and (near := nearest(name, known)):
            return f'did you mean "{".".join((*parents, near))}"?'
        return f"add it to the suite's vars, or pass --var {missing}=…"

    def _saved_hint(self, name: str, names: _Names) -> str:
        if name in self._variables:
            return f'did you mean ".vars.{name}"?'
        if near := did_you_mean(name, names.known):
            return near
        if not names.known:
            return "nothing is saved before this; {{ name | default ... }} allows for that"
        shown = sorted(names.known)[:MAX_NAMES_SHOWN]
        return "saved before this: " + ", ".join(shown) + (", …" * (len(names.known) > len(shown)))

    def _note_env_in_jq(self, program: str) -> None:
        for match in re.finditer(_ENV_IN_JQ, program):
            self.env_names.add(match[1] or match[2])

    def _warn_of_templates_in_vars(self) -> None:
        variables = self._nodes.root.get("vars")
        for node in variables.walk() if variables else ():
            if has_template(node.value) and node.location not in self._wrong:
                self._problems.warning(
                    node.location,
                    "templates in vars are not filled in",
                    "variables are used as they are; put the template where the value is used",
                )


def _missing(variables: Mapping[str, Json], path: tuple[str | int, ...]) -> str | None:
    """Return the dotted path up to the first part that does not exist, or None."""
    # As when rendering, a name may itself contain dots.
    if any(".".join(map(str, path[:end])) in variables for end in range(2, len(path) + 1)):
        return None
    value: Json = dict(variables)
    for depth, part in enumerate(path):
        if isinstance(value, dict) and str(part) in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and -len(value) <= part < len(value):
            value = value[part]
        else:
            return ".".join(map(str, path[: depth + 1]))
    return None
