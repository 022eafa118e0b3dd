"""How a table is printed: headings, decimals, tinted marks, caption and notes."""

import hashlib
import re
from html import escape
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype
from pandas.io.formats.style import Styler

from carto_helpers.doubts import meanings
from carto_helpers.printed_numbers import MINUS

_NUMBER = re.compile(r"[<+−-]? ?(\d[\d,]*(\.\d+)?(e[−-]?\d+)?|∞)( ?%)?")
_NONE = ("–", "nan", "None", "not run")  # in place of a number

HEADINGS = {
    "number": "no.", "point": "point", "step": "step",
    "dataset": "dataset", "phase": "phase", "who": "who", "done": "done",
    "planned": "planned", "hours": "hours", "on": "on",
    "student": "student", "train_data": "train data", "teacher": "teacher",
    "family": "family", "role": "role", "network": "network", "start": "start",
    "learning_rate": "learning rate", "val_macro_f1": "validation F1",
    "parameters_10": "10 classes", "parameters_1000": "1000 classes",
    "claim": "claim", "where": "where", "place": "place",
    "tables_verdict": "with the tables' teacher", "verdict": "verdict",
    "reading": "found", "papers_reading": "in the paper's table",
    "test": "test", "statistic": "what decides",
    "mean": "ours", "gain": "minus random", "interval": "95 % interval", "n": "n", "paper": "paper",
    "paper_teacher": "paper's teacher",
    "difference": "difference", "mark": "mark", "doubts": "doubts",
    "item": "item", "value": "value", "p": "p", "known": "known",
    "ours": "our rows", "subset": "subset", "size": "images", "fewest": "smallest class",
    "most": "largest class", "twin": "shares most with", "twin_share": "share",
    "accuracy": "teacher right", "entropy": "entropy, nats",
}  # fmt: skip
NUMBERS = (
    "step", "done", "planned", "hours", "ours", "minus random", "95 % interval", "n", "paper",
    "difference", "10 classes", "1000 classes", "images", "smallest class", "largest class",
    "share", "teacher right", "entropy, nats",
)  # fmt: skip
FORMS = {
    "hours": ".2f", "twin_share": ".3f", "accuracy": ".3f", "entropy": ".3f",
    "parameters_10": ",.0f", "parameters_1000": ",.0f",
}  # fmt: skip
PAPERS = ("paper", "paper's teacher", "difference")
WRAPPED = (
    "who", "on", "value", "network", "paper's teacher", "claim", "where", "place", "found",
    "verdict", "with the tables' teacher", "in the paper's table", "test", "what decides",
    "point", "our rows", "shares most with", "doubts",
)  # fmt: skip
ROOMY = ("claim", "found", "in the paper's table", "what decides", "test")
MARK_COLOURS = {
    "agrees": "rgba(0, 158, 115, 0.2)", "differs": "rgba(213, 94, 0, 0.2)",
    "holds": "rgba(0, 158, 115, 0.2)", "contradicted": "rgba(213, 94, 0, 0.2)",
}  # by a mark's first word  # fmt: skip


def show(
    table: pd.DataFrame,
    *,
    caption: str,
    notes: str = "",
    unit: str = "fraction",
) -> Styler:
    """Return a table fit for the book: headings, fixed decimals, marks tinted, caption and notes.

    Parameters
    ----------
    table
        From `tables`.
    caption
        One sentence. The dataset, student or start that holds for every row is told after it
        instead of in a column, then the notes and what the marks of doubt mean follow.
    notes
        What the reader needs to judge the numbers, as plain text.
    unit
        How scores are printed: as fractions with 3 decimals or as percent with 1.
    """
    text, same = _without_constants(printed(table, unit=unit))
    name = hashlib.sha256(text.to_csv().encode()).hexdigest()[:8]
    doubts = meanings(text["doubts"]) if "doubts" in text else ""
    words = " ".join(word for word in (caption, same, notes, doubts) if word)
    styler = Styler(text, uuid=name, cell_ids=False, caption=escape(words, quote=False))
    styler = styler.hide(axis="index").format(escape="html")
    styler = styler.set_table_styles(_styles(list(text.columns)))
    return styler.map(_tint, subset=[name for name in ("mark", "verdict") if name in text])


