"""Tables 1 to 5: every cell there, marks right, "not run" where nothing was run."""

import json
from pathlib import Path

import pandas as pd
import pytest
from made_frames import RANDOM, made_students

from carto_helpers.config import TEACHER_COLUMNS
from carto_helpers.selection import PHASE1_RULES
from carto_helpers.tables import (
    markdown,
    printed,
    provenance,
    show,
    summary,
    table1,
    table2,
    table3,
    table4,
    table5,
    teacher_grid,
    train_data,
)

EMPTY = pd.DataFrame()
PAPER = Path(__file__).parents[1] / "book" / "paper"
PAPER3 = pd.DataFrame(
    {"dataset": "cifar10", "train_data": ["33% random", "33% random"],
     "student": ["mobilenet", "efficientnet"], "score": ["0.469", "0.791"]}
)  # fmt: skip
PAPER2 = pd.DataFrame(
    {"dataset": ["cifar10"], "model": ["resnet"], "size": ["large"], "macro_f1_percent": [82.9],
     "learning_rate": [0.0001]}
)  # fmt: skip


def made_teachers(**changed: object) -> pd.DataFrame:
    """Return three seeds of one teacher."""
    row = dict.fromkeys(TEACHER_COLUMNS, "") | {"dataset": "cifar10", "teacher": "resnet"}
    row |= {"start": "scratch", "recipe": json.dumps({"learning_rate": 0.001}), "method_version": 1}
    row |= changed
    scores = [0.70, 0.71, 0.72]
    return pd.DataFrame(
        [row | {"test_macro_f1": s, "val_macro_f1": s + changed.get("gain", 0)} for s in scores]
    )


def test_table3_without_rows_has_every_cell_and_says_not_run() -> None:
    """Thirteen subsets of three students; the paper's values stand."""
    table = table3(summary(EMPTY), PAPER3)
    assert len(table) == 13 * 3
    assert set(table["mark"]) == {"not run"} and set(table["n"]) == {0}
    assert table["paper"].notna().sum() == 2
    assert list(table["train_data"][:2]) == ["100 % train", "33 % random"]


def test_table3_without_anything_but_names_still_has_cells() -> None:
    """No paper, no rows."""
    table = table3(summary(EMPTY), EMPTY, datasets=["digits"], students=["mobilenet"])
    assert len(table) == 1 + len(PHASE1_RULES)
    assert table3(summary(EMPTY), EMPTY).empty


def test_table3_compares_with_the_paper() -> None:
    """Our mean, interval, n, the difference and the mark."""
    rows = made_students([RANDOM, ("cifar10", "efficientnet", *RANDOM[2:7], 0.6)])
    table = table3(summary(rows), PAPER3).set_index(["student", "rule"])
    ours = table.loc[("mobilenet", "random")]
    assert (ours["n"], ours["mark"]) == (3, "agrees")
    assert ours["difference"] == pytest.approx(0.45 - 0.469)
    assert table.loc[("efficientnet", "random")]["mark"] == "other start"


def test_a_dataset_the_paper_lacks_is_marked_so() -> None:
    """Digits has rows but no published value."""
    rows = made_students([("digits", *RANDOM[1:])])
    table = table3(summary(rows), PAPER3, datasets=["digits"], students=["mobilenet"])
    random = table[table["rule"] == "random"].iloc[0]
    assert random["mark"] == "not in the paper" and pd.isna(random["paper"])
    shown = table3(summary(rows), PAPER3)
    assert set(shown["dataset"]) == {"cifar10", "digits"}


def test_two_starts_of_a_cell_are_two_rows() -> None:
    """Each with its own mark."""
    cell = ("cifar10", "efficientnet", *RANDOM[2:7], 0.79)
    rows = pd.concat([made_students([cell]), made_students([cell], start="paper")])
    table = table3(summary(rows), PAPER3)
    marks = table[(table["student"] == "efficientnet") & (table["rule"] == "random")]
    assert list(marks["mark"]) == ["other start", "agrees"]


def test_two_teachers_of_a_cell_are_refused() -> None:
    """A cell averages rows of one dynamics only."""
    rows = pd.concat([made_students([RANDOM]), made_students([RANDOM], dynamics_sha256="bb")])
    with pytest.raises(ValueError, match="a cell averages rows of one recipe, dynamics_sha256"):
        table3(summary(rows), PAPER3)


def test_table4_has_the_seven_mixes_and_any_other_that_was_run() -> None:
    """Baselines first, then the paper's order."""
    own = ("cifar10", "mobilenet", "mix", 0.33, 0.2, 0.1, 0.03, 0.4)
    table = table4(
        summary(made_students([own])), EMPTY, datasets=["cifar10"], students=["mobilenet"]
    )
    assert len(table) == 2 + 7 + 1
    assert list(table["train_data"])[2::7] == ["mix 16.5 / 16.5 / 0 %", "mix 20 / 10 / 3 %"]
    assert table["n"].iloc[-1] == 3


