"""Selection rules: exact sizes, ties by position, regions and mixes against slow oracles."""

import subprocess
import sys
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import NearestNeighbors

from carto_helpers import selection
from carto_helpers.config import SubsetSpec, subset_size

MIX_PARTS = ("hard", "ambiguous", "easy")
FRACTIONS = (0.01, 0.05, 0.10, 0.25, 0.33, 0.55, 0.57, 1.0)


def made_scores(n: int, seed: int = 0, n_levels: int = 11) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "confidence": rng.random(n),
        "variability": rng.random(n) / 2,
        "correctness": rng.integers(0, n_levels, n) / (n_levels - 1),
        "forgetfulness": rng.normal(size=n),
    }


def specs(fraction: float) -> list[SubsetSpec]:
    rules = [r for r in selection.RULES if r not in ("all", "mix")]
    plain = [SubsetSpec(rule=rule, fraction=fraction) for rule in rules]
    scale = fraction / 0.33
    mixes = [
        SubsetSpec(
            rule="mix", fraction=fraction,
            hard=round(h * scale, 6), ambiguous=round(a * scale, 6), easy=round(e * scale, 6),
        )
        for h, a, e in selection.PHASE2_MIXES
    ]  # fmt: skip
    return plain + mixes


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_every_rule_returns_exactly_subset_size_sorted_unique_positions(fraction: float) -> None:
    n_total = 1_000
    for spec in specs(fraction):
        index = selection.select(spec, made_scores(n_total), seed=3)
        assert len(index) == subset_size(fraction, n_total), spec
        assert np.array_equal(index, np.unique(index)), spec
        assert index.dtype == np.int64
        assert index[0] >= 0
        assert index[-1] < n_total


def test_the_twelve_subsets_and_seven_mixes_are_the_papers() -> None:
    assert len(selection.PHASE1_RULES) == 12
    assert set(selection.PHASE1_RULES) == {"random", *selection.RANKINGS, *selection.ANCHORS}
    assert len(selection.PHASE2_MIXES) == 7
    assert [round(sum(mix), 6) for mix in selection.PHASE2_MIXES] == [0.33] * 7


@settings(deadline=None)
@given(
    hnp.arrays(np.float64, st.integers(1, 60), elements=st.sampled_from([0.0, 0.1, 0.5, 1.0])),
    st.data(),
)
def test_rankings_agree_with_a_stable_sort_and_ties_go_to_the_smaller_position(
    score: np.ndarray, data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, len(score)))
    by_low = sorted(range(len(score)), key=lambda i: (score[i], i))[:n]
    by_high = sorted(range(len(score)), key=lambda i: (-score[i], i))[:n]
    assert selection.lowest(score, n).tolist() == sorted(by_low)
    assert selection.highest(score, n).tolist() == sorted(by_high)


@pytest.mark.parametrize("n", [1, 2, 100, 5_000, 9_999, 10_000])
def test_rankings_of_many_agree_with_a_stable_sort(n: int) -> None:
    """A partition of a few happens to be a sort."""
    score = np.random.default_rng(0).random(10_000)
    order = np.argsort(score, kind="stable")
    assert np.array_equal(selection.lowest(score, n), np.sort(order[:n]))
    assert np.array_equal(selection.highest(score, n), np.sort(order[-n:]))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hnp.arrays(np.float64, st.integers(1, 200), elements=st.sampled_from([-np.inf, 0.0, 0.5, 1.0])),
    st.integers(1, 40),
    st.data(),
)
def test_no_sample_and_no_block_changes_what_is_chosen(
    monkeypatch: pytest.MonkeyPatch, score: np.ndarray, n_sample: int, data: st.DataObject
) -> None:
    monkeypatch.setattr(selection, "_SAMPLE", n_sample)
    monkeypatch.setattr(selection, "_MANY", 10)  # several threads
    monkeypatch.setattr(selection, "_BLOCK", 7)  # several blocks, the last one shorter
    n = data.draw(st.integers(1, len(score)))
    by_low = np.argsort(score, kind="stable")[:n]
    assert selection.lowest(score, n).tolist() == sorted(by_low.tolist())


