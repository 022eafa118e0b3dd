"""All statistics in one pass and epoch by epoch: equal to each of them alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from carto_helpers import dynamics, scoring
from carto_helpers.scoring import StreamingDynamics, scores
from carto_helpers.selection import METRICS

OF_P_GOLD = (dynamics.confidence, dynamics.variability, dynamics.forgetfulness)
p_golds = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 40), st.integers(1, 12)),
    elements=st.floats(0, 1, width=32),
)


def made_dynamics(n: int, e: int, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    return draw.random((n, e), dtype=np.float32), draw.random((n, e)) < 0.5


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n", [1, 7, 25, 64])
def test_one_pass_gives_the_four_statistics_to_the_bit(
    n: int, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "_BLOCK", 7)  # several threads and blocks, the last one shorter
    p_gold, is_right = (np.asarray(a, order=order) for a in made_dynamics(n, 10))
    found, wide = scores(p_gold, is_right), p_gold.astype(np.float64)
    assert tuple(found) == METRICS
    assert {score.dtype for score in found.values()} == {np.dtype(np.float64)}
    for statistic in OF_P_GOLD:
        assert np.array_equal(found[statistic.__name__], statistic(wide))
    assert np.array_equal(found["correctness"], is_right.mean(axis=1))


@given(p_golds)
def test_one_pass_agrees_for_any_dynamics(p_gold: np.ndarray) -> None:
    found = scores(p_gold, p_gold > 0.5)
    for statistic in OF_P_GOLD:
        assert np.array_equal(found[statistic.__name__], statistic(p_gold.astype(np.float64)))


def test_more_epochs_than_a_byte_counts_are_counted() -> None:
    p_gold, is_right = np.full((2, 300), 0.5), np.ones((2, 300), dtype=bool)
    assert scores(p_gold, is_right)["correctness"].tolist() == [1.0, 1.0]


@given(p_golds)
def test_streaming_equals_the_batch_form(p_gold: np.ndarray) -> None:
    is_right = p_gold > 0.5
    stream = StreamingDynamics(len(p_gold))
    for epoch in range(p_gold.shape[1]):
        stream.update(p_gold[:, epoch], is_right[:, epoch])
    found = stream.scores()
    for name, expected in scores(p_gold, is_right).items():
        tolerance = 1e-7 if name == "variability" else 1e-12  # a root magnifies what is near 0
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=tolerance)
    assert np.array_equal(found["forgetting_events"], dynamics.forgetting_events(is_right))


def test_streaming_on_several_threads_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    p_gold, is_right = made_dynamics(50, 9)

    def found() -> dict[str, np.ndarray]:
        stream = StreamingDynamics(50)
        for epoch in range(9):
            stream.update(p_gold[:, epoch], is_right[:, epoch])
        return stream.scores()

    whole = found()
    monkeypatch.setattr(scoring, "_BLOCK", 7)
    assert all(np.array_equal(whole[name], score) for name, score in found().items())


def test_streaming_stays_exact_over_many_epochs_and_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scoring, "_BLOCK", 64)
    p_gold, is_right = made_dynamics(150, 500)
    stream = StreamingDynamics(150)
    for epoch in range(500):
        stream.update(p_gold[:, epoch], is_right[:, epoch])
    found = stream.scores()
    for name, expected in scores(p_gold, is_right).items():
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=1e-12)


def test_no_epoch_has_no_statistics() -> None:
    with pytest.raises(ValueError, match="need at least one epoch, got none"):
        StreamingDynamics(3).scores()


def test_no_example_is_refused() -> None:
    with pytest.raises(ValueError, match="`n_examples` must be at least 1, got 0"):
        StreamingDynamics(0)


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5, np.nan], "must hold no NaN"),
        ([0.5, 1.5], r"must lie in \[0, 1\]"),
        ([0.5], r"must have shape \(2,\), got \(1,\)"),
    ],
)
def test_a_bad_epoch_leaves_the_stream_as_it_was(p: list[float], message: str) -> None:
    stream = StreamingDynamics(2)
    stream.update(np.array([0.2, 0.4]), np.array([True, False]))
    before = stream.scores()
    with pytest.raises(ValueError, match=message):
        stream.update(np.array(p), np.array([True] * len(p)))
    assert stream.n_epochs == 1
    assert all(np.array_equal(before[name], s) for name, s in stream.scores().items())


def test_bad_numbers_in_any_block_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "_BLOCK", 7)
    p_gold, is_right = made_dynamics(50, 3)
    p_gold[44, 1] = np.nan
    with pytest.raises(ValueError, match="`p_gold` must hold no NaN"):
        scores(p_gold, is_right)


def test_two_teachers_shapes_are_not_mixed() -> None:
    with pytest.raises(ValueError, match=r"must have one shape, got \(4, 3\) and \(4, 2\)"):
        scoring._check_same_shape(np.zeros((4, 3)), np.zeros((4, 2), dtype=bool))
