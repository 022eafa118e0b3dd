"""The paper's students together, counted by hand."""

import pytest

from benchmarks.measuring import Comparison
from benchmarks.whole_paper import PAPER, n_runs, n_steps, whole_paper

# Steps an epoch of 33 %, and of 1, 5, 10, 25, 55 and 100 %, at 32 images each.
OF_40_000 = 413, 13 + 63 + 125 + 313 + 688 + 1_250
OF_48_000 = 495, 15 + 75 + 150 + 375 + 825 + 1_500


def _line(baseline_name: str, ours: list[float], baseline: list[float]) -> Comparison:
    return Comparison(
        section="Students", what="a step", unit="ms", ours=ours,
        baseline_name=baseline_name, baseline=baseline, floor=0.5, floor_from="made",
    )  # fmt: skip


def test_the_paper_has_435_students_on_25_and_14_subsets() -> None:
    assert [len(part.sizes()) for part in PAPER] == [25, 14, 14]
    assert n_runs() == 3 * (3 * 25 + 3 * 14 + 2 * 14)


@pytest.mark.parametrize("family", ["mobilenet", "efficientnet"])
def test_steps_are_ten_epochs_of_three_seeds(family: str) -> None:
    an_epoch = 19 * OF_40_000[0] + OF_40_000[1] + 8 * OF_40_000[0] + OF_40_000[1]
    if family != "efficientnet":
        an_epoch += 8 * OF_48_000[0] + OF_48_000[1]
    assert n_steps(family) == 30 * an_epoch


def test_hours_are_each_familys_steps_times_its_own_step() -> None:
    lines = [
        _line(f"({letter}) a loop, of {i}", [ms, 2 * ms], [factor * ms, 4 * factor * ms])
        for i, ms in enumerate([1.0, 2.0, 4.0])
        for letter, factor in (("a", 10), ("b", 5))
    ]
    beside_a, beside_b = (whole_paper(lines, f"({letter})") for letter in "ab")
    steps = n_steps("mobilenet") + 2 * n_steps("resnet") + 4 * n_steps("efficientnet")
    assert beside_a.ours == pytest.approx([steps / 3.6e6, 2 * steps / 3.6e6])
    assert beside_a.ratios == pytest.approx([10.0, 20.0])
    assert beside_b.ratios == pytest.approx([5.0, 10.0])
    assert beside_a.floor == pytest.approx(0.5 * 1_858_950 / 3.6e6)
    assert [line.baseline_name for line in (beside_a, beside_b)] == ["(a) a loop", "(b) a loop"]


def test_without_a_students_line_there_is_no_sum() -> None:
    two = [_line("(a) a loop", [1.0], [2.0]), _line("(a) a loop", [1.0], [2.0])]
    with pytest.raises(ValueError, match="shorter"):
        whole_paper(two, "(a)")
