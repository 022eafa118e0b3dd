"""The built book: every page of the contents is there, every link leads somewhere."""

from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from built_book import MADE, contents

MOST_BYTES = 3_000_000  # of a page's own HTML


class Parsed(HTMLParser):
    """What a page links to or loads, its places, and its images without alternative text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()
        self.unnamed: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag in ("a", "link") and "href" in found:
            self.targets.append(found["href"])
        if "src" in found:
            self.targets.append(found["src"])
        if "id" in found:
            self.places.add(found["id"])
        if tag == "img" and not found.get("alt"):
            self.unnamed.append(str(found)[:200])


@cache
def parsed(page: Path) -> Parsed:
    return Parsed(page.read_text(encoding="utf-8"))


def broken(page: Path) -> list[str]:
    """Return the links to places that are not in the book."""
    found = []
    for target in parsed(page).targets:
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        is_there = file.is_file()
        if is_there and parts.fragment and file.suffix == ".html":
            name = unquote(parts.fragment)
            is_there = name in parsed(file).places
        if not is_there:
            found.append(target)
    return found


def test_every_page_of_the_contents_is_built(html):
    for page in [*contents(), MADE]:
        assert (html / f"{page}.html").is_file(), page


def test_every_link_inside_the_book_leads_somewhere(html):
    pages = [path for path in html.rglob("*.html") if "_static" not in path.parts]
    assert len(pages) > len(contents())
    assert {page.name: broken(page) for page in pages if broken(page)} == {}


def test_links_that_lead_nowhere_are_found(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<p id="here"></p><a href="#here"></a><a href="#gone"></a><a href="no.html">')
    assert broken(page) == ["#gone", "no.html"]


@pytest.mark.parametrize("scheme", ["http:", "ftp:"])
def test_links_out_are_encrypted(html, scheme):
    for page in html.rglob("*.html"):
        if "_static" not in page.parts:
            found = parsed(page).targets
            assert not [link for link in found if link.startswith(scheme)], page.name


def test_pages_are_light(html):
    weights = {page: (html / f"{page}.html").stat().st_size for page in [*contents(), MADE]}
    assert max(weights.values()) <= MOST_BYTES, weights


def test_every_picture_has_alternative_text(html):
    for page in [*contents(), MADE]:
        assert parsed(html / f"{page}.html").unnamed == [], page


def test_a_picture_without_alternative_text_is_found():
    assert len(Parsed('<img src="a.png"><img src="b.png" alt=""><img alt="b">').unnamed) == 2
