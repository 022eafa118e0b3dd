"""The widest gaps come first, and subsets that share most of their images are told as pairs."""

from pathlib import Path

import pandas as pd
import pytest

from carto_helpers.findings.differences import subsets_of, told, twin_table, twins, widest
from carto_helpers.records import Results

BOOK = Path(__file__).parents[1] / "book" / "results"


def test_the_widest_difference_of_either_sign_comes_first() -> None:
    table = pd.DataFrame(
        {
            "mark": ["differs", "agrees", "differs", "not run"],
            "difference": [0.1, 0.9, -0.2, float("nan")],
        }
    )
    assert widest(table)["difference"].tolist() == [-0.2, 0.1]


def made_pair(share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = ["33% ambiguous", "33% easy-to-learn", "33% random"]
    shared = pd.DataFrame(0.3, names, names)
    shared.loc[names[0], names[1]] = shared.loc[names[1], names[0]] = share
    table = pd.DataFrame(
        {
            "train_data": [name.replace("%", " %") for name in names],
            "mean": [0.40, 0.45, 0.5],
            "paper": [0.40, 0.20, float("nan")],
        }
    )
    return shared, table


def test_a_pair_that_shares_most_is_told_once_with_both_gaps() -> None:
    found = twins(*made_pair(0.9))
    assert found[["first", "second", "shared"]].to_numpy().tolist() == [
        ["33% ambiguous", "33% easy-to-learn", 0.9]
    ]
    assert found["ours"].iloc[0] == pytest.approx(0.05)
    assert found["paper"].iloc[0] == pytest.approx(-0.20)
    assert told(twin_table(found)).splitlines()[1:] == [
        "| --- | --- | ---: | ---: | ---: |",
        "| 33% ambiguous | 33% easy-to-learn | 0.900 | +0.050 | −0.200 |",
    ]


def test_a_pair_that_shares_less_is_none() -> None:
    assert twins(*made_pair(0.79)).empty


def test_a_score_that_is_missing_leaves_a_gap() -> None:
    shared, table = made_pair(0.9)
    found = twins(shared, table.assign(paper=float("nan")))
    assert twin_table(found)["paper"].tolist() == ["–"]
    assert twin_table(found.assign(ours=-0.0002))["ours"].tolist() == ["−0.0002"]
    assert found["paper"].isna().all()
    assert found["ours"].notna().all()


def test_a_table_without_scores_is_refused() -> None:
    with pytest.raises(ValueError, match="mark"):
        widest(pd.DataFrame({"difference": [0.1]}))
    with pytest.raises(ValueError, match="paper"):
        twins(pd.DataFrame(), pd.DataFrame({"train_data": [], "mean": []}))


def test_without_a_teacher_there_are_no_subsets(tmp_path: Path) -> None:
    card, shared = subsets_of(Results(tmp_path), "cifar10")
    assert card.empty
    assert shared.empty
    assert twins(shared, made_pair(0.9)[1]).empty


def test_the_committed_teachers_subsets_are_all_there() -> None:
    card, shared = subsets_of(Results(BOOK), "cifar10")
    assert len(card) == 12
    assert list(shared) == card["subset"].tolist()
