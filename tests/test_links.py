"""The built book: every page of the contents is there, every link leads somewhere."""

from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from built_book import MADE, contents

MOST_BYTES = 3_000_000  # of a page's own HTML


@cache
def parsed(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def targets(page: Path) -> list[str]:
    """Return what a page links to or loads."""
    soup = parsed(page)
    links = [tag["href"] for tag in soup.select("a[href], link[href]")]
    return links + [tag["src"] for tag in soup.select("[src]")]


def broken(page: Path) -> list[str]:
    """Return the links to places that are not in the book."""
    found = []
    for target in targets(page):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        is_there = file.is_file()
        if is_there and parts.fragment and file.suffix == ".html":
            name = unquote(parts.fragment)
            is_there = parsed(file).find(attrs={"id": name}) is not None
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
            assert not [link for link in targets(page) if link.startswith(scheme)], page.name


def test_pages_are_light(html):
    weights = {page: (html / f"{page}.html").stat().st_size for page in [*contents(), MADE]}
    assert max(weights.values()) <= MOST_BYTES, weights


def test_every_picture_has_alternative_text(html):
    for page in [*contents(), MADE]:
        for image in parsed(html / f"{page}.html").select(".bd-article img"):
            assert image.get("alt"), f"{page}: {image}"
