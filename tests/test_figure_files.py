"""Figures and tables as files: every one of a page, in forms that other programs read."""

from pathlib import Path

import altair as alt
import nbformat
import pandas as pd
import pytest

from carto_helpers import tables
from carto_helpers.charts.table_style import HEADINGS
from carto_helpers.charts.theme import finish
from carto_helpers.report.figure_files import as_latex, chart_in, shown_on, tables_in, write

ROOT = Path(__file__).parents[1]
TABLE = pd.DataFrame({"dataset": ["cifar10", "mnist"], "mean": [0.5, 0.25], "n": [3, 3]})


def chart_html() -> str:
    chart = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_point().encode(x="x:Q")
    with alt.renderers.enable("html"):
        return finish(chart, "one point")._repr_mimebundle_()["text/html"]


def made_page(folder: Path) -> None:
    table = tables.show(TABLE, caption="Two rows.").to_html()
    outputs = [
        nbformat.v4.new_output("display_data", data={"text/html": html})
        for html in (chart_html(), table, chart_html(), "<b>neither</b>")
    ]
    cells = [
        nbformat.v4.new_markdown_cell("# A page\n\n## The map: 33 %"),
        nbformat.v4.new_code_cell("shown", outputs=outputs),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "page.ipynb")


def test_every_chart_and_table_is_written_and_listed(tmp_path: Path) -> None:
    made_page(tmp_path)
    index = write(tmp_path, tmp_path / "files")
    assert index["file"].tolist() == [
        "page-the-map-33.svg",
        "page-the-map-33.png",
        "page-the-map-33-2.csv",
        "page-the-map-33-2.tex",
        "page-the-map-33-3.svg",
        "page-the-map-33-3.png",
    ]
    for file in index["file"]:
        assert (tmp_path / "files" / file).stat().st_size > 0
    assert index["words"].iloc[0] == "one point"
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "files" / "index.csv"), index)


def test_pictures_are_what_they_are_called(tmp_path: Path) -> None:
    made_page(tmp_path)
    write(tmp_path, tmp_path)
    assert (tmp_path / "page-the-map-33.svg").read_text().startswith("<svg")
    assert (tmp_path / "page-the-map-33.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_written_table_is_the_shown_one(tmp_path: Path) -> None:
    made_page(tmp_path)
    write(tmp_path, tmp_path)
    rows = pd.read_csv(tmp_path / "page-the-map-33-2.csv")
    assert rows.columns.tolist() == [HEADINGS[name] for name in TABLE]
    assert rows["ours"].tolist() == [0.5, 0.25]


def test_latex_has_rules_a_caption_and_no_bare_sign() -> None:
    latex = as_latex(pd.DataFrame({"a_b": ["−0.5", "33 %"]}), "50 % & more")
    for part in (r"\toprule", r"\caption{50 \% \& more}", r"a\_b", "$-$0.5", r"33 \%"):
        assert part in latex


def test_a_chart_comes_back_as_it_was_made() -> None:
    chart = chart_in(chart_html())
    assert chart is not None and chart["description"] == "one point"
    assert chart_in("<p>vegaEmbed</p>") is None
    assert chart_in("") is None


def test_a_table_without_a_caption_has_no_words() -> None:
    ((words, frame),) = tables_in("<table><tr><th>a</th></tr><tr><td>1 <b>x</b></td></tr></table>")
    assert (words, frame["a"].tolist()) == ("", ["1 x"])


def name_of(page: Path) -> str:
    return page.stem


@pytest.mark.parametrize("page", sorted((ROOT / "book" / "phases").glob("*.ipynb")), ids=name_of)
def test_every_committed_page_has_something_to_write(page: Path) -> None:
    found = list(shown_on(nbformat.read(page, as_version=4)))
    assert found
    assert all(shown.words for shown in found if isinstance(shown.content, dict))


def test_a_folder_without_pages_says_what_makes_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected executed pages in .*; run `make report`"):
        write(tmp_path, tmp_path)
