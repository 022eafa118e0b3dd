"""Training dynamics: the worked example, oracles, and what order and kind may not change."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import linregress

from carto_helpers import dynamics
from carto_helpers.dynamics import (
    confidence,
    correctness,
    forgetfulness,
    forgetting_events,
    never_learnt,
    variability,
)

OF_P_GOLD = (confidence, variability, forgetfulness)
TABLE_6 = Path(__file__).parents[1] / "book" / "paper" / "table6_worked_example.csv"
SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)
P_GOLD = hnp.arrays(np.float64, SHAPES, elements=st.floats(0, 1))
IS_RIGHT = hnp.arrays(np.bool_, SHAPES)


@pytest.fixture
def frog() -> tuple[np.ndarray, np.ndarray]:
    """p_gold and is_right of table 6's image, one example, five epochs."""
    with TABLE_6.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    classes = [name for name in rows[0] if name != "epoch"]
    p = np.array([[float(row[name]) for name in classes] for row in rows])  # (E, C)
    gold = classes.index("frog")
    return p[:, gold][None], (p.argmax(axis=1) == gold)[None]


def loop_statistics(p: list[float]) -> tuple[float, float, float]:
    """Appendix A as printed, one example: confidence, variability, forgetfulness."""
    n = len(p)
    epochs = range(1, n + 1)
    mean = sum(p) / n
    slope_top = n * sum(e * q for e, q in zip(epochs, p, strict=True)) - sum(epochs) * sum(p)
    slope = slope_top / (n * sum(e * e for e in epochs) - sum(epochs) ** 2) if n > 1 else 0.0
    return mean, (sum((q - mean) ** 2 for q in p) / n) ** 0.5, slope


@pytest.mark.parametrize("as_kind", [np.asarray, torch.from_numpy])
def test_the_worked_example_gives_the_papers_numbers(frog, as_kind) -> None:
    p_gold, is_right = (as_kind(array) for array in frog)
    assert round(float(confidence(p_gold)[0]), 3) == 0.638
    assert round(float(variability(p_gold)[0]), 3) == 0.282
    assert round(float(correctness(is_right)[0]), 3) == 0.6
    assert round(float(forgetfulness(p_gold)[0]), 3) == -0.188


@settings(deadline=None)
@given(P_GOLD)
def test_statistics_agree_with_a_loop_over_the_printed_equations(p_gold) -> None:
    expected = np.array([loop_statistics(row.tolist()) for row in p_gold])  # (N, 3)
    found = np.stack([statistic(p_gold) for statistic in OF_P_GOLD], axis=1)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_forgetfulness_is_the_slope_of_scipys_regression_line() -> None:
    p_gold = np.random.default_rng(0).random((20, 10))
    slopes = [linregress(np.arange(1, 11), row).slope for row in p_gold]
    np.testing.assert_allclose(forgetfulness(p_gold), slopes, rtol=0, atol=1e-14)


def test_variability_is_the_population_standard_deviation() -> None:
    p_gold = np.random.default_rng(1).random((20, 10))
    np.testing.assert_allclose(variability(p_gold), p_gold.std(axis=1, ddof=0), rtol=1e-14)


