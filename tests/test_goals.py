"""Whether figures meet what was set beforehand."""

import pytest

from benchmarks.goals import GOALS, Line, rows
from benchmarks.measuring import Comparison


def _line(what: str, ours: list[float], device: str = "made", **more: object) -> Line:
    line = Comparison(section="made", what=what, unit="ms", ours=ours, **more)  # type: ignore[arg-type]
    return {"device": device}, line


def _said(asked: str, on_cpu: list[Line], on_gpu: list[Line]) -> tuple[str, ...]:
    """Return goal, figures and verdict."""
    [found] = [row[1:4] for row in rows(on_cpu, on_gpu) if row[0] == asked]
    return found


STEP = "resnet18, a step, against (a)"


@pytest.mark.parametrize(
    ("baseline", "verdict"), [([3.4, 3.4, 9.0], "met"), ([3.3, 3.3, 9.0], "**missed**")]
)
def test_the_median_decides(baseline: list[float], verdict: str) -> None:
    line = _line("resnet18, one step", [2.0, 2.0, 2.0], baseline=baseline, baseline_name="(a) a")
    goal, seen, said = _said(STEP, [line], [])
    assert (goal, said) == ("at least 1.7×", verdict)
    assert seen.endswith("–4.5)×")


def test_another_baseline_or_device_says_nothing() -> None:
    line = _line("resnet18, one step", [2.0], baseline=[9.0], baseline_name="(b) b")
    other = _line("resnet18, one step", [2.0], baseline=[9.0], baseline_name="(a) a")
    assert _said(STEP, [line], [other]) == ("at least 1.7×", "–", "not measured")


def test_of_several_lines_the_worst_counts() -> None:
    stacks = [
        _line(f"stack of 4: {name}", [1.0], baseline=[ratio], baseline_name="the bound")
        for name, ratio in (("a", 1.5), ("b", 0.9))
    ]
    assert _said("bound over peak memory, stacks", stacks, [])[1:] == ("0.9×", "**missed**")


def test_the_machine_is_that_of_the_line_that_counts() -> None:
    lines = [
        _line(f"stack of 4: {device}", [1.0], device, baseline=[ratio], baseline_name="the bound")
        for device, ratio in (("one", 1.5), ("other", 1.2))
    ]
    lines += [_line(f"ranking, N = {n}", [float(n)], "third") for n in (10, 100)]
    machines = {row[0]: row[4] for row in rows(lines, []) if row[4]}
    assert machines == {
        "bound over peak memory, stacks": "other",
        "ranking: grows as N to the power": "third",
    }


def test_a_share_is_the_floor_over_ours() -> None:
    line = _line("one pass, an epoch in one piece, N = 10,000,000", [4.0], floor=2.0)
    asked = "statistics of ten million, share of the fastest copy's rate"
    assert _said(asked, [line], [])[1:] == ("0.5", "met")


def test_what_has_no_goal_has_no_verdict() -> None:
    line = _line("ResNet-50, 6400 images", [2.0], baseline=[9.0])
    assert _said("GPU: recording beside training", [], [line]) == ("none", "4.5×", "–")


def test_a_line_without_a_floor_says_nothing_of_a_share() -> None:
    line = _line("one pass, an epoch in one piece, N = 10,000,000", [4.0])
    asked = "statistics of ten million, share of the fastest copy's rate"
    assert _said(asked, [line], [])[1:] == ("–", "not measured")


@pytest.mark.parametrize(("seconds", "verdict"), [(10.5, "met"), (20.0, "**missed**")])
def test_growth_is_held_against_proportion(seconds: float, verdict: str) -> None:
    """What is computed is no measurement of its own."""
    lines = [
        _line("ranking, N = 1,000", [1.0]),
        _line("ranking, N = 10,000", [seconds]),
        _line("ranking, N = 100,000,000, computed", [9e9]),
    ]
    assert _said("ranking: grows as N to the power", lines, [])[2] == verdict


def test_without_any_figure_every_goal_is_named() -> None:
    found = list(rows([], []))
    assert len(found) == len(GOALS)
    assert {row[3] for row in found} == {"not measured"}
