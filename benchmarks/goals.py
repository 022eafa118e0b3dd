"""What was set beforehand, and whether the newest figures meet it."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.growth import exponent
from benchmarks.measuring import Comparison, spread

Figures = Callable[[Comparison], Sequence[float]]
Line = tuple[dict[str, str], Comparison]  # with its machine's facts
LINEAR = 1.1  # N to the power of that at most; N log N has 1.07 from one million to ten


def _ratios(line: Comparison) -> Sequence[float]:
    return line.ratios


def _ours(line: Comparison) -> Sequence[float]:
    return line.ours


def _minutes(line: Comparison) -> Sequence[float]:
    return [60 * hours for hours in line.ours]


def _share(line: Comparison) -> Sequence[float]:
    """Return the share of the floor's rate."""
    return [line.floor / ours for ours in line.ours] if line.floor else []


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A figure of some lines, and the least or the most that it is to be in each.

    `what` and `baseline` are how the lines' names begin; lines of a GPU are told by `on_gpu`.
    """

    asked: str
    what: str
    figures: Figures
    unit: str = "×"
    baseline: str = ""
    least: float = float("-inf")
    most: float = float("inf")
    on_gpu: bool = False

    @property
    def limit(self) -> str:
        """The goal in words."""
        if self._is_open:
            return "none"
        bound = self.least if self._is_least else self.most
        return f"at {'least' if self._is_least else 'most'} {bound:g}{self.unit}"

    @property
    def _is_least(self) -> bool:
        return self.least > float("-inf")

    @property
    def _is_open(self) -> bool:
        return not self._is_least and self.most == float("inf")

    def of(self, lines: Sequence[Line]) -> tuple[str, str, str]:
        """Return what is seen (of several lines the worst), its median's verdict, and where."""
        found = [
            (figures, facts)
            for facts, line in lines
            if line.what.startswith(self.what) and line.baseline_name.startswith(self.baseline)
            if (figures := self.figures(line))
        ]
        if not found:
            return "–", "not measured", ""
        choose = min if self._is_least else max
        worst, facts = choose(found, key=lambda pair: statistics.median(pair[0]))
        is_met = self.least <= statistics.median(worst) <= self.most
        verdict = "–" if self._is_open else "met" if is_met else "**missed**"
        return f"{spread(worst)}{self.unit}", verdict, facts["device"]


_MILLIONS = "N = 10,000,000"
GOALS = (
    *(
        Goal(
            asked=f"{name}, a step, against (a)", what=f"{name}, one step", baseline="(a)",
            figures=_ratios, least=least,
        )
        for name, least in (("mobilenetv2_035", 6), ("resnet18", 1.7), ("tf_efficientnet_b0", 5))
    ),
    Goal(asked="recording beside training, ResNet-50", what="ResNet-50", figures=_ratios,
         least=3.3),
    Goal(asked="a training step of ResNet-18 beside an update of the recorder", what="one update",
         baseline="a training step", figures=_ratios, least=100),
    Goal(asked="statistics of ten million, share of the fastest copy's rate",
         what=f"one pass, an epoch in one piece, {_MILLIONS}", figures=_share, least=0.5, unit=""),
    Goal(asked="the same, an example in one piece",
         what=f"one pass, an example in one piece, {_MILLIONS}", figures=_share, least=0.5,
         unit=""),
    *(
        Goal(asked=f"memory of the statistics beyond input and results, {layout}",
             what=f"one pass, {layout}, 10,000,000 examples: memory", figures=_ours, most=0.1,
             unit=" of the input")
        for layout in ("an epoch in one piece", "an example in one piece")
    ),
    Goal(asked="streamed statistics, furthest from the one pass",
         what="streamed epoch by epoch, 10,000,000 examples: furthest", figures=_ours, most=1e-6,
         unit=""),
    *(
        Goal(asked=f"{what} of ten million", what=f"{what}, {_MILLIONS}", figures=_ours, most=most,
             unit=" s")
        for what, most in (
            ("ranking, low confidence", 2), ("ranking, low correctness", 2),
            ("mix of three regions", 2), ("three regions", 6),
        )
    ),
    Goal(asked="three regions of ten million, against the queries of a tree that is there",
         what=f"three regions, {_MILLIONS}", baseline="scikit-learn KDTree, the three queries",
         figures=_ratios, least=20),
    Goal(asked="the same, against a tree that is built first",
         what=f"three regions, {_MILLIONS}", baseline="scikit-learn KDTree, built",
         figures=_ratios, least=20),
    *(
        Goal(asked=f"bound over peak memory, {who}", what=what, baseline="the bound",
             figures=_ratios, least=1)
        for who, what in (
            ("mobilenetv2_035", "mobilenetv2_035"), ("resnet18", "resnet18"),
            ("tf_efficientnet_b0", "tf_efficientnet_b0"), ("stacks", "stack of"),
        )
    ),
    Goal(asked="GPU: the paper's students", what="the paper's", figures=_minutes, most=10,
         unit=" min", on_gpu=True),
    Goal(asked="GPU: the same, against (b)", what="the paper's", baseline="(b)", figures=_ratios,
         least=20, on_gpu=True),
    Goal(asked="GPU: recording beside training", what="ResNet-50", figures=_ratios, on_gpu=True),
    Goal(asked="GPU: bound over peak memory, stacks", what="stack of", baseline="the bound",
         figures=_ratios, least=1, on_gpu=True),
)  # fmt: skip


def rows(on_cpu: Sequence[Line], on_gpu: Sequence[Line]) -> Iterator[tuple[str, ...]]:
    """Yield what was asked, the goal, what is seen, the verdict and the machine."""
    for goal in GOALS:
        yield goal.asked, goal.limit, *goal.of(on_gpu if goal.on_gpu else on_cpu)
    for (what, device), by_size in _by_size(on_cpu).items():
        power = exponent(by_size)
        verdict = "met" if power <= LINEAR else "**missed**"
        asked = f"{what}: grows as N to the power"
        yield asked, f"at most {LINEAR}", f"{power:.2f}", verdict, device


def _by_size(lines: Sequence[Line]) -> dict[tuple[str, str], Mapping[int, Sequence[float]]]:
    """Return seconds by number of examples, of what a machine measured at several."""
    found: dict[tuple[str, str], dict[int, Sequence[float]]] = {}
    for facts, line in lines:
        what, _, size = line.what.partition(", N = ")
        if size and not size.endswith(", computed"):
            by_size = found.setdefault((what, facts["device"]), {})
            by_size[int(size.replace(",", ""))] = line.ours
    return {key: by_size for key, by_size in found.items() if len(by_size) > 1}
