"""Draws among ties: the same scores, other images; the record's students of each draw."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_maps import made_map, steady

from carto_helpers.config import SubsetSpec
from carto_helpers.findings import tie_draws
from carto_helpers.selection import RANKINGS, select


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=40), st.sampled_from(RANKINGS), st.integers(0)
)
def test_a_draw_differs_by_ties_alone(values, rule, draw) -> None:
    score = np.array(values) / 3
    statistics = {rule.partition("-")[2]: score}
    spec = SubsetSpec(rule=rule, fraction=0.5 if len(values) > 1 else 1.0)
    first, other = select(spec, statistics, seed=0), tie_draws.redrawn(statistics, spec, draw=draw)
    assert sorted(score[other]) == sorted(score[first])
    assert (np.diff(other) > 0).all()


def test_draws_are_of_all_that_tie() -> None:
    statistics = {"correctness": np.ones(100)}
    spec = SubsetSpec(rule="high-correctness", fraction=0.33)
    drawn = [tie_draws.redrawn(statistics, spec, draw=draw) for draw in tie_draws.DRAWS]
    assert all(part.max() > 60 for part in drawn)
    assert len({tuple(part) for part in drawn}) == len(drawn)


@pytest.fixture
def found():
    return made_map(steady(0.9, 100))  # all right in all epochs


def students(found, gains: dict[str, float]) -> pd.DataFrame:
    rules = {"random": "random", **tie_draws.draw_rules(found)}
    return pd.DataFrame([
        {"rule": rules[name], "fraction": 0.33, "student_seed": seed,
         "test_macro_f1": 0.5 + gain + 0.01 * seed + 0.002 * (seed == 2) * (name != "random")}
        for name, gain in gains.items() for seed in range(3)
    ])  # fmt: skip


def test_every_draw_stands_beside_random(found) -> None:
    gains = {"random": 0.0, tie_draws.FIRST: 0.04, "draw 1": 0.02, "draw 2": 0.01}
    scores = tie_draws.by_draw(found, students(found, gains))
    assert list(scores) == list(gains)
    one_seed_less = students(found, gains).iloc[:-1]
    assert list(tie_draws.by_draw(found, one_seed_less)) == ["random", tie_draws.FIRST, "draw 1"]
    table = tie_draws.draw_table(scores).set_index("ties go to")
    assert table["minus random"].tolist() == ["+0.041", "+0.021", "+0.011"]
    assert table["n"].tolist() == [3, 3, 3]
    told = tie_draws.read_draws(scores)
    assert "2 other draws among the ties lies between 0.521 and 0.531" in told
    assert "exceeds the random subset's by **+0.016** (" in told


def test_what_is_not_run_is_said(found) -> None:
    for gains in ({}, {"random": 0.0}, {"random": 0.0, tie_draws.FIRST: 0.1}):
        rows = students(found, gains) if gains else students(found, {"random": 0.0})[:0]
        scores = tie_draws.by_draw(found, rows)
        assert tie_draws.read_draws(scores).startswith("**Not run yet**")
        assert tie_draws.draw_table(scores).empty
