"""What is wrong inside the files of a suite, which only the plugins that use them can tell."""

from __future__ import annotations

from collections.abc import Callable

from rocketship.suite.language.step import descend
from rocketship.suite.language.suite import SuiteNodes
from rocketship.suite.problem import Problems
from rocketship.values import Json

#: The suite-wide blocks plugins know.
BLOCKS = ("openapi",)


def check_contents(
    nodes: SuiteNodes, read: Callable[[str], bytes | None], problems: Problems
) -> None:
    """Report what the plugins of a suite's steps find in its files.

    Args:
        nodes: The suite, without errors so far.
        read: Returns the content of a file of the suite by its path as written, or None.
        problems: Takes what is wrong.
    """
    blocks: dict[str, Json] = {}
    for name in BLOCKS:
        if node := nodes.root.get(name):
            blocks[name] = node.value
    for step in nodes.steps():
        plugin, config = nodes.step_kind.plugin(step), nodes.step_kind.config(step)
        if plugin is None or not isinstance(config.value, dict):
            continue
        for finding in plugin.check_files(config.value, blocks, read):
            top = nodes.root if finding.of_suite else config
            where = descend(top, finding.path).location
            problems.error(where, finding.message, finding.hint)
