"""The page on clusters says what the benchmarks measured."""

from studies.imagenet import BEGIN, END, PAGE, written


def test_the_page_says_what_was_measured() -> None:
    """`python -m studies.imagenet` writes it."""
    page = PAGE.read_text(encoding="utf-8")
    assert page.count(BEGIN) == page.count(END) == 1
    assert written(page) == page
