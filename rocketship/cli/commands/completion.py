"""Print the completion script of a shell.

Examples: `rocketship completion bash >> ~/.bashrc`,
`rocketship completion fish > ~/.config/fish/completions/rocketship.fish`.
"""

from __future__ import annotations

from typing import Annotated

import typer

from rocketship.cli.console import standard_console
from rocketship.errors import UsageError

SHELLS = ("bash", "zsh", "fish")


def main(shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]) -> None:
    """Print the completion script of a shell."""
    from typer._completion_shared import get_completion_script

    if shell not in SHELLS:
        raise UsageError(f'there is no completion for "{shell}"', hint=f"use {', '.join(SHELLS)}")
    script = get_completion_script(
        prog_name="rocketship", complete_var="_ROCKETSHIP_COMPLETE", shell=shell
    )
    standard_console().print(script)
