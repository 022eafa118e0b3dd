"""Figures and tables as files, for slides and papers: taken from the executed pages.

What the pages show is what is written, so no figure can be forgotten or differ. Charts become SVG
and PNG, tables CSV and LaTeX, and ``index.csv`` says what each file is.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import altair as alt
import nbformat
import pandas as pd
import vl_convert
from bs4 import BeautifulSoup

PNG_SCALE = 2  # pixels of the picture for each of the chart's
SIGNS = {"−": "$-$", "–": "--", "×": r"$\times$", "±": r"$\pm$", "…": r"\dots{}"}


class Shown(NamedTuple):
    """A figure or table of a page: under which heading, what it says, and its content."""

    heading: str
    words: str
    content: dict[str, Any] | pd.DataFrame


def write(source: Path, target: Path) -> pd.DataFrame:
    """Write every chart and table of the executed pages in `source` to the folder `target`.

    Parameters
    ----------
    source
        Folder of executed notebooks.
    target
        Made if it is not there. Files are named after page and heading.

    Returns
    -------
    DataFrame
        file, page, heading and words (alternative text or caption), one row a file; also written
        as index.csv.

    Raises
    ------
    FileNotFoundError
        If `source` holds no notebook.
    """
    pages = sorted(source.glob("*.ipynb"))
    if not pages:
        raise FileNotFoundError(f"expected executed pages in {source}, got none; run `make report`")
    target.mkdir(parents=True, exist_ok=True)
    rows = [row for page in pages for row in _write_page(page, target)]
    index = pd.DataFrame(rows, columns=["file", "page", "heading", "words"])
    index.to_csv(target / "index.csv", index=False)
    return index


def _write_page(page: Path, target: Path) -> Iterator[tuple[str, str, str, str]]:
    used: Counter[str] = Counter()
    for shown in shown_on(nbformat.read(page, as_version=4)):
        name = f"{page.stem}-{_slug(shown.heading)}"
        used[name] += 1
        stem = name if used[name] == 1 else f"{name}-{used[name]}"
        for file in _write_one(shown, target / stem):
            yield file.name, page.stem, shown.heading, shown.words


def shown_on(notebook: nbformat.NotebookNode) -> Iterator[Shown]:
    """Yield the charts and tables of an executed notebook, each under its last heading."""
    heading = "page"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = (re.findall(r"^#+ (.+)$", cell.source, re.MULTILINE) or [heading])[-1]
        for output in cell.get("outputs", []):
            html = "".join(output.get("data", {}).get("text/html", ""))
            chart = chart_in(html)
            if chart is not None:
                yield Shown(heading, str(chart.get("description", "")), chart)
            else:
                yield from (Shown(heading, *found) for found in tables_in(html))


def chart_in(html: str) -> dict[str, Any] | None:
    """Return the specification that Altair's HTML draws, or None where it draws none."""
    found = re.search(r"\}\)\((?=\{)", html)
    if "vegaEmbed" not in html or found is None:
        return None
    chart: dict[str, Any] = json.JSONDecoder().raw_decode(html, found.end())[0]
    return chart


def tables_in(html: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield caption and cells of every table, as text.

    Examples
    --------
    >>> list(tables_in("<table><tr><th>n</th></tr><tr><td>3</td></tr></table>"))[0][1]
       n
    0  3
    """
    for table in BeautifulSoup(html, "html.parser").find_all("table"):
        lines = [[cell.get_text(" ", strip=True) for cell in row.find_all(["th", "td"])]
                 for row in table.find_all("tr")]  # fmt: skip
        caption = table.caption.get_text(" ", strip=True) if table.caption else ""
        yield caption, pd.DataFrame(lines[1:], columns=lines[0])


def as_latex(table: pd.DataFrame, caption: str) -> str:
    """Return a table that plain LaTeX with booktabs sets.

    Examples
    --------
    >>> "−0.5" in as_latex(pd.DataFrame({"x": ["−0.5"]}), "")
    False
    """
    text = (
        table.style.hide(axis="index").format(escape="latex").format_index(escape="latex", axis=1)
    )
    words = pd.Series([caption]).replace({"%": r"\\%", "_": r"\\_", "&": r"\\&"}, regex=True)
    latex: str = text.to_latex(hrules=True, caption=words[0] or None, position_float="centering")
    for sign, command in SIGNS.items():
        latex = latex.replace(sign, command)
    return latex


def _write_one(shown: Shown, stem: Path) -> list[Path]:
    """Write one figure or table; return its files."""
    if isinstance(shown.content, pd.DataFrame):
        csv, tex = (stem.with_name(stem.name + end) for end in (".csv", ".tex"))
        shown.content.to_csv(csv, index=False)
        tex.write_text(as_latex(shown.content, shown.words), encoding="utf-8")
        return [csv, tex]
    version = ".".join(alt.VEGALITE_VERSION.split(".")[:2])
    svg, png = (stem.with_name(stem.name + end) for end in (".svg", ".png"))
    drawn = vl_convert.vegalite_to_svg(shown.content, vl_version=version)
    svg.write_text(drawn, encoding="utf-8")
    png.write_bytes(vl_convert.vegalite_to_png(shown.content, vl_version=version, scale=PNG_SCALE))
    return [svg, png]


def _slug(heading: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", heading.lower())) or "page"
