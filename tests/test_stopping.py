"""Students scored after every epoch: what the study records, and what a page reads from it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import make_folder, student_row, tiny_config
from sklearn.metrics import f1_score

from carto_helpers import experiments, tables
from carto_helpers.findings import stopping
from carto_helpers.findings.stopping import stopped_after
from carto_helpers.records import published
from carto_helpers.runs.workbench import Workbench
from studies import stopping as study

SIZES = (0.4, 1.0)


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=10))
def test_a_run_ends_at_the_first_epoch_three_after_the_lowest_loss(losses: list[float]) -> None:
    ends = [n for n in range(1, len(losses) + 1) if n - 1 - int(np.argmin(losses[:n])) >= 3]
    assert stopped_after(losses) == min([*ends, len(losses)])


def test_a_loss_that_is_not_finite_ends_a_run() -> None:
    assert stopped_after([1.0, float("nan"), 0.5, 0.4]) == 2


def test_the_running_score_is_the_mean_of_the_scores_so_far() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 23)
    guesses = np.where(rng.random(23) < 0.6, labels, rng.integers(0, 5, 23))
    ends = [10, 20, 23]
    so_far = [f1_score(labels[:end], guesses[:end], average="macro") for end in ends]
    expected = np.average(so_far, weights=[10, 10, 3])
    assert study.running_macro_f1(guesses, labels, 10) == pytest.approx(expected)


def test_one_step_has_the_score_of_the_whole_set() -> None:
    labels, guesses = np.array([0, 1, 2, 2]), np.array([0, 2, 2, 2])
    expected = f1_score(labels, guesses, average="macro")
    assert study.running_macro_f1(guesses, labels) == pytest.approx(expected)


def test_images_that_come_by_class_are_shown_mixed() -> None:
    mixed, by_class = np.array([2, 0, 1, 0]), np.repeat(np.arange(5), 4)
    assert study.shown_order(mixed).tolist() == [0, 1, 2, 3]
    order = study.shown_order(by_class)
    assert sorted(order) == list(range(20)) and (np.diff(by_class[order]) < 0).any()


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with phase 3 and the study of its students, asked for twice."""
    folder = tmp_path_factory.mktemp("studied")
    config = tiny_config(make_folder(folder / "noise"), folder / "results", fractions=SIZES)
    experiments.phase3(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "configured", lambda asked, **more: config)
        sizes = ["--fractions", *map(str, SIZES), "--seeds", "1"]
        patch.setattr(
            "sys.argv", ["stopping", "--data-root", "", "--results", config.results, *sizes]
        )
        study.main()
        study.main()
    return Path(config.results)


def test_each_student_has_a_row_an_epoch_and_ends_as_it_was_recorded(studied: Path) -> None:
    rows = stopping.recorded(studied)
    students = Workbench(tiny_config("noise", studied)).results.students().set_index("key")
    assert rows.groupby("key").size().tolist() == [2, 2]
    assert set(rows["key"]) == set(students.index)
    for row in rows[rows["epoch"] == 2].to_dict("records"):
        own = students.loc[row["key"]]
        assert row["test_macro_f1"] == own["test_macro_f1"]
        assert row["val_accuracy"] == own["val_accuracy"]
        assert row["val_loss"] > 0
    assert (rows["running_macro_f1"] == rows["test_macro_f1"]).all()  # one step holds all images


EPOCHS = pd.DataFrame(
    [
        (key, dataset, "random", epoch, loss, epoch / 100, epoch / 10, epoch / 20, "cpu")
        for key, dataset, losses in (
            ("a", "mnist", [1.0, *[2.0] * 3, *[0.5] * 6]),
            ("b", "mnist", range(10, 0, -1)),
            ("c", "cifar10", [1.0, *[2.0] * 3, *[0.5] * 6]),
            ("none of the tables'", "mnist", [1.0]),
        )
        for epoch, loss in enumerate(losses, start=1)
    ],
    columns=[
        "key", "dataset", "rule", "epoch", "val_loss", "val_accuracy", "test_macro_f1",
        "running_macro_f1", "device",
    ],
)  # fmt: skip
PLACE = {"student": "mobilenet", "rule": "random", "fraction": 0.01}
OWN = (("a", "mnist", 0, 1.0), ("b", "mnist", 1, 0.95), ("c", "cifar10", 0, 1.0))
STUDENTS = pd.DataFrame([
    student_row(key=key, dataset=dataset, student_seed=seed, test_macro_f1=f1, **PLACE)
    for key, dataset, seed, f1 in (*OWN, ("d", "mnist", 2, 0.3))
]).assign(device="cpu")  # fmt: skip
STUDENTS.loc[STUDENTS["key"] == "c", "device"] = "gpu"