def _without_constants(text: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the table without columns of one value, and a sentence that tells them.

    Dataset, student and start are told; the paper's columns go where the paper has no value.
    """
    empty = [name for name in PAPERS if name in text and set(text[name]) == {"–"}]
    text = text.drop(columns=empty)
    same = {}
    for name in ("dataset", "student", "start"):
        found = set(text[name]) - {"–"} if name in text else set()
        if len(found) == 1 and len(text) > 1:
            same[name] = found.pop()
    told = {name: name for name in same}
    if "student" in text:
        told["start"] = "its start" if "student" in same else "the students' start"
    sentence = ", ".join(f"{told[name]} {value}" for name, value in same.items())
    return text.drop(columns=list(same)), f"Throughout: {sentence}." if same else ""


def _styles(columns: list[str]) -> list[Any]:
    """Return the table's CSS: text to the left, numbers to the right; only headings wrap."""
    numbers = [f".col{i}" for i, name in enumerate(columns) if name in NUMBERS]
    styles = [
        {"selector": "", "props": "font-size: 0.85em; color: inherit"},
        {"selector": "caption", "props": "caption-side: top; text-align: left; color: inherit"},
        {"selector": "th, td", "props": "text-align: left; padding: 0.15em 0.3em"},
    ]
    right = [{"selector": place, "props": "text-align: right"} for place in numbers]
    lines = [f"td.col{i}" for i, name in enumerate(columns) if name not in WRAPPED]
    single = [{"selector": place, "props": "white-space: nowrap"} for place in lines]
    roomy = [f".col{i}" for i, name in enumerate(columns) if name in ROOMY]
    wide = [{"selector": place, "props": "min-width: 11em"} for place in roomy]
    return [*styles, *right, *single, *wide]


def _tint(word: object) -> str:
    colour = MARK_COLOURS.get(str(word).partition(" ")[0])
    return f"background-color: {colour}" if colour else ""


def printed(table: pd.DataFrame, *, unit: str = "fraction") -> pd.DataFrame:
    """Return the table as text, column by column as the book prints it; "–" where there is none.

    The column of doubts is there where there are any.

    Raises
    ------
    ValueError
        If `unit` is neither "fraction" nor "percent".
    """
    if unit not in ("fraction", "percent"):
        raise ValueError(f"`unit` must be 'fraction' or 'percent', got {unit!r}; pass one of them")
    scale, digits = (100.0, 1) if unit == "percent" else (1.0, 3)
    text = table.astype(object).where(table.notna(), None)
    if {"low", "high"} <= set(table):
        bounds = zip(table["low"], table["high"], strict=True)
        text["interval"] = [_interval(low * scale, high * scale, digits) for low, high in bounds]
    for name in ("mean", "val_macro_f1", "difference"):
        if name in text:
            sign = "+" if name == "difference" else ""
            text[name] = [_number(value, f"{sign}.{digits}f", scale) for value in table[name]]
    if {"paper", "digits"} <= set(table):
        printed_with = table["digits"] - (2 if unit == "percent" else 0)
        pairs = zip(table["paper"], printed_with, strict=True)
        text["paper"] = [_number(paper, f".{places}f", scale) for paper, places in pairs]
    for name, form in FORMS.items():
        if name in text:
            text[name] = [_number(value, form) for value in table[name]]
    if {"verdict", "reason"} <= set(text):
        text["verdict"] = text["reason"].where(text["reason"] != "", text["verdict"])
    if "doubts" in text and not text["doubts"].any():
        del text["doubts"]
    shown = [name for name in HEADINGS if name in text]
    filled = (
        text[shown].astype(object).map(lambda value: "–" if value in (None, "") else str(value))
    )
    return filled.rename(columns=HEADINGS)


def _number(value: Any, form: str, scale: float = 1.0) -> str:
    return "–" if pd.isna(value) else format(value * scale, form).translate(MINUS)


def _interval(low: float, high: float, digits: int) -> str:
    if pd.isna(low) or pd.isna(high):
        return "–"
    return " to ".join(_number(bound, f".{digits}f") for bound in (low, high))


def markdown(table: pd.DataFrame) -> str:
    """Return a frame as a Markdown table, its columns as they are named; numbers are set right.

    Numbers as text too, and what stands for none beside them.

    Examples
    --------
    >>> import pandas as pd
    >>> print(markdown(pd.DataFrame({"student": ["ResNet"], "n": [3]})))
    | student | n |
    | --- | ---: |
    | ResNet | 3 |
    """
    rulers = ["---:" if _holds_numbers(table[name]) else "---" for name in table]
    lines = [list(table.columns), rulers, *table.astype(object).to_numpy().tolist()]
    cells = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _holds_numbers(column: pd.Series) -> bool:
    """Return whether all cells that do not stand for none are numbers, printed or not."""
    cells = [text for text in map(str, column) if text not in _NONE]
    return is_numeric_dtype(column) or (bool(cells) and all(map(_NUMBER.fullmatch, cells)))