def test_table5_goes_by_size_and_ends_with_everything() -> None:
    """Seven sizes; asked sizes replace them."""
    table = table5(summary(EMPTY), EMPTY, datasets=["mnist"], students=["resnet"])
    assert list(table["fraction"]) == [0.01, 0.05, 0.1, 0.25, 0.33, 0.55, 1.0]
    assert table["rule"].iloc[-1] == "all"
    few = table5(summary(EMPTY), EMPTY, datasets=["mnist"], students=["resnet"], fractions=[0.5])
    assert list(few["train_data"]) == ["50 % random", "100 % train"]


def test_every_published_value_has_its_cell() -> None:
    """The paper's files as they are: 39, 72 and 53 values; MNIST/EfficientNet stays open."""
    tables = {"table3_phase1": table3, "table4_phase2": table4, "table5_phase3": table5}
    counts = {}
    for name, table in tables.items():
        published = pd.read_csv(PAPER / f"{name}.csv", dtype={"score": str})
        cells = table(summary(EMPTY), published)
        counts[name] = (len(published), int(cells["paper"].notna().sum()))
    assert counts == {
        "table3_phase1": (39, 39), "table4_phase2": (72, 72), "table5_phase3": (53, 53)
    }  # fmt: skip
    assert len(cells[(cells["dataset"] == "mnist") & (cells["student"] == "efficientnet")]) == 7
    assert len(table2(EMPTY, pd.read_csv(PAPER / "table2_teachers.csv"))) == 3
    assert len(table1(EMPTY, pd.read_csv(PAPER / "table1_architectures.csv"))) == 6


def test_table2_chooses_by_validation_and_marks_the_start() -> None:
    """The best setting of a dataset and start; from scratch is another start than the paper's."""
    better = made_teachers(recipe=json.dumps({"learning_rate": 0.0001}), gain=0.05)
    table = table2(pd.concat([made_teachers(), better]), PAPER2)
    assert list(table["learning_rate"]) == [0.0001]
    assert table["mark"].iloc[0] == "other start"
    assert table["paper"].iloc[0] == pytest.approx(0.829)
    imagenet = table2(made_teachers(start="paper"), PAPER2, datasets=["cifar10", "mnist"])
    assert list(imagenet["mark"]) == ["differs", "not run"]
    assert list(table2(EMPTY, PAPER2)["mark"]) == ["not run"]
    assert table2(EMPTY, EMPTY).empty


def test_teacher_grid_has_a_row_a_setting_best_first() -> None:
    """Each with the mean that chooses."""
    other = made_teachers(teacher="efficientnet", gain=0.05)
    grid = teacher_grid(pd.concat([made_teachers(), other]))
    assert list(grid["teacher"]) == ["efficientnet", "resnet"]
    assert list(grid["n"]) == [3, 3]


def test_table1_says_with_which_head_a_count_agrees() -> None:
    """ResNet-18's 11.5M is neither; MobileNet's 2.2M has ten classes."""
    paper = pd.DataFrame(
        {
            "family": ["mobilenet", "resnet"],
            "role": ["teacher", "student"],
            "params": ["2.2M", "11.5M"],
        }
    )
    counts = pd.DataFrame(
        [("mobilenet", "teacher", "m", 10, 2_236_682),
         ("mobilenet", "teacher", "m", 1000, 3_504_872),
         ("resnet", "student", "r", 10, 11_181_642), ("resnet", "student", "r", 1000, 11_689_512)],
        columns=["family", "role", "network", "n_classes", "parameters"],
    )  # fmt: skip
    assert list(table1(counts, paper)["mark"]) == ["agrees (10 classes)", "differs"]
    assert list(table1(EMPTY, paper)["mark"]) == ["not run", "not run"]
    assert set(table1(counts, EMPTY)["mark"]) == {"not in the paper"}


def test_train_data_reads_like_the_paper() -> None:
    """Whole percentages have no decimals."""
    assert train_data("all", 1.0, 0.0, 0.0, 0.0) == "100 % train"
    assert train_data("hard-to-learn", 0.1, 0.0, 0.0, 0.0) == "10 % hard-to-learn"


def test_provenance_lists_what_differs_and_adds_up_the_cost() -> None:
    """JSON is read out; nothing run says so."""
    found = provenance(made_students([RANDOM])).set_index("item")["value"]
    assert found["rows"] == "3"
    assert found["versions"] == "torch 2.13.0"
    assert found["student seed"] == "0; 1; 2"
    assert found["seconds"] == "8 in all, median 2.5 a run"
    assert found["finished at"] == "2026-01-01 to 2026-01-03"
    assert list(provenance(EMPTY)["value"]) == ["not run"]


def test_provenance_names_the_marks_and_what_they_mean() -> None:
    rows = made_students([RANDOM])
    unmarked = rows.assign(doubts=[()] * 3)
    pd.testing.assert_frame_equal(provenance(unmarked), provenance(rows))
    marked = provenance(rows.assign(doubts=[("diverged",), (), ()])).set_index("item")["value"]
    assert marked["doubts"].startswith("diverged (1 of 3). Diverged: the loss on the images")


