"""Which other documents a description refers to, and whether it may.

A description in a file may refer to files, which travel with the run, and one behind a URL to
documents of the same server. Whoever ships a suite then knows what a run reads.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import urldefrag, urljoin, urlsplit

from rocketship.errors import ConfigError
from rocketship.plugins.http.contract.source.reading import MAX_DOCUMENT_BYTES
from rocketship.plugins.http.contract.source.reading import read as read_document
from rocketship.plugins.http.contract.source.words import LITERAL, NAMES
from rocketship.plugins.http.request import without_userinfo
from rocketship.values import Json

MAX_DOCUMENTS = 100

_FILE = "file://"
#: Looks for references that do not begin with "#"; it may find too many, never too few.
_OUTWARD = re.compile(rb"""(?:\$ref|\\u0024ref)["']?\s*+:\s*+(?!["']?#)""")


class Documents:
    """The documents of one description, by their locations; the first is where it begins.

    Args:
        location: The path or URL of the first.
        content: What is in it.
    """

    def __init__(self, location: str, content: bytes) -> None:
        self.location = location
        self.contents = {location: content}

    def missing(self) -> list[str]:
        """Return the locations of documents that are referred to and not here yet.

        Raises:
            ConfigError: A document cannot be used, or refers to what it may not.
        """
        wanted: dict[str, None] = {}
        for location, content in self.contents.items():
            if refers_outward(content):
                wanted |= dict.fromkeys(references(content, location))
        missing = [location for location in wanted if location not in self.contents]
        if len(self.contents) + len(missing) > MAX_DOCUMENTS:
            first = shown(self.location)
            raise ConfigError(f"{first}: consists of more than {MAX_DOCUMENTS} documents")
        return missing

    def add(self, location: str, content: bytes) -> None:
        """Take another document.

        Raises:
            ConfigError: There is too much of them.
        """
        self.contents[location] = content
        if sum(map(len, self.contents.values())) > MAX_DOCUMENT_BYTES:
            together = f"is larger than {MAX_DOCUMENT_BYTES >> 20} MiB with all it refers to"
            raise ConfigError(f"{shown(self.location)}: {together}")

    def key(self) -> tuple[tuple[str, bytes], ...]:
        """Return what tells these documents from all others."""
        return tuple(self.contents.items())


def gather(location: str, read: Callable[[str], bytes]) -> Documents:
    """Return a document and all it refers to, directly or not.

    Raises:
        ConfigError: A document cannot be read or used.
    """
    documents = Documents(location, read(location))
    while missing := documents.missing():
        for other in missing:
            documents.add(other, read(other))
    return documents


@lru_cache(maxsize=64)
def refers_outward(content: bytes) -> bool:
    """Return whether a document may refer to another one."""
    return _OUTWARD.search(content) is not None


@lru_cache(maxsize=64)
def references(content: bytes, location: str) -> tuple[str, ...]:
    """Return the locations of the documents that a document refers to.

    Raises:
        ConfigError: It cannot be read, or refers to what it may not.
    """
    texts = dict.fromkeys(_texts(read_document(content, shown(location))))
    return tuple(dict.fromkeys(resolve(text, location)[0] for text in texts))


def resolve(reference: str, base: str) -> tuple[str, str]:
    """Return the location and the fragment that a reference in a document stands for.

    Raises:
        ConfigError: A document there may not refer to it.
    """
    target, fragment = urldefrag(reference)
    if not target:
        return base, fragment
    if _is_url(base):
        location = urljoin(base, target)
        if not _is_url(location) or _origin(location) != _origin(base):
            here = f"only documents of {_origin(base)} are read"
            raise _refused(base, reference, "leads to another server", here)
        return location, fragment
    if _is_url(target):
        here = "a description in a file may refer to files only"
        raise _refused(base, reference, "leads to a URL", here)
    prefix = _FILE if base.startswith(_FILE) else ""
    folder = posixpath.dirname(base.removeprefix(_FILE))
    path = posixpath.join(folder, target.removeprefix(_FILE))
    return prefix + posixpath.normpath(path), fragment


def shown(location: str) -> str:
    """Return a location as messages say it."""
    return without_userinfo(location) if _is_url(location) else location


def _refused(base: str, reference: str, what: str, why: str) -> ConfigError:
    hint = f"{why}; keep a copy there, or bundle the description into one file"
    return ConfigError(f'{shown(base)}: "$ref: {reference}" {what}', hint=hint)


def _is_url(location: str) -> bool:
    return "://" in location and not location.startswith(_FILE)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _texts(value: Json, *, names: bool = False) -> Iterator[str]:
    """Yield every reference anywhere in a value, those in mere examples left out."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference
        for key, item in value.items():
            if names or key not in LITERAL:
                yield from _texts(item, names=not names and key in NAMES)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
