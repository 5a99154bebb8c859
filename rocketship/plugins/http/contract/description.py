"""A description ready for use: its operations and its checks, made once and used by many steps."""

from __future__ import annotations

from functools import lru_cache

from rocketship.plugins.http.contract.check import Checker
from rocketship.plugins.http.contract.operation import Operations
from rocketship.plugins.http.contract.source.joining import join

Contents = tuple[tuple[str, bytes], ...]


class Description:
    """One description.

    Args:
        documents: The locations of its documents and what is in them; it begins with the first.

    Raises:
        ConfigError: The document cannot be used; the message says why.
    """

    def __init__(self, documents: Contents) -> None:
        self.documents = documents
        document = join(documents[0][0], dict(documents))
        self.location = document.location
        self.operations = Operations(document)
        self.checker = Checker(document)
        self.checker.prepare()


@lru_cache(maxsize=16)
def load(documents: Contents) -> Description:
    """Return the description in some documents; the check before a run and the run share it.

    Raises:
        ConfigError: The document cannot be used.
    """
    return Description(documents)
