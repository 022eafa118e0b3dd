"""Subsets of one's own: read from a table, kept by their positions, trained on like a rule's."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import TINY, make_folder, tiny_config

from carto_helpers import experiments
from carto_helpers.__main__ import main
from carto_helpers.config import PhaseConfig, SubsetSpec, subset_size
from carto_helpers.own_subsets import keep_subset, positions, read_subset, share
from carto_helpers.recording import DynamicsRecord
from carto_helpers.records import Results

INDEX = np.array([7, 3, 9, 1, 5])  # the training split, shuffled


def record() -> DynamicsRecord:
    p_gold = np.linspace(0.1, 0.9, 10, dtype=np.float32).reshape(5, 2)
    return DynamicsRecord(
        index=INDEX, labels=np.array([0, 1, 0, 1, 0]), classes=("a", "b"),
        quantities={"p_gold": p_gold, "is_right": p_gold > 0.5},
    )  # fmt: skip


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@given(st.integers(1, 100_000), st.data())
def test_a_share_makes_its_number_again(n_total: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, n_total))
    assert subset_size(share(n, n_total), n_total) == n


def test_no_share_makes_more_than_all() -> None:
    with pytest.raises(ValueError, match="no share makes 4 of 3 examples; pass 1 … 3"):
        share(4, 3)


def test_a_kept_subset_is_the_same_positions_again(tmp_path: Path) -> None:
    results = Results(tmp_path)
    spec = keep_subset(results, np.array([3, 9]), record())
    assert spec.fraction == 0.4
    assert positions(results, record(), spec, seed=0).tolist() == [1, 2]
    assert keep_subset(results, np.array([3, 9]), record()) == spec
    assert keep_subset(results, np.array([3, 7]), record()) != spec


def test_a_rule_is_what_select_says(tmp_path: Path) -> None:
    spec = SubsetSpec(rule="low-confidence", fraction=0.4)
    assert positions(Results(tmp_path), record(), spec, seed=0).tolist() == [0, 1]


def test_images_that_were_not_trained_on_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="of the 5 images .*, got 2 others, such as index 2; t"):
        keep_subset(Results(tmp_path), np.array([1, 2, 11]), record())


def test_a_kept_subset_that_is_gone_or_changed_is_named(tmp_path: Path) -> None:
    results = Results(tmp_path)
    spec = keep_subset(results, np.array([3, 9]), record())
    (path,) = (tmp_path / "subsets").iterdir()
    path.write_text(path.read_text().replace("9", "7"))
    with pytest.raises(ValueError, match=f"{path.name}.*carto distill --subset"):
        positions(results, record(), spec, seed=0)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="expected the subset .*, got no file; copy it"):
        positions(results, record(), spec, seed=0)


def test_a_table_names_positions_or_files(tmp_path: Path) -> None:
    by_index = write(tmp_path / "a.csv", "class,index\nx,9\ny,3\n")
    by_file = write(tmp_path / "b.csv", "file\ntrain/x/2.png\ntrain/x/0.png\n")
    files = [f"train/x/{i}.png" for i in range(3)]
    assert read_subset(by_index).tolist() == [3, 9]
    assert read_subset(by_file, files).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("index\n", "must name training examples, got no row; take"),
        ("index\n-1\n", "must name training examples, got -1; take"),
        ("index\n1.5\n", "must name training examples, got 1.5; take"),
        ("index,file\n0,train/x/0.png\n,train/x/1.png\n", "must name training examples, got 0.0"),
        ("index,file\n-1,train/x/0.png\n", "must name training examples, got -1; take"),
        ("index,file\n0,\n", "names nan with index 0, where this training set has train/x/0.png"),
        ("index\nabc\n", "must name training examples, got 'abc'; take"),
        ("index\n1\n1\n", "must name each example once, got 2 rows of 1 examples; remove"),
        ("class\nx\n", "must have a column index .* or, for a folder of images, file, got class"),
        ("file\ntrain/x/9.png\n", "must name training examples, got 'train/x/9.png'; take"),
        ("", "expected a CSV file, got .* write it again"),
        ('index\n"1', "expected a CSV file, got .* write it again"),
    ],
)
def test_what_names_no_subset_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_subset(write(tmp_path / "a.csv", text), ["train/x/0.png"])


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match="expected a CSV file with a column index or file, g"
    ):
        read_subset(tmp_path / "none.csv")


def test_from_a_folder_to_a_student_on_ones_own_subset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, results = make_folder(tmp_path / "noise"), tmp_path / "r"
    shared = ["--dataset", str(folder), "--results", str(results), "--teacher", TINY,
              "--epochs", "1", "--device", "cpu"]  # fmt: skip
    third = str(tmp_path / "third.csv")
    assert main(["select", *shared, "--rule", "high-confidence", "--to", third]) == 0
    assert "10 of 32 examples by high-confidence" in capsys.readouterr().out
    assert Path(third).read_text().startswith("index,file,label,class,confidence")
    assert main(["distill", *shared, "--architecture", TINY, "--subset", third]) == 0
    row = Results(results).students().iloc[0]
    assert row["rule"].startswith("own:")
    assert row["n_train"] == 10
    assert main(["distill", *shared, "--architecture", TINY, "--subset", third]) == 0
    assert "1 runs recorded" in capsys.readouterr().out


def test_a_students_subset_is_the_rules_or_ones_own(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "noise")
    own = write(tmp_path / "own.csv", "index\n0\n1\n")
    for ours, said in (({"rule": "ambiguous"}, "'ambiguous' and 0.33"), ({"fraction": 0.5}, "0.5")):
        given = {"subset": str(own), "fraction": 0.33} | ours
        with pytest.raises(ValueError, match=f"has no rule and no fraction, got .*{said} with"):
            experiments.distill(tiny_config(folder, tmp_path / "r", **given))
    far = write(tmp_path / "far.csv", "index\n40\n")
    with pytest.raises(
        ValueError, match=r"must name positions in 0 … 39, got 40; is it of another"
    ):
        experiments.distill(tiny_config(folder, tmp_path / "r", subset=str(far), fraction=0.33))
    with pytest.raises(ValueError, match="unknown rule 'best'; valid rules: all, random, low-"):
        experiments.distill(tiny_config(folder, tmp_path / "r", rule="best"))
    assert not Results(tmp_path / "r").teachers().size  # known before a teacher is trained


@pytest.mark.parametrize(
    "given", [{"shares": (0.1, 0.1, 0.1)}, {"rule": "mix"}, {"shares": (0.1,)}]
)
def test_a_mix_has_three_shares_and_no_other_rule_any(given: dict) -> None:
    with pytest.raises(
        ValueError, match="`shares` are the three of a mix, hard, ambiguous and easy"
    ):
        PhaseConfig(**given)
    assert PhaseConfig(rule="mix", shares=(0.1, 0.1, 0.1)).spec.label() == "mix 10/10/10"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (range(40), "of the 32 images that the teacher is trained on, got 8 others, such as index"),
        ([0], "must hold at least 2 examples for batch normalisation, got 1"),
    ],
)
def test_what_cannot_be_trained_on_is_known_before_a_teacher_is_trained(
    tmp_path: Path, rows: list[int], said: str
) -> None:
    folder = make_folder(tmp_path / "noise")
    own = write(tmp_path / "own.csv", "index\n" + "".join(f"{i}\n" for i in rows))
    config = tiny_config(folder, tmp_path / "r", subset=str(own), fraction=0.33)
    with pytest.raises(ValueError, match=said):
        experiments.distill(config)
    assert not list((tmp_path / "r").rglob("*"))


def test_an_index_and_a_file_that_disagree_are_refused(tmp_path: Path) -> None:
    """An image was added since: the positions have moved, the names have not."""
    files = [f"train/x/{name}.png" for name in ("a", "b", "c")]
    own = write(tmp_path / "own.csv", "index,file\n0,train/x/a.png\n2,train/x/c.png\n")
    assert read_subset(own, files).tolist() == [0, 2]
    assert read_subset(own).tolist() == [0, 2]  # of images without names
    with pytest.raises(ValueError, match=r"names train/x/a.png with index 0, where .* has new.png"):
        read_subset(own, ["new.png", *files])
    with pytest.raises(ValueError, match=r"names train/x/c.png with index 2, where .* has nothing"):
        read_subset(own, files[:2])
