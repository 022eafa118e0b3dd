"""How a table is printed: headings, decimals, tinted marks, caption and notes."""

import hashlib
from collections.abc import Hashable
from typing import Any, Literal

import pandas as pd
from pandas.io.formats.style import Styler

HEADINGS = {
    "dataset": "dataset", "student": "student", "train_data": "train data", "teacher": "teacher",
    "family": "family", "role": "role", "network": "network", "start": "start",
    "learning_rate": "learning rate", "val_macro_f1": "validation F1",
    "parameters_10": "10 classes", "parameters_1000": "1000 classes",
    "mean": "ours", "interval": "95 % interval", "n": "n", "paper": "paper",
    "paper_teacher": "paper's teacher", "paper_learning_rate": "paper's rate",
    "difference": "difference", "mark": "mark", "item": "item", "value": "value",
}  # fmt: skip
NUMBERS = ("ours", "95 % interval", "n", "paper", "difference", "10 classes", "1000 classes")
MARK_COLOURS = {"agrees": "rgba(0, 158, 115, 0.2)", "differs": "rgba(213, 94, 0, 0.2)"}


def show(
    table: pd.DataFrame,
    *,
    caption: str,
    notes: str = "",
    unit: Literal["fraction", "percent"] = "fraction",
) -> Styler:
    """Return a table fit for the book: headings, fixed decimals, marks tinted, caption and notes.

    Parameters
    ----------
    table
        From `tables`.
    caption
        One sentence; the notes follow it in the same place.
    notes
        What the reader needs to judge the numbers, as plain text.
    unit
        How scores are printed: as fractions with 3 decimals or as percent with 1.
    """
    text = printed(table, unit=unit)
    name = hashlib.sha256(text.to_csv().encode()).hexdigest()[:8]
    tints: list[Any] = [
        {"selector": "caption", "props": "caption-side: top; text-align: left"},
        {"selector": "th", "props": "text-align: left"},
    ]
    styler = Styler(text, uuid=name, cell_ids=False, caption=f"{caption} {notes}".strip())
    right: list[Hashable] = [column for column in NUMBERS if column in text]
    styler = styler.hide(axis="index").set_table_styles(tints)
    styler = styler.set_properties(subset=right, **{"text-align": "right"})
    return styler.map(_tint, subset=["mark"] if "mark" in text else [])


def _tint(word: object) -> str:
    colour = MARK_COLOURS.get(str(word).partition(" ")[0])
    return f"background-color: {colour}" if colour else ""


def printed(
    table: pd.DataFrame, *, unit: Literal["fraction", "percent"] = "fraction"
) -> pd.DataFrame:
    """Return the table as text, column by column as the book prints it; "–" where there is none."""
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
    for name in (f"parameters_{head}" for head in (10, 1000)):
        if name in text:
            text[name] = [_number(value, ",.0f") for value in table[name]]
    shown = [name for name in HEADINGS if name in text]
    filled = (
        text[shown].astype(object).map(lambda value: "–" if value in (None, "") else str(value))
    )
    return filled.rename(columns=HEADINGS)


def _number(value: Any, form: str, scale: float = 1.0) -> str:
    return "–" if pd.isna(value) else format(value * scale, form).replace("-", "−")


def _interval(low: float, high: float, digits: int) -> str:
    return "–" if pd.isna(low) or pd.isna(high) else f"{low:.{digits}f} to {high:.{digits}f}"
