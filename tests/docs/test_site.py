"""The site can be built, and everything in it leads somewhere without leaving it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

from tests.fixtures.documents import DOCS, ROOT

#: Where browsers fetch from by themselves, and where people are led to.
_FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}
#: What commands make; it is not in the repository.
_MADE = ("site/",)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Document(HTMLParser):
    """The links, the resources and the anchors of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.resources: list[str] = []
        self.anchors: list[str] = []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.anchors.append(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif _FETCHED.get(tag) in given and given.get("rel") != "canonical":
            self.resources.append(given[_FETCHED[tag]])


@pytest.mark.slow
def test_links_and_anchors_lead_somewhere(site: Path) -> None:
    documents = {path.resolve(): Document(path) for path in site.rglob("*.html")}

    lost = [
        f"{path.relative_to(site)}: {link}"
        for path, document in documents.items()
        if path.name != "404.html"
        for link in document.links
        if not leads_somewhere(path, link, documents)
    ]

    assert lost == []


def leads_somewhere(page: Path, link: str, documents: dict[Path, Document]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if target.is_dir():
        target = target / "index.html"
    if target not in documents:
        return target.is_file()
    return not parts.fragment or unquote(parts.fragment) in documents[target].anchors


@pytest.mark.slow
def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        for resource in Document(path).resources:
            assert not urlsplit(resource).netloc, f"{path}: {resource}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//|@import", sheet.read_text("utf-8")), sheet


@pytest.mark.slow
def test_anchors_of_a_page_are_different(site: Path) -> None:
    for path in site.rglob("*.html"):
        anchors = Document(path).anchors
        assert sorted(set(anchors)) == sorted(anchors), path


@pytest.mark.slow
def test_search_finds_words_of_every_page(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text("utf-8")

    for page in DOCS.rglob("*.md"):
        assert f'"{page.relative_to(DOCS).with_suffix(".html")}' in index or page.name == "index.md"


def texts() -> Iterator[Path]:
    """Yield what is read in the repository instead of on the site."""
    yield from ROOT.glob("*.md")
    yield ROOT / "chart" / "README.md"


def test_links_of_the_repository_lead_to_files_and_headings() -> None:
    for text in texts():
        for link in _LINK.findall(text.read_text("utf-8")):
            parts = urlsplit(urljoin("", link))
            if parts.scheme:
                continue
            target = text.parent / parts.path if parts.path else text
            assert target.exists(), f"{text.name}: {link}"
            assert not parts.fragment or parts.fragment in headings(target), f"{text.name}: {link}"


def test_files_that_the_repository_tells_of_are_there() -> None:
    for text in (ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "README.md"):
        for named in re.findall(r"`([\w.-]+/[\w./{},-]*)`", text.read_text("utf-8")):
            for path in alternatives(named) if named not in _MADE else []:
                places = (ROOT / path, ROOT / "rocketship" / path)
                assert any(place.exists() for place in places), f"{text.name}: {path}"


def alternatives(path: str) -> list[str]:
    """Return the paths that one with `{a,b}` in it stands for."""
    braces = re.search(r"\{([^}]*)\}", path)
    return [path.replace(braces[0], word) for word in braces[1].split(",")] if braces else [path]


def headings(page: Path) -> set[str]:
    """Return what links to a page of Markdown can end with."""
    text = page.read_text("utf-8")
    found = set(re.findall(r'<a id="([^"]+)"', text))
    for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE):
        found.add(re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-"))
    return found