def test_printed_has_fixed_decimals_and_a_dash_for_nothing() -> None:
    """Three decimals; the paper's own where it has more or fewer."""
    table = table3(summary(made_students([RANDOM])), PAPER3, students=["mobilenet"])
    text = printed(table).set_index("train data")
    assert tuple(text.loc["33 % random"][["ours", "95 % interval", "paper", "difference"]]) == (
        "0.450", "0.425 to 0.475", "0.469", "−0.019",
    )  # fmt: skip
    assert set(text.loc["33 % ambiguous"][["start", "ours", "95 % interval", "paper"]]) == {"–"}
    percent = printed(table2(made_teachers(), PAPER2), unit="percent").iloc[0]
    assert (percent["ours"], percent["paper"], percent["n"]) == ("71.0", "82.9", "3")


def test_printed_knows_two_units() -> None:
    """Any other is an error."""
    with pytest.raises(ValueError, match="`unit` must be 'fraction' or 'percent', got 'ppm'"):
        printed(PAPER3, unit="ppm")


@pytest.mark.parametrize("rows", [EMPTY, made_students([RANDOM])])
def test_show_is_a_table_with_caption_and_without_index(rows: pd.DataFrame) -> None:
    """The same input gives the same HTML."""
    table = table3(summary(rows), PAPER3)
    html = show(table, caption="Phase 1.", notes="n runs a cell.").to_html()
    assert "Phase 1. Throughout: dataset cifar10" in html
    assert "n runs a cell.</caption>" in html
    assert ">train data</th>" in html and "row_heading" not in html
    assert html == show(table, caption="Phase 1.", notes="n runs a cell.").to_html()
    assert "item" in show(provenance(rows), caption="Rows.").to_html()


def test_a_start_that_all_rows_share_is_told_as_the_students() -> None:
    rows = made_students([RANDOM])
    html = show(table3(summary(rows), PAPER3, students=["mobilenet"]), caption="One.").to_html()
    assert "One. Throughout: dataset cifar10, student mobilenet, its start scratch.<" in html
    html = show(table3(summary(rows), PAPER3), caption="All.").to_html()
    assert "All. Throughout: dataset cifar10, the students' start scratch.<" in html


def test_a_tables_texts_are_no_markup() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    rows = pd.DataFrame(
        {"dataset": [hostile] * 2, "class": [hostile, "b"], "doubts": ["", hostile]}
    )
    html = show(rows, caption=hostile, notes=hostile).to_html()
    assert "<img" not in html
    assert html.count("&lt;img") >= 4


def test_show_leaves_out_the_papers_columns_where_it_has_no_value() -> None:
    rows = made_students([("digits", *RANDOM[1:])])
    html = show(table3(summary(rows), PAPER3, datasets=["digits"]), caption="Digits.").to_html()
    assert ">difference</th>" not in html
    assert ">95 % interval</th>" in html


def test_a_table_of_sentences_wraps() -> None:
    """A rule without a place would hold for the whole table."""
    sentences = pd.DataFrame({"claim": ["a b"], "where": ["c d"], "test": ["e f"]})
    assert "nowrap" not in show(sentences, caption="").to_html()
    assert "nowrap" in show(sentences.assign(n=3), caption="").to_html()


def test_a_verdict_is_told_with_its_reason() -> None:
    verdicts = pd.DataFrame({"verdict": ["holds", "does not hold"], "reason": ["", "not shown"]})
    assert printed(verdicts)["verdict"].tolist() == ["holds", "not shown"]


def test_a_fraction_of_many_decimals_finds_its_rows() -> None:
    """Rows keep six."""
    rows = made_students([RANDOM], fraction=1 / 3)
    table = table3(summary(rows), PAPER3, students=["mobilenet"], fraction=1 / 3)
    assert table.loc[table["rule"] == "random", "n"].tolist() == [3]


def test_a_bar_in_a_name_ends_no_cell() -> None:
    frame = pd.DataFrame({"class": ["a|b"], "n|m": [1]})
    assert markdown(frame).splitlines() == [r"| class | n\|m |", "| --- | ---: |", r"| a\|b | 1 |"]


def test_printed_numbers_are_set_right_and_intervals_are_not() -> None:
    printed = {
        "gain": ["+0.010", "–"], "p": ["< 0.001", "0.020"], "interval": ["−0.1 to +0.2", "–"],
        "share": ["27.1%", "0.2 %"], "count": ["1,200", "not run"], "size": ["33% random", "100%"],
        "version": ["2.1.0", "2.2"], "none": ["–", "–"],
    }  # fmt: skip
    rulers = markdown(pd.DataFrame(printed)).splitlines()[1]
    assert rulers == "| ---: | ---: | --- | ---: | ---: | --- | --- | --- |"
    assert markdown(pd.DataFrame({"a": pd.Series(dtype=object)})).splitlines()[1] == "| --- |"
