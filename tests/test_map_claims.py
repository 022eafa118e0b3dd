"""Claims about maps, on made maps whose verdict is known."""

import numpy as np
import pytest
from made_maps import learnt, made_map, steady

from carto_helpers.claims import map_claims as claims
from carto_helpers.claims.verdicts import CONTRADICTED, DOES_NOT, HOLDS, NOT_SHOWN, UNKNOWN


@pytest.mark.parametrize(
    ("n_easy", "verdict", "reason"),
    [(990, HOLDS, ""), (905, DOES_NOT, NOT_SHOWN), (500, DOES_NOT, CONTRADICTED)],
)
def test_nearly_all_is_nine_in_ten(n_easy, verdict, reason) -> None:
    found = claims.nearly_all_easy(made_map(steady(0.95, n_easy) + steady(0.05, 1000 - n_easy)))
    assert (found.verdict, found.reason, found.n) == (verdict, reason, 1000)
    assert found.low < n_easy / 1000 < found.high


def test_ambiguous_examples_that_are_learnt() -> None:
    found = claims.ambiguous_are_learnt(made_map(learnt(40) + steady(0.95, 60)))
    assert found.verdict == HOLDS
    assert found.n == 40
    assert "100% of the 40 ambiguous examples are wrong after the first epoch" in found.reading


def test_what_is_near_another_anchor_is_not_ambiguous_though_the_subset_takes_it() -> None:
    found = claims.ambiguous_are_learnt(made_map(learnt(10) + steady(0.95, 90)))
    assert (found.verdict, found.n) == (HOLDS, 10)
    assert "of the ambiguous third 30% (30.3% of it lies nearest to that anchor)" in found.reading


def test_a_map_without_ambiguous_examples_tests_nothing() -> None:
    found = claims.ambiguous_are_learnt(made_map(steady(0.95, 60)))
    assert (found.verdict, found.n) == (UNKNOWN, 0)
    assert found.reading.startswith("no example is ambiguous; of the ambiguous third 0%")


def test_ambiguous_examples_that_are_forgotten_show_the_opposite() -> None:
    forgotten = [p[::-1] for p in learnt(40)]
    found = claims.ambiguous_are_learnt(made_map(forgotten + steady(0.95, 60)))
    assert (found.verdict, found.reason) == (DOES_NOT, CONTRADICTED)


def test_only_people_can_say_that_a_label_is_wrong() -> None:
    soft = [[0.1, 0.9]] * 33 + [[0.9, 0.1]] * 67
    made = made_map(steady(0.1, 33) + steady(0.95, 67), soft=soft)
    found = claims.hard_are_mislabelled(made)
    assert (found.verdict, found.n) == (UNKNOWN, 0)
    assert "33% of all examples and 100% of the 33 hard-to-learn ones" in found.reading
    assert claims.hard_are_mislabelled(made_map(steady(0.1, 9))).verdict == UNKNOWN


def test_a_tight_corner_and_a_wide_rest_spread_as_claimed() -> None:
    # high-correctness takes the first of the always right, which lie apart; random takes all kinds
    draw = np.random.default_rng(0)
    wide = np.clip(draw.uniform(0.55, 0.99, (400, 1)) + np.zeros((400, 10)), 0, 1).tolist()
    found = claims.easy_spreads_less(made_map(wide + steady(0.99, 400) + steady(0.02, 400)))
    assert found.verdict == HOLDS
    assert found.p < 0.05
    assert ", z = " in found.statistic


def test_a_map_of_one_point_spreads_nowhere() -> None:
    found = claims.easy_spreads_less(made_map([[0.9] * 10] * 60))
    assert (found.verdict, found.reason, found.p) == (DOES_NOT, NOT_SHOWN, 1.0)


def test_rich_labels_on_hard_examples_deny_the_claim() -> None:
    soft = [[0.5, 0.5]] * 33 + [[0.99, 0.01]] * 67
    found = claims.random_has_richer_labels(made_map(steady(0.4, 33) + steady(0.95, 67), soft=soft))
    assert (found.verdict, found.reason) == (DOES_NOT, CONTRADICTED)
    assert "highest: " in found.reading
    assert "of 11 subsets" in found.reading


def test_no_logits_leave_the_labels_unknown() -> None:
    assert claims.random_has_richer_labels(made_map(steady(0.9, 9))).verdict == UNKNOWN
