"""Exit codes and error codes, from the exception tree and the table of gRPC statuses."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getdoc

from reference.markdown import anchored, code, sentence, table
from rocketship.errors import EXIT_CANCELLED, RocketshipError, StepError
from rocketship.wire.status import to_status

#: What no error class says, because it is no error that ends the command.
_EXIT_CODES = {
    0: "Everything that was asked for is done; a run has passed.",
    1: "A run has not passed: a test failed, timed out, or no test was executed.",
    2: "The command line, a suite or a setting cannot be used; nothing was run.",
    3: "The machinery failed, not the system under test.",
    EXIT_CANCELLED: "Somebody stopped the command, or cancelled its run from elsewhere; "
    "cleanup has run unless it was stopped, too.",
}


def regions() -> dict[str, str]:
    """Return the generated parts of the pages by their name."""
    classes = list(_tree(RocketshipError))
    steps = [cls for cls in classes if issubclass(cls, StepError) and cls is not StepError]
    others = [cls for cls in classes if not issubclass(cls, StepError)]
    return {
        "exit-codes": _exit_codes(classes),
        "error-codes": table(
            ("code", "meaning", "exit code", "gRPC status", "try again"),
            [
                (
                    anchored(cls.code),
                    _meaning(cls),
                    str(cls.exit_code),
                    code(to_status(cls(""))[0].name),
                    "yes" if cls.retryable else "no",
                )
                for cls in others
            ],
        ),
        "step-error-codes": table(
            ("code", "name in suites and reports", "meaning"),
            [(anchored(cls.code), code(cls.type_name), _meaning(cls)) for cls in steps],
        ),
    }


def _exit_codes(classes: list[type[RocketshipError]]) -> str:
    codes = {cls.exit_code for cls in classes}
    assert codes <= set(_EXIT_CODES), "an exit code has no meaning here"
    rows = [
        (
            f'<a id="exit-{number}"></a>{number}',
            meaning,
            ", ".join(
                f"[`{cls.code}`](error-codes.md#{cls.code})"
                for cls in classes
                if cls.exit_code == number and not issubclass(cls, StepError)
            ),
        )
        for number, meaning in _EXIT_CODES.items()
    ]
    return table(("exit code", "meaning", "errors"), rows)


def _meaning(cls: type[RocketshipError]) -> str:
    if cls is RocketshipError:
        return "Something that nobody foresaw; it is a fault of Rocketship."
    return sentence((getdoc(cls) or "").partition("\n\n")[0])


def _tree(cls: type[RocketshipError]) -> Iterator[type[RocketshipError]]:
    if "code" in vars(cls):
        yield cls
    for below in cls.__subclasses__():
        yield from _tree(below)
