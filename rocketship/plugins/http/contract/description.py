"""A description ready for use: its operations and its checks, made once and used by many steps."""

from __future__ import annotations

from functools import lru_cache

from rocketship.plugins.http.contract.check import Checker
from rocketship.plugins.http.contract.document import parse
from rocketship.plugins.http.contract.operation import Operations


class Description:
    """One description.

    Args:
        content: The bytes of the document.
        location: Where it comes from, as messages say it.

    Raises:
        ConfigError: The document cannot be used; the message says why.
    """

    def __init__(self, content: bytes, location: str) -> None:
        self.location = location
        document = parse(content, location)
        self.operations = Operations(document)
        self.checker = Checker(document)
        self.checker.prepare()


@lru_cache(maxsize=16)
def load(content: bytes, location: str) -> Description:
    """Return the description in a document; the check before a run and the run share it.

    Raises:
        ConfigError: The document cannot be used.
    """
    return Description(content, location)