def test_students_get_the_score_of_the_epoch_at_which_they_stop() -> None:
    found = stopping.as_authors_score(STUDENTS, EPOCHS, ["random"]).set_index("key")
    assert found["stopped"].to_dict() == {"a": 4, "b": 10, "c": 4}
    assert found["test_macro_f1"].to_dict() == {"a": 0.2, "b": 0.5, "c": 0.04}
    assert found["is_same"].to_dict() == {"a": True, "b": False, "c": True}
    of_other_cells = stopping.as_authors_score(STUDENTS, EPOCHS, ["all"]).set_index("key")
    assert of_other_cells.loc["c", "test_macro_f1"] == 0.2
    told = stopping.read_again(found)
    assert "1 of 2 students recorded on the same kind of processor, and 1 of 1" in told
    assert "students recorded on another processor. 2 of all would have been stopped" in told
    alone = stopping.read_again(found.drop(index="c"))
    assert "another" not in alone
    none = stopping.as_authors_score(STUDENTS, EPOCHS.head(0))
    assert "**Not run yet**" in stopping.read_again(none)


@pytest.mark.parametrize("rows", [EPOCHS.iloc[1:], pd.concat([EPOCHS, EPOCHS])])
def test_rows_that_are_no_whole_run_are_refused(rows: pd.DataFrame, tmp_path: Path) -> None:
    rows.to_csv(tmp_path / stopping.FILE, index=False)
    with pytest.raises(ValueError, match="must hold the epochs of a from 1 on, once each"):
        stopping.recorded(tmp_path)


def test_a_run_of_fewer_epochs_than_the_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 10 epochs of a, .* got 5"):
        stopping.as_authors_score(STUDENTS, EPOCHS.iloc[:5])


def test_predictions_are_held_against_the_cells() -> None:
    columns = ["dataset", "train_data", "paper", "ours", "theirs", "mark_ours", "mark_theirs"]
    rows = [
        ("mnist", "1 % random", 0.1, 0.4, 0.0, "differs", "differs"),
        ("cifar100", "5 % random", 0.1, 0.4, 0.2, "differs", "agrees"),
        ("cifar10", "1 % random", 0.1, 0.4, 0.9, "differs", "differs"),  # none of the predicted
    ]
    cells = pd.DataFrame(rows, columns=columns).assign(n=2, stopped="4, 4")
    told = stopping.read_predictions(cells)
    assert "end after 4 epochs (the first prediction held); 2 of 2 cells" in told
    assert "(the second held); of 2 cells that differ 1 still do (the third **failed**)" in told
    late = stopping.read_predictions(cells.assign(stopped="4, 10", theirs=0.9))
    assert "(the first prediction **failed**); 0 of 2" in late and "(the second **failed**)" in late
    assert "**Not run yet**" in stopping.read_predictions(cells.tail(1))


def test_the_whole_split_is_an_accuracy_in_table_5_alone() -> None:
    epochs = EPOCHS[EPOCHS["key"] == "c"].assign(rule="all")
    whole = STUDENTS[STUDENTS["key"] == "c"].assign(rule="all", fraction=1.0)
    for name, table, score in (
        ("table3_phase1", tables.table3, 0.2), ("table5_phase3", tables.table5, 0.04)
    ):  # fmt: skip
        found, _ = stopping.compared(
            table, whole, epochs, published(name), stopping.BY_ACCURACY[name]
        )
        assert found["theirs"].tolist() == pytest.approx([score])


def test_cells_stand_beside_the_papers_by_either_way() -> None:
    paper = published("table5_phase3")
    found, scored = stopping.compared(tables.table5, STUDENTS, EPOCHS, paper)
    assert scored["key"].tolist() == ["a", "b", "c"]
    mnist = found[found["dataset"] == "mnist"]
    [row] = mnist.to_dict("records")
    assert (row["ours"], row["theirs"]) == pytest.approx((0.975, 0.35))  # of the same students
    assert (row["stopped"], row["n"], row["mark_ours"]) == ("4, 10", 2, "differs")
    assert row["paper"] == pytest.approx(0.1018)
    told = stopping.read_cells(mnist, "mnist, mobilenet")
    assert told.startswith("mnist, mobilenet: **1 of 1** cells come nearer")
    assert "from 0.873 to 0.248; 1 of 1 differ" in told
    assert stopping.cell_table(mnist)["epochs"].tolist() == ["4, 10"]
    of_one_seed = found[found["dataset"] == "cifar10"]
    told = stopping.read_cells(of_one_seed, "here")
    assert told == (
        "here: one seed of 1 cells so far; **1** of these students would be stopped before the "
        "tenth epoch."
    )
    assert "**not run yet**" in stopping.read_cells(found.head(0), "here")
