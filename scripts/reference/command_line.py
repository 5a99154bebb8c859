"""Every command with its arguments and options, as the command line itself knows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from reference.markdown import anchored, code, sentence, table
from rocketship.cli.app import COMMANDS, build
from rocketship.profiles.resolve import Connection

_CONNECTION = {f"--{name.replace('_', '-')}" for name in Connection.__slots__} - {"--auto"}


def regions() -> dict[str, str]:
    """Return the generated parts of the page by their name."""
    root = build()
    commands = {words: _command(root, words) for words, (module, _) in COMMANDS.items() if module}
    shared = [item for item in commands["run"].params if _is_connection(item)]
    return {
        "command-table": table(
            ("command", "what it does"),
            [
                (f"[`{words}`](#rocketship-{words.replace(' ', '-')})", COMMANDS[words][1])
                for words in commands
            ],
        ),
        "global-options": table(("option", "meaning"), _options(root.params, "rocketship")),
        "connection-options": table(("option", "meaning"), _options(shared, "connection")),
        "commands": "\n\n".join(_section(words, found) for words, found in commands.items()),
    }


def _command(root: Any, words: str) -> Any:
    found = root
    for word in words.split():
        found = found.get_command(None, word)
    return found


def _section(words: str, command: Any) -> str:
    parts = [f"## rocketship {words}", _help(command.help)]
    own = [item for item in command.params if not _is_connection(item)]
    arguments = [item for item in own if item.param_type_name == "argument"]
    options = [item for item in own if item.param_type_name == "option"]
    usage = " ".join(["rocketship", words, *(_metavar(item) for item in arguments)])
    parts.insert(1, code(f"{usage} [OPTIONS]"))
    if arguments:
        rows = [(code(_metavar(item)), sentence(item.help or "")) for item in arguments]
        parts.append(table(("argument", "meaning"), rows))
    if options:
        parts.append(table(("option", "meaning"), _options(options, words)))
    if taken := [max(item.opts, key=len) for item in command.params if _is_connection(item)]:
        which = "the [options of the connection](#connection-options)"
        if len(taken) < len(_CONNECTION):
            which = f"of {which} {', '.join(map(code, taken))}"
        parts.append(f"It also takes {which}.")
    return "\n\n".join(parts)


def _help(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text.strip()))


def _options(options: Iterable[Any], anchor: str) -> Iterator[tuple[str, str]]:
    for option in options:
        names = [*option.opts, *option.secondary_opts]
        longest = max(option.opts, key=len)
        metavar = "" if option.is_flag else f" {_metavar(option)}"
        shown = ", ".join(sorted(names, key=len)) + metavar
        meaning = sentence(option.help or "")
        if option.show_default and option.default not in (None, False, ""):
            meaning += f" Default: {code(str(option.default))}."
        yield anchored(f"{anchor}{longest}", shown), meaning


def _metavar(parameter: Any) -> str:
    return str(parameter.metavar or parameter.human_readable_name)


def _is_connection(parameter: Any) -> bool:
    return bool(_CONNECTION & set(parameter.opts))
