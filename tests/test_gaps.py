"""Statistics where epochs miss examples: against a loop over what is there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carto_helpers.gaps import scores_with_gaps
from carto_helpers.scoring import scores


@given(seed=st.integers(0, 10_000), n_epochs=st.integers(1, 7))
def test_each_example_has_the_statistics_of_its_own_epochs(seed: int, n_epochs: int) -> None:
    rng = np.random.default_rng(seed)
    p_gold = rng.random((9, n_epochs))
    is_right = p_gold > 0.5
    p_gold[rng.random(p_gold.shape) < 0.4] = np.nan
    p_gold[:, 0] = np.where(np.isnan(p_gold).all(1), 0.25, p_gold[:, 0])
    found = scores_with_gaps(p_gold, is_right)
    for i in range(9):
        at = np.flatnonzero(~np.isnan(p_gold[i]))
        p = p_gold[i, at]
        slope = np.polyfit(at, p, 1)[0] if len(at) > 1 else 0.0
        assert found["confidence"][i] == pytest.approx(p.mean())
        assert found["variability"][i] == pytest.approx(p.std())
        assert found["correctness"][i] == pytest.approx(is_right[i, at].mean())
        assert found["forgetfulness"][i] == pytest.approx(slope, abs=1e-9)


def test_without_gaps_they_are_the_papers() -> None:
    p_gold = np.random.default_rng(0).random((20, 5))
    found, expected = scores_with_gaps(p_gold, p_gold > 0.5), scores(p_gold, p_gold > 0.5)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)


def test_an_example_in_no_epoch_is_refused() -> None:
    p_gold = np.array([[np.nan, np.nan], [0.5, np.nan]])
    with pytest.raises(ValueError, match="in some epoch, got 1 in none; record more epochs"):
        scores_with_gaps(p_gold, p_gold > 0.5)
