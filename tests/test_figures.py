"""The figures: valid, narrow, described; every score, interval and open mark drawn."""

import json

import pandas as pd
import pytest
from made_frames import RANDOM, embedded_rows, made_students, views_of, width_of

from carto_helpers import figures
from carto_helpers.charts.theme import MAX_WIDTH
from carto_helpers.config import FAMILIES
from carto_helpers.tables import summary, table3, table4, table5

EMPTY = pd.DataFrame()
FROG = pd.DataFrame({"epoch": range(1, 6), "frog": [0.893, 0.911, 0.762, 0.438, 0.188]})
SIZES = (0.01, 0.05, 0.10, 0.25, 0.33, 0.55)


def sizes(datasets: list[str], *, is_published: bool = True) -> pd.DataFrame:
    """Return table 5 of made rows for every student of these datasets."""
    cells = [
        (dataset, student, "random", size, 0.0, 0.0, 0.0, 0.3 + size)
        for dataset in datasets for student in FAMILIES for size in SIZES
    ]  # fmt: skip
    paper = pd.DataFrame(
        {"dataset": datasets, "random_percent": 33, "student": "resnet", "score": "0.600"}
    )
    return table5(summary(made_students(cells)), paper if is_published else EMPTY)


@pytest.mark.parametrize("n_datasets", [1, 2, 3, 4])
def test_ablation_fits_the_page(n_datasets: int) -> None:
    """Every number of panels is at most 700 px wide and has alternative text."""
    chart = figures.ablation(
        sizes(["cifar10", "cifar100", "mnist", "digits"][:n_datasets])
    ).to_dict()
    assert width_of(chart) <= MAX_WIDTH
    assert "Line plot of test macro F1 by size" in chart["description"]
    assert f"{n_datasets * 54} runs" in chart["description"]


def test_ablation_draws_intervals_and_open_marks() -> None:
    """A rule from low to high, a diamond without filling, both on fixed domains."""
    views = views_of(figures.ablation(sizes(["cifar10"])).to_dict())
    bars = [v for v in views if v["mark"]["type"] == "rule"]
    assert bars[0]["encoding"]["y2"]["field"] == "high"
    diamonds = [v for v in views if v["mark"].get("shape") == "diamond"]
    assert [v["mark"]["filled"] for v in diamonds] == [False]
    assert diamonds[0]["encoding"]["y"]["scale"]["domain"] == [0, 1]


def test_legend_names_only_what_is_drawn() -> None:
    """No open mark where the paper has nothing, no filled one where we have nothing."""
    ours = json.dumps(figures.ablation(sizes(["digits"], is_published=False)).to_dict())
    assert '"the paper\'s"' not in ours and '"ours"' in ours
    paper = pd.DataFrame(
        {"dataset": ["mnist"], "random_percent": [33], "student": ["resnet"], "score": ["0.98"]}
    )
    theirs = json.dumps(figures.ablation(table5(summary(EMPTY), paper)).to_dict())
    assert '"the paper\'s"' in theirs and '"ours"' not in theirs


@pytest.mark.parametrize(("table", "students"), [(table3, FAMILIES[:1]), (table4, FAMILIES)])
def test_phase_dots_fit_the_page(table: object, students: tuple[str, ...]) -> None:
    """Phase 1 with one student, phase 2 with three."""
    assert callable(table)
    cells = [
        (dataset, student, *RANDOM[2:]) for dataset in ("cifar10", "mnist") for student in students
    ]
    chart = figures.phase_dots(table(summary(made_students(cells)), EMPTY)).to_dict()
    assert width_of(chart) <= MAX_WIDTH
    assert sum(embedded_rows(chart)) < 500
    assert chart["description"].startswith("Dot plot of test macro F1 by training subset")


def test_phase_dots_keep_the_tables_order_and_the_random_line() -> None:
    """Subsets stand as in the table; the line is at our random subset's mean."""
    table = table3(summary(made_students([RANDOM])), EMPTY)
    chart = figures.phase_dots(table).to_dict()
    views = views_of(chart)
    domains = [v["encoding"]["y"]["scale"]["domain"] for v in views if "y" in v["encoding"]]
    assert domains[0] == list(dict.fromkeys(table["train_data"]))
    line = next(v for v in views if v["mark"].get("strokeDash"))
    rows = chart["datasets"][line["data"]["name"]]
    assert [row["mean"] for row in rows] == [0.45]


def test_one_run_is_drawn_without_an_interval() -> None:
    """NaN bounds are no error."""
    table = table3(summary(made_students([RANDOM], seeds=1)), EMPTY)
    assert width_of(figures.phase_dots(table).to_dict()) <= MAX_WIDTH


@pytest.mark.parametrize("name", ["ablation", "phase_dots"])
def test_a_marked_cell_is_told_below_the_chart_in_its_tooltip_and_its_text(name: str) -> None:
    table = sizes(["cifar10", "cifar100", "mnist"]).assign(doubts="")
    draw = getattr(figures, name)
    assert "doubt" not in json.dumps(draw(table).to_dict())
    table.loc[0, "doubts"] = "mixed versions (1 of 3); class lost: cat"
    chart = draw(table).to_dict()
    note = " ".join(chart["title"]["text"])
    assert "doubtful. Class lost: the subset holds no image of a class. Mixed versions: " in note
    assert "Mixed versions: " in chart["description"]
    assert "class lost: cat" in json.dumps(chart["datasets"])
    assert '"field": "doubts"' in json.dumps(chart)
    assert width_of(chart) <= MAX_WIDTH


@pytest.mark.parametrize("figure", [figures.ablation, figures.phase_dots])
def test_nothing_run_and_nothing_published_says_so(figure: object) -> None:
    """An empty table is no error."""
    assert callable(figure)
    table = table3(summary(EMPTY), EMPTY, datasets=["digits"])
    assert "not run" in figure(table).to_dict()["description"]


def test_two_starts_of_a_cell_are_refused() -> None:
    """A figure shows one."""
    rows = pd.concat([made_students([RANDOM]), made_students([RANDOM], start="paper")])
    with pytest.raises(ValueError, match="a figure shows one start a cell, got two for cifar10"):
        figures.phase_dots(table3(summary(rows), EMPTY))


def test_figures_need_a_table() -> None:
    """The missing column is named."""
    with pytest.raises(ValueError, match="`table` must have the column train_data, rule"):
        figures.ablation(pd.DataFrame({"dataset": ["x"], "student": ["y"]}))


def test_worked_example_shows_the_papers_slope() -> None:
    """Appendix B: −0.188."""
    chart = figures.worked_example(FROG).to_dict()
    assert "slope (forgetfulness) −0.188 per epoch" in chart["description"]
    assert width_of(chart) <= MAX_WIDTH
    rising = figures.worked_example(FROG.assign(frog=FROG["frog"].to_numpy()[::-1]))
    assert "+0.188" in rising.to_dict()["description"]


def test_worked_example_needs_two_epochs_and_the_gold_column() -> None:
    """Both errors say what to pass."""
    with pytest.raises(ValueError, match="a line needs two epochs, got 1"):
        figures.worked_example(FROG.head(1))
    with pytest.raises(ValueError, match="`frame` must have the column cat"):
        figures.worked_example(FROG, gold="cat")