@pytest.mark.parametrize("n", [1, 300, 5_000, 9_700, 10_000])
def test_a_sample_unlike_the_whole_only_costs_time(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_MANY", 3_000)
    monkeypatch.setattr(selection, "_SAMPLE", 1_000)
    score = np.random.default_rng(0).random(10_000)
    score[::10] += 2  # the sample: every tenth
    order = np.argsort(score, kind="stable")
    assert np.array_equal(selection.lowest(score, n), np.sort(order[:n]))
    assert np.array_equal(selection.highest(score, n), np.sort(order[-n:]))


@pytest.mark.parametrize("rule", selection.RANKINGS)
def test_a_ranking_takes_the_asked_end_of_the_asked_metric(rule: str) -> None:
    scores = made_scores(100, n_levels=100)
    end, _, metric = rule.partition("-")
    order = np.argsort(scores[metric] if end == "low" else -scores[metric], kind="stable")
    chosen = selection.select(SubsetSpec(rule=rule, fraction=0.3), scores, seed=0)
    assert np.array_equal(chosen, np.sort(order[:30]))


def watched() -> tuple[Callable[[np.ndarray], np.ndarray], list[int]]:
    """Return a key, the score itself, and how many it was asked for each time."""
    asked: list[int] = []

    def key(score: np.ndarray) -> np.ndarray:
        asked.append(len(score))
        return score

    return key, asked


@pytest.mark.parametrize(
    ("n_total", "is_many"), [(100, False), (1 << 20, False), ((1 << 20) + 1, True)]
)
def test_many_are_ranked_by_a_sample_then_in_one_pass_by_blocks(
    n_total: int, is_many: bool
) -> None:
    score, n = np.random.default_rng(0).random(n_total), n_total // 3
    key, asked = watched()
    chosen = selection._lowest({"score": score}, key, n)
    assert np.array_equal(chosen, np.flatnonzero(score < np.partition(score, n)[n]))
    if not is_many:
        assert asked == [n_total]
        return
    sample, *blocks = asked
    assert 0 <= sample - (1 << 14) < 10
    assert sum(blocks) == n_total
    assert len(blocks) in range(17, 26)  # of 65,536, but for the last of each thread
    assert max(blocks) <= 1 << 16


@pytest.mark.parametrize(
    ("n", "bracket", "is_found"),
    [
        (15, (10.0, 20.0), True),
        (11, (10.0, 20.0), True),
        (10, (10.0, 20.0), False),  # ten are below: none of the near ones is asked for
        (9, (10.0, 20.0), False),
        (21, (10.0, 20.0), True),  # as many as there are up to the upper end
        (22, (10.0, 20.0), False),
    ],
)
def test_a_bracket_without_the_last_one_chosen_finds_nothing(
    n: int, bracket: tuple[float, float], is_found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "_bracket", lambda sample, share: bracket)
    ordered, first_lowest = [], selection._first_lowest

    def watching(score: np.ndarray, n_more: int) -> np.ndarray:
        ordered.append(score.tolist())
        return first_lowest(score, n_more)

    monkeypatch.setattr(selection, "_first_lowest", watching)
    is_in = selection._sifted({"score": np.arange(100.0)}, np.positive, n)
    assert (is_in is not None) == is_found
    if is_in is not None:
        assert np.flatnonzero(is_in).tolist() == list(range(n))
        assert ordered == [list(range(10, 21))]  # 10 to 20 are ordered, no other


def test_a_bracket_is_of_the_share_that_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []

    def bracket(sample: np.ndarray, share: float) -> tuple[float, float]:
        shares.append(share)
        return 10.0, 50.0

    monkeypatch.setattr(selection, "_bracket", bracket)
    selection._sifted({"score": np.arange(100.0)}, np.positive, 33)
    assert shares == [0.33]


@pytest.mark.parametrize(
    ("n", "share", "low", "high"),
    [
        (10_000, 0.33, 3_063, 3_536),  # 3,300 and 5 √(10,000 · 0.33 · 0.67) + 1 = 236.1 off it
        (100, 0.24, 1, 46),
        (100, 0.22, -np.inf, 43),  # 0.3 from the lower end: no sure bound
        (100, 0.2, -np.inf, 41),
        (100, 0.76, 53, 98),
        (100, 0.77, 54, np.inf),  # the last: no sure bound
        (100, 1.0, 99, np.inf),
    ],
)
def test_a_bracket_is_five_standard_deviations_of_a_rank_and_one_wide(
    n: int, share: float, low: float, high: float
) -> None:
    sample = np.random.default_rng(0).permutation(n).astype(float)
    assert selection._bracket(sample, share) == (low, high)


def test_shares_of_mixes_keep_their_proportions_to_the_millionth() -> None:
    spec = selection.scaled_mixes(0.11)[3]
    assert (spec.hard, spec.ambiguous, spec.easy) == (0.046666, 0.046666, 0.016666)
    whole = selection.scaled_mixes(0.66)[3]
    assert (whole.hard, whole.ambiguous, whole.easy) == (0.28, 0.28, 0.1)
    assert selection.scaled_mixes(0.9999999)[0].hard == 0.499999
    assert selection.scaled_mixes(0.45)[0].hard == 0.225  # floats miss 0.165 · 0.45 / 0.33


@pytest.mark.parametrize("n_total", [2, 10])
def test_a_mix_may_be_one_example(n_total: int) -> None:
    scores = {"confidence": np.linspace(0, 1, n_total), "variability": np.zeros(n_total)}
    spec = SubsetSpec(rule="mix", fraction=1 / n_total, hard=1 / n_total)
    chosen = selection.mix(scores, spec)
    assert chosen.positions.tolist() == [0]
    assert chosen[1:] == (1, 0, 0, 0)


@pytest.mark.parametrize("n_total", range(2, 12))
def test_a_mix_of_few_equals_growing_its_parts_one_by_one(n_total: int) -> None:
    one = round(1 / n_total + 1e-6, 6)  # the share of one example
    for seed in range(20):
        scores = made_scores(n_total, seed)
        for n in range(2, n_total):
            spec = SubsetSpec(rule="mix", fraction=n * one, hard=one, ambiguous=one)
            assert selection.mix(scores, spec).positions.tolist() == slow_mix(scores, spec)


def test_a_mix_without_a_share_is_refused() -> None:
    scores = {"confidence": np.linspace(0, 1, 10), "variability": np.zeros(10)}
    with pytest.raises(ValueError, match="shares of a mix must add up to more than 0"):
        selection.mix(scores, SubsetSpec(rule="mix", fraction=0.5))


@settings(deadline=None)
@given(st.integers(2, 60), st.integers(0, 1_000), st.randoms(use_true_random=False))
def test_distinct_scores_choose_the_same_examples_in_any_order(
    n_total: int, seed: int, random: Random
) -> None:
    score = np.random.default_rng(seed).random(n_total)
    order = np.array(random.sample(range(n_total), n_total))
    for ranking in (selection.lowest, selection.highest):
        chosen = ranking(score[order], n_total // 2)
        assert sorted(order[chosen]) == ranking(score, n_total // 2).tolist()


def test_ties_follow_the_shuffled_split_and_so_no_class() -> None:
    """All equal: the first n positions, which in the shuffle are of every class."""
    ties = {name: np.full(20, 0.5) for name in selection.METRICS}
    for rule in (*selection.RANKINGS, *selection.ANCHORS):
        spec = SubsetSpec(rule=rule, fraction=0.25)
        assert selection.select(spec, ties, seed=0).tolist() == [0, 1, 2, 3, 4], rule


def test_low_and_high_halves_of_distinct_scores_share_nothing() -> None:
    score = np.random.default_rng(0).permutation(100).astype(float)
    low, high = selection.lowest(score, 50), selection.highest(score, 50)
    assert not set(low) & set(high)


@pytest.mark.parametrize("name", selection.ANCHORS)
def test_a_region_is_the_nearest_neighbours_of_its_anchor(name: str) -> None:
    scores = made_scores(500)
    plane = np.stack([scores["variability"], scores["confidence"]], axis=1)
    nearest = NearestNeighbors(n_neighbors=165).fit(plane)
    _, index = nearest.kneighbors(np.array([selection.ANCHORS[name]]))
    assert selection.region(scores, name, 165).tolist() == sorted(index[0].tolist())


def slow_mix(scores: dict[str, np.ndarray], spec: SubsetSpec) -> list[int]:
    """Grow the parts one by one, as the authors did by hand."""
    n_total = len(scores["confidence"])
    n = subset_size(spec.fraction, n_total)
    plane = list(zip(scores["variability"], scores["confidence"], strict=True))

    def order(name: str) -> list[int]:
        v, c = selection.ANCHORS[name]
        return sorted(
            range(n_total), key=lambda i: ((plane[i][0] - v) ** 2 + (plane[i][1] - c) ** 2, i)
        )

    hard, ambiguous, easy = (order(r) for r in ("hard-to-learn", "ambiguous", "easy-to-learn"))
    n_hard, n_ambiguous, n_easy = (
        subset_size(s, n_total) if s else 0 for s in (spec.hard, spec.ambiguous, spec.easy)
    )

    def union(growth: int) -> set[int]:
        grown_hard = hard[: n_hard + growth] if n_hard else []
        grown_ambiguous = ambiguous[: n_ambiguous + growth] if n_ambiguous else []
        return {*grown_hard, *grown_ambiguous, *easy[:n_easy]}

    growth = 0
    while (n_hard or n_ambiguous) and growth < n and len(union(growth + 1)) <= n:
        growth += 1
    chosen = union(growth)
    fill = hard if n_hard else ambiguous if n_ambiguous else easy
    for i in fill:
        if len(chosen) < n:
            chosen.add(i)
    return sorted(chosen)


@settings(deadline=None)
@given(
    st.integers(20, 90),  # 5 % of fewer would be no example
    st.integers(0, 1_000),
    st.sampled_from([*selection.PHASE2_MIXES, (0.0, 0.0, 0.2), (0.1, 0.0, 0.0)]),
    st.booleans(),
)
def test_a_mix_equals_growing_its_parts_one_by_one(
    n_total: int, seed: int, shares: tuple[float, float, float], has_ties: bool
) -> None:
    scores = made_scores(n_total, seed)
    if has_ties:
        scores = {name: np.round(score, 1) for name, score in scores.items()}
    hard, ambiguous, easy = shares
    spec = SubsetSpec(rule="mix", fraction=0.33, hard=hard, ambiguous=ambiguous, easy=easy)
    assert selection.mix(scores, spec).positions.tolist() == slow_mix(scores, spec)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(20, 200),
    st.sampled_from([0.1, 0.33, 0.6, 0.9, 1.0]),
    st.tuples(*[st.sampled_from([0.0, 0.25, 0.5])] * 3),
    st.integers(1, 100),
    st.booleans(),
)
def test_no_sample_changes_a_mix(
    monkeypatch: pytest.MonkeyPatch,
    n_total: int,
    fraction: float,
    parts: tuple[float, float, float],
    n_sample: int,
    is_tied: bool,
) -> None:
    shares = {name: fraction * p for name, p in zip(MIX_PARTS, parts, strict=True)}
    assume(0 < sum(parts) <= 1)
    assume(all(share == 0 or share * n_total >= 1 for share in shares.values()))
    scores = made_scores(n_total, seed=n_sample)
    if is_tied:
        scores = {name: np.round(score, 1) for name, score in scores.items()}
    spec = SubsetSpec(rule="mix", fraction=fraction, **shares)
    whole = selection.mix(scores, spec)
    with monkeypatch.context() as few:
        few.setattr(selection, "_MANY", 10)
        few.setattr(selection, "_MIX_SAMPLE", n_sample)
        found = selection.mix(scores, spec)
    assert found.positions.tolist() == whole.positions.tolist()
    assert found[1:] == whole[1:]


@pytest.mark.parametrize(("n_sample", "is_enough"), [(5_000, True), (50, False)])
def test_a_sample_spares_a_mix_most_of_its_ordering(
    n_sample: int, is_enough: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = made_scores(100_000)
    spec = SubsetSpec(rule="mix", fraction=0.33, hard=0.11, ambiguous=0.11, easy=0.11)
    whole = selection.mix(scores, spec)
    tried, ordered = [], []
    union, orders = selection._union_within, selection._orders

    def watched_union(place, counts, n, low, high):
        tried.append((low, high))
        return union(place, counts, n, low, high)

    def watched_orders(place, counts, n, low, high):
        found = orders(place, counts, n, low, high)
        ordered.append(len(found["hard-to-learn"][1]))
        return found

    monkeypatch.setattr(selection, "_union_within", watched_union)
    monkeypatch.setattr(selection, "_orders", watched_orders)
    monkeypatch.setattr(selection, "_MANY", 3_000)
    monkeypatch.setattr(selection, "_MIX_SAMPLE", n_sample)
    assert np.array_equal(selection.mix(scores, spec).positions, whole.positions)
    assert tried[0] == (0, int(n_sample * 0.33))  # the sample's own, in whole
    growth = whole.n_hard - 11_000
    assert tried[1][0] <= growth < tried[1][1]
    assert len(tried) == 2
    assert (ordered[1] < 0.15 * 100_000) is is_enough


def test_a_growth_outside_the_bounds_is_not_found() -> None:
    scores = made_scores(1_000)
    place = {name: scores[name] for name in ("variability", "confidence")}
    counts, n = {"hard-to-learn": 300, "ambiguous": 300}, 600
    found = selection._union_within(place, counts, n, 0, n)
    assert found is not None
    growth = found.growth
    assert growth > 0
    for low, high in ((0, growth), (growth + 1, n), (0, 0)):
        assert selection._union_within(place, counts, n, low, high) is None
    for low, high in ((0, growth + 1), (growth, growth + 2), (growth, n)):
        again = selection._union_within(place, counts, n, low, high)
        assert again is not None
        assert np.array_equal(again.is_in, found.is_in)
        assert (again.growth, again.n_filled) == (growth, found.n_filled)


@pytest.mark.parametrize("both", [True, False])
def test_a_mix_of_many_names_the_score_that_holds_nan(
    *, both: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "_MANY", 100)
    monkeypatch.setattr(selection, "_MIX_SAMPLE", 50)
    scores = made_scores(1_000)
    scores["confidence"][0] = np.nan  # in the sample
    scores["variability"][3] = np.nan if both else 0.2  # not in it
    spec = SubsetSpec(rule="mix", fraction=0.33, hard=0.165, ambiguous=0.165)
    with pytest.raises(ValueError, match="variability" if both else "confidence"):
        selection.mix(scores, spec)


def test_a_sample_unlike_the_whole_only_costs_a_mix_time(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = made_scores(10_000)
    for score in scores.values():
        score[::10] = 0.5  # the sample: every tenth
    spec = SubsetSpec(rule="mix", fraction=0.33, hard=0.165, ambiguous=0.165)
    whole = selection.mix(scores, spec)
    tried = []
    union = selection._union_within

    def watched(place, counts, n, low, high):
        tried.append((low, high))
        return union(place, counts, n, low, high)

    monkeypatch.setattr(selection, "_union_within", watched)
    monkeypatch.setattr(selection, "_MANY", 3_000)
    monkeypatch.setattr(selection, "_MIX_SAMPLE", 1_000)
    assert np.array_equal(selection.mix(scores, spec).positions, whole.positions)
    assert tried[-1] == (0, 3_300)
    assert len(tried) == 3


def test_a_mix_of_everything_is_everything() -> None:
    spec = SubsetSpec(rule="mix", fraction=1.0, hard=0.5, ambiguous=0.5)
    assert len(selection.mix(made_scores(40), spec).positions) == 40


def test_disjoint_parts_do_not_grow() -> None:
    scores = {"confidence": np.linspace(0, 1, 100), "variability": np.zeros(100)}
    spec = SubsetSpec(rule="mix", fraction=0.2, hard=0.1, easy=0.1)
    chosen = selection.mix(scores, spec)
    assert chosen.positions.tolist() == [*range(10), *range(90, 100)]
    assert chosen[1:] == (10, 0, 10, 0)


def test_a_mix_without_an_easy_share_has_none() -> None:
    spec = SubsetSpec(rule="mix", fraction=0.33, hard=0.165, ambiguous=0.165)
    assert selection.mix(made_scores(100), spec).n_easy == 0


def test_a_seed_is_given_by_name() -> None:
    with pytest.raises(TypeError):
        selection.select(SubsetSpec(rule="random", fraction=0.5), made_scores(10), 0)


def test_anchors_are_the_authors_corners() -> None:
    corners = {"easy-to-learn": (0, 1), "ambiguous": (1, 0.5), "hard-to-learn": (0, 0)}
    assert corners == selection.ANCHORS


def test_a_region_without_a_share_does_not_grow() -> None:
    """Everything is as easy as it is hard, so that the parts overlap and something must grow."""
    scores = made_scores(200)
    spec = SubsetSpec(rule="mix", fraction=0.9, hard=0.0, ambiguous=0.4, easy=0.5)
    grown = selection.mix(scores, spec)
    assert (grown.n_hard, grown.n_easy) == (0, 100)
    assert grown.n_ambiguous > 80
    easy = selection.region(scores, "easy-to-learn", 100)
    ambiguous = selection.region(scores, "ambiguous", grown.n_ambiguous)
    assert np.array_equal(grown.positions, np.union1d(easy, ambiguous))


def test_hard_and_ambiguous_grow_by_one_common_count() -> None:
    spec = SubsetSpec(rule="mix", fraction=0.8, hard=0.4, ambiguous=0.3, easy=0.1)
    grown = selection.mix(made_scores(2_000), spec)
    assert grown.n_hard - 800 == grown.n_ambiguous - 600 > 0
    assert grown.n_easy == 200


@pytest.mark.parametrize("seed", range(20))
def test_what_a_common_count_cannot_fill_is_the_next_hard_example(seed: int) -> None:
    """A step adds one hard and one ambiguous example; at most one place can be left."""
    scores = made_scores(101, seed)
    spec = SubsetSpec(rule="mix", fraction=0.7, hard=0.35, ambiguous=0.35)
    chosen = selection.mix(scores, spec)
    n_hard = chosen.n_hard + chosen.n_filled
    hard = selection.region(scores, "hard-to-learn", n_hard)
    ambiguous = selection.region(scores, "ambiguous", chosen.n_ambiguous)
    assert chosen.n_filled in {0, 1}
    assert np.array_equal(chosen.positions, np.union1d(hard, ambiguous))


def test_easy_examples_alone_fill_a_mix_of_easy_ones() -> None:
    scores = made_scores(100)
    spec = SubsetSpec(rule="mix", fraction=0.3, easy=0.2)
    chosen = selection.mix(scores, spec)
    assert np.array_equal(chosen.positions, selection.region(scores, "easy-to-learn", 30))
    assert chosen[1:] == (0, 0, 20, 10)


def test_a_random_subset_favours_no_position() -> None:
    counts = np.zeros(20)
    for seed in range(2_000):
        counts[selection.random_subset(20, 5, seed)] += 1
    assert np.abs(counts / 2_000 - 0.25).max() < 0.05


def test_a_random_subset_is_its_seeds() -> None:
    one, again = (selection.random_subset(1_000, 330, seed=0) for _ in range(2))
    other = selection.random_subset(1_000, 330, seed=1)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_an_unknown_rule_names_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown rule 'lowest'; valid rules: all, random, low-"):
        selection.select(SubsetSpec(rule="lowest"), made_scores(10), seed=0)


def test_all_takes_everything_only() -> None:
    with pytest.raises(ValueError, match="rule 'all' takes fraction 1"):
        selection.select(SubsetSpec(rule="all", fraction=0.5), made_scores(10), seed=0)
    everything = selection.select(SubsetSpec(rule="all", fraction=1.0), made_scores(10), seed=0)
    assert everything.tolist() == list(range(10))


@pytest.mark.parametrize("many", [5, 1 << 20])  # sifted, and ordered at once
@pytest.mark.parametrize("n_nan", [1, 9])
@pytest.mark.parametrize("rule", ["low-confidence", "high-confidence", "ambiguous", "mix"])
def test_a_nan_score_is_refused(
    rule: str, n_nan: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "_MANY", many)
    scores = made_scores(10)
    scores["confidence"][:n_nan] = np.nan
    spec = SubsetSpec(rule=rule, easy=0.33 if rule == "mix" else 0.0)
    with pytest.raises(ValueError, match="`confidence` must hold no NaN"):
        selection.select(spec, scores, seed=0)
    for ranking in (selection.lowest, selection.highest):
        with pytest.raises(ValueError, match="`score` must hold no NaN"):
            ranking(scores["confidence"], 3)


@pytest.mark.parametrize("at", [0, 1, 4_999, 9_999])
@pytest.mark.parametrize("name", ["confidence", "variability"])
def test_one_nan_far_from_what_is_chosen_is_found_by_sifting(
    name: str, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "_MANY", 3_000)
    monkeypatch.setattr(selection, "_SAMPLE", 1_000)
    scores = made_scores(10_000)
    assert len(selection.region(scores, "easy-to-learn", 3_300)) == 3_300
    scores[name][at] = np.nan
    with pytest.raises(ValueError, match=f"`{name}` must hold no NaN"):
        selection.region(scores, "easy-to-learn", 3_300)


def test_infinite_scores_are_ranked() -> None:
    score = np.array([np.inf, 0.0, -np.inf])
    assert selection.lowest(score, 1).tolist() == [2]
    assert selection.highest(score, 1).tolist() == [0]


def test_scores_of_two_teachers_are_not_mixed() -> None:
    """Tests check shapes at every call, so what a user meets is called directly."""
    scores = {"confidence": np.zeros(3), "variability": np.zeros(4)}
    with pytest.raises(ValueError, match=r"must be arrays of one length, got lengths \[3, 4\]"):
        selection._n_examples(scores)
    with pytest.raises(ValueError, match=r"must be arrays of one length, got lengths \[\]"):
        selection.select(SubsetSpec(), {}, seed=0)


def test_an_unknown_region_names_the_valid_ones() -> None:
    with pytest.raises(ValueError, match="unknown region 'easy'; valid regions: easy-to-learn, am"):
        selection.region(made_scores(10), "easy", 3)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="`seed` must not be negative, got -1"):
        selection.random_subset(10, 3, seed=-1)


_KINDS = """
import numpy as np, pandas as pd
from carto_helpers import SubsetSpec, select
from carto_helpers.selection import highest, lowest, region

score = np.array([0, 1, 5, 3], np.uint8)
assert highest(score, 1).tolist() == highest(score.tolist(), 1).tolist() == [2]
assert highest(score > 1, 2).tolist() == [2, 3]
column = pd.Series([0.9, 0.1, 0.5, 0.5], index=[13, 2, 1, 0])
assert lowest(column, 2).tolist() == [1, 2]
scores = {"confidence": column, "variability": column / 2, "correctness": score}
assert select(SubsetSpec(rule="low-confidence", fraction=0.5), scores, seed=0).tolist() == [1, 2]
assert select(SubsetSpec(rule="high-correctness", fraction=0.5), scores, seed=0).tolist() == [2, 3]
assert region(scores, "hard-to-learn", 2).tolist() == [1, 2]
table = pd.DataFrame(scores)
assert select(SubsetSpec(rule="low-confidence", fraction=0.5), table, seed=0).tolist() == [1, 2]
"""


def test_scores_of_any_kind_are_ranked_by_position_as_numbers() -> None:
    """Tests check kinds at every call; a user's Python does not."""
    subprocess.run([sys.executable, "-c", _KINDS], check=True)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_arrays_of_floats_are_ranked_without_a_copy(kind: type) -> None:
    score = np.zeros(3, kind)
    assert selection._floats(score) is score


def test_a_missing_score_is_named() -> None:
    with pytest.raises(ValueError, match="the rule needs the score 'correctness'"):
        selection.select(SubsetSpec(rule="low-correctness"), {"confidence": np.zeros(9)}, seed=0)


def test_shares_that_exceed_the_subset_are_refused() -> None:
    spec = SubsetSpec(rule="mix", fraction=0.3, hard=0.3, ambiguous=0.3)
    with pytest.raises(ValueError, match="shares of a mix must add up"):
        selection.mix(made_scores(100), spec)


@pytest.mark.parametrize("n", [0, 11])
def test_a_count_outside_the_examples_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=r"must hold 1 … 10 examples"):
        selection.lowest(np.zeros(10), n)