@settings(deadline=None)
@given(P_GOLD, IS_RIGHT)
def test_statistics_stay_in_their_ranges(p_gold, is_right) -> None:
    assert np.all((confidence(p_gold) >= 0) & (confidence(p_gold) <= 1))
    assert np.all((variability(p_gold) >= 0) & (variability(p_gold) <= 0.5 + 1e-15))
    assert np.all(np.abs(forgetfulness(p_gold)) <= 1)
    assert np.all((correctness(is_right) >= 0) & (correctness(is_right) <= 1))
    assert np.all(forgetting_events(is_right) >= 0)
    assert np.all(forgetting_events(is_right) <= is_right.shape[1] // 2)


@settings(deadline=None)
@given(P_GOLD, st.randoms(use_true_random=False))
@pytest.mark.parametrize("statistic", [confidence, variability])
def test_confidence_and_variability_ignore_epoch_order(statistic, p_gold, random) -> None:
    order = random.sample(range(p_gold.shape[1]), p_gold.shape[1])
    np.testing.assert_allclose(statistic(p_gold[:, order]), statistic(p_gold), rtol=0, atol=1e-8)


@settings(deadline=None)
@given(IS_RIGHT, st.randoms(use_true_random=False))
def test_correctness_and_never_learnt_ignore_epoch_order(is_right, random) -> None:
    order = random.sample(range(is_right.shape[1]), is_right.shape[1])
    assert np.array_equal(correctness(is_right[:, order]), correctness(is_right))
    assert np.array_equal(never_learnt(is_right[:, order]), never_learnt(is_right))


@settings(deadline=None)
@given(P_GOLD)
def test_reversing_epochs_negates_forgetfulness(p_gold) -> None:
    backwards = forgetfulness(np.ascontiguousarray(p_gold[:, ::-1]))
    np.testing.assert_allclose(backwards, -forgetfulness(p_gold), rtol=0, atol=1e-14)


@settings(deadline=None)
@given(IS_RIGHT)
def test_reversing_epochs_turns_forgetting_into_learning_events(is_right) -> None:
    learning = (~is_right[:, :-1] & is_right[:, 1:]).sum(1)
    assert np.array_equal(forgetting_events(is_right[:, ::-1]), learning)


@settings(deadline=None)
@given(P_GOLD, st.randoms(use_true_random=False))
@pytest.mark.parametrize("statistic", OF_P_GOLD)
def test_an_example_has_its_score_wherever_it_stands(statistic, p_gold, random) -> None:
    order = random.sample(range(len(p_gold)), len(p_gold))
    assert np.array_equal(statistic(p_gold[order]), statistic(p_gold)[order])


@pytest.mark.parametrize("statistic", OF_P_GOLD)
def test_memory_layout_changes_no_bit(statistic) -> None:
    p_gold = np.random.default_rng(2).random((50, 10), dtype=np.float32)
    assert np.array_equal(statistic(np.asfortranarray(p_gold)), statistic(p_gold))


@pytest.mark.parametrize("level", [0.0, 0.1, 0.3, 1 / 3, 0.9, 1.0])
def test_a_constant_example_neither_varies_nor_is_forgotten(level) -> None:
    p_gold = np.full((3, 10), level, dtype=np.float32)
    np.testing.assert_array_equal(confidence(p_gold), np.float32(level))
    np.testing.assert_array_equal(variability(p_gold), 0)
    np.testing.assert_array_equal(forgetfulness(p_gold), 0)


def test_one_epoch_has_no_spread_no_slope_and_no_event() -> None:
    p_gold, is_right = np.array([[0.3], [0.9]]), np.array([[False], [True]])
    assert confidence(p_gold).tolist() == [0.3, 0.9]
    assert variability(p_gold).tolist() == forgetfulness(p_gold).tolist() == [0, 0]
    assert forgetting_events(is_right).tolist() == [0, 0]


def test_being_learnt_is_positive_and_being_forgotten_negative() -> None:
    learnt, forgotten = forgetfulness(np.array([[0.1, 0.5, 0.9], [0.9, 0.5, 0.1]]))
    assert learnt == pytest.approx(0.4)
    assert forgotten == pytest.approx(-0.4)


def test_never_learnt_tells_what_no_event_cannot() -> None:
    is_right = np.array([[False, False, False], [True, True, True], [True, False, True]])
    assert forgetting_events(is_right).tolist() == [0, 0, 1]
    assert never_learnt(is_right).tolist() == [True, False, False]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("statistic", OF_P_GOLD)
def test_kind_and_dtype_stay_and_torch_agrees_with_numpy(statistic, dtype) -> None:
    p_gold = np.random.default_rng(3).random((30, 10)).astype(dtype)
    by_numpy, by_torch = statistic(p_gold), statistic(torch.from_numpy(p_gold))
    assert isinstance(by_numpy, np.ndarray)
    assert isinstance(by_torch, torch.Tensor)
    assert by_numpy.dtype == by_torch.numpy().dtype == dtype
    np.testing.assert_allclose(by_torch.numpy(), by_numpy, rtol=0, atol=1e-7)


@settings(deadline=None)
@given(IS_RIGHT)
@pytest.mark.parametrize("statistic", [correctness, forgetting_events, never_learnt])
def test_of_right_and_wrong_torch_says_what_numpy_says(statistic, is_right) -> None:
    by_numpy, by_torch = statistic(is_right), statistic(torch.from_numpy(is_right))
    assert isinstance(by_torch, torch.Tensor)
    assert by_numpy.dtype == by_torch.numpy().dtype
    assert np.array_equal(by_torch.numpy(), by_numpy)


def test_float32_rows_are_summed_in_float64() -> None:
    p_gold = np.random.default_rng(4).random((40, 1_000), dtype=np.float32)
    exact = variability(p_gold.astype(np.float64))
    assert np.array_equal(variability(p_gold), exact.astype(np.float32))


def test_float32_tensors_are_summed_in_float64_too() -> None:
    """Ten thousand epochs of a tenth add up to a thousand: in float32 to 999.9."""
    p_gold = torch.rand(40, 10_000, generator=torch.Generator().manual_seed(4))
    wide = p_gold.double()
    for statistic in OF_P_GOLD:
        np.testing.assert_allclose(statistic(wide), statistic(wide.numpy()), rtol=1e-9, atol=1e-15)
        assert torch.equal(statistic(p_gold), statistic(wide).float())


@pytest.mark.gpu
@pytest.mark.parametrize("statistic", OF_P_GOLD)
def test_a_gpu_agrees_with_the_cpu(statistic) -> None:
    p_gold = torch.rand(1_000, 10)
    on_gpu = statistic(p_gold.cuda())
    assert on_gpu.device.type == "cuda"
    torch.testing.assert_close(on_gpu.cpu(), statistic(p_gold), rtol=0, atol=1e-7)


@pytest.mark.parametrize("as_kind", [np.asarray, torch.tensor])
@pytest.mark.parametrize(
    ("p_gold", "message"),
    [
        ([[0.1, float("nan")]], "`p_gold` must hold no NaN"),
        ([[0.1, 1.5]], r"`p_gold` must lie in \[0, 1\], got 0.1 to 1.5; pass the softmax"),
        ([[-0.1, 0.5]], r"`p_gold` must lie in \[0, 1\], got -0.1 to 0.5"),
        ([[0.1, float("inf")]], r"`p_gold` must lie in \[0, 1\], got 0.1 to inf"),
    ],
)
@pytest.mark.parametrize("statistic", OF_P_GOLD)
def test_what_is_no_probability_is_refused(statistic, p_gold, message, as_kind) -> None:
    with pytest.raises(ValueError, match=message):
        statistic(as_kind(p_gold))


@pytest.mark.parametrize("shape", [(3, 0), (0, 3)])
def test_no_epochs_and_no_examples_are_refused(shape) -> None:
    for statistic in OF_P_GOLD:
        with pytest.raises(ValueError, match=r"`p_gold` must have shape \(N, E\) with at least"):
            statistic(np.zeros(shape))
    for statistic in (correctness, forgetting_events, never_learnt):
        with pytest.raises(ValueError, match=r"`is_right` must have shape \(N, E\) with at least"):
            statistic(np.zeros(shape, dtype=bool))


# Tests check shapes and kinds at every call, so what a user meets is called directly.


@pytest.mark.parametrize("shape", [(5,), (5, 2, 1)])
def test_one_dimension_and_three_are_refused(shape) -> None:
    with pytest.raises(ValueError, match=r"must have shape \(N, E\).*got \(5,"):
        dynamics._checked_wide(np.zeros(shape))


@pytest.mark.parametrize("as_kind", [np.asarray, torch.tensor])
@pytest.mark.parametrize("values", [[[0, 1]], [[False, True]]])
def test_whole_numbers_are_refused_since_they_would_round_the_result(values, as_kind) -> None:
    with pytest.raises(TypeError, match="`p_gold` must be floating, got .*; pass probabilities"):
        dynamics._checked_wide(as_kind(values))


def test_right_or_wrong_must_be_boolean() -> None:
    for is_right in (np.ones((2, 2)), torch.ones(2, 2)):
        with pytest.raises(TypeError, match="`is_right` must be boolean, got .*float"):
            dynamics.check_is_right(is_right)
