"""Report cards: counts, overlaps and what the teacher makes of a subset, against plain loops."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_maps import made_map, steady

from carto_helpers.findings import report_card as cards
from carto_helpers.selection import PHASE1_RULES

SUBSETS = st.lists(st.sets(st.integers(0, 30), min_size=1), min_size=1, max_size=5)
SOFT = [[0.9, 0.1]] * 60 + [[0.5, 0.5]] * 40


@pytest.fixture
def found():
    labels = [0] * 50 + [1] * 50
    return made_map(steady(0.95, 60) + steady(0.2, 40), labels=labels, soft=SOFT)


def as_positions(sets) -> dict[str, np.ndarray]:
    return {str(i): np.array(sorted(members)) for i, members in enumerate(sets)}


@given(SUBSETS)
def test_overlaps_are_shares_of_sets(sets) -> None:
    table = cards.overlaps(as_positions(sets))
    for i, first in enumerate(sets):
        for j, second in enumerate(sets):
            assert table.iloc[i, j] == pytest.approx(len(first & second) / len(first))


def test_a_card_is_what_its_subset_holds(found) -> None:
    subsets = {"a": np.arange(10), "b": np.arange(5, 70), "c": np.arange(95, 100)}
    card = cards.report_card(found, subsets).set_index("subset")
    assert card["size"].tolist() == [10, 65, 5]
    assert card.loc["b", ["fewest", "most"]].tolist() == [20, 45]
    assert card.loc["a", "twin"] == "b"
    assert card.loc["a", "twin_share"] == 0.5
    assert card.loc["b", "accuracy"] == pytest.approx(55 / 65)
    low, high = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1)), np.log(2)
    assert card.loc["b", "entropy"] == pytest.approx((55 * low + 10 * high) / 65)


def test_classes_are_counted(found) -> None:
    table = cards.class_counts(found, {"a": np.arange(40, 55)})
    assert table.loc["a"].to_dict() == {"cat": 10, "dog": 5}


def test_subsets_are_those_of_the_papers_tables(found) -> None:
    ranked = cards.ranked_subsets(found, fraction=0.33)
    assert list(ranked) == [f"33% {rule}" for rule in PHASE1_RULES]
    assert {len(positions) for positions in ranked.values()} == {33}
    mixed = cards.mixed_subsets(found)
    assert list(mixed)[:2] == ["33% random", "mix 16.5/16.5/0"]
    assert (mixed["33% random"] == ranked["33% random"]).all()
    assert len(mixed) == 8


def test_random_subsets_of_every_size_have_a_card(found) -> None:
    subsets = cards.random_subsets(found, [0.1, 0.33, 1.0])
    assert list(subsets) == ["10% random", "33% random", "100% train"]
    assert (subsets["33% random"] == cards.mixed_subsets(found)["33% random"]).all()
    assert len(subsets["100% train"]) == found.n
    assert len(cards.report_card(found, subsets)) == 3


def test_a_card_is_read_by_its_extremes(found) -> None:
    card = cards.report_card(found, {"a": np.arange(10), "b": np.arange(5, 70)})
    text = cards.read_card(card)
    assert "smallest class of a subset is that of a, **0** images" in text
    assert "the largest that of b, **45**" in text
    assert "right on 84.6% (b) to 100.0% (a)" in text


def test_ties_are_what_the_order_decides(found) -> None:
    tied = cards.ties(found, fraction=0.33).set_index("rule")
    # 60 are right in all epochs, 40 in none: a third of either is the first of them
    assert tied.loc["high-correctness"].tolist() == [60, 1.0]
    assert tied.loc["low-correctness"].tolist() == [40, 1.0]
    assert tied.loc["high-confidence"].tolist() == [0, 0.0]
    assert cards.ties(found, fraction=0.6).set_index("rule").loc["high-correctness", "share"] == 0
    assert cards.ties(found, fraction=0.7).set_index("rule").loc["high-correctness"].tolist() == [
        40, pytest.approx(10 / 70),
    ]  # fmt: skip
    told = cards.read_ties(tied.reset_index())
    assert told.startswith("Ties fill 100% of low-correctness (from 40 images of one score), ")
    none = tied.assign(share=0.0).reset_index()
    assert (
        cards.read_ties(none)
        == "Ties decide less than 1% of each subset that ranks by a statistic."
    )


def test_without_logits_the_entropy_is_left_out() -> None:
    card = cards.report_card(made_map(steady(0.9, 9)), {"a": np.arange(4)})
    assert card[["entropy", "twin_share"]].isna().all(axis=None)
    assert card["twin"].tolist() == [""]
    assert cards.read_card(card).endswith("ends right on 100.0% (a) to 100.0% (a).")


def test_numbered_tables_fit_a_page() -> None:
    subsets = as_positions([{0, 1}, {1, 2, 3}])
    shown = cards.numbered(cards.overlaps(subsets))
    assert shown.columns.tolist() == ["no.", "subset", "1", "2"]
    assert shown["2"].tolist() == [50, 100]
    counts = pd.DataFrame([range(30), [0] * 30], index=["a", "b"], columns=map(str, range(30)))
    assert cards.numbered(counts).columns[2:].tolist() == [str(i) for i in range(10, 30)]


@pytest.mark.parametrize("subsets", [{}, {"a": np.arange(0)}])
def test_nothing_has_no_card(found, subsets) -> None:
    with pytest.raises(ValueError, match="at least one and none empty, got"):
        cards.report_card(found, subsets)
