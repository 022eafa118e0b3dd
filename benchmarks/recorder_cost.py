"""What the recorder adds to a step of one's own loop, beside the step itself and other ways.

Steps and updates take turns in one run, on one thread.
"""

import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.measuring import Comparison
from carto_helpers import models
from carto_helpers.recorders.recorder import DynamicsRecorder
from carto_helpers.recording import epoch_quantities

BATCH_SIZE, SIZE, N_CLASSES = 32, 32, 10
N_EXAMPLES = 50_000
BLOCK = 32  # updates: the recorder reckons 1,024 examples at once
SECTION = "The recorder in a loop of one's own (the training pass: a variant, it costs no pass)"
STEP = "a training step of ResNet-18"
Way = Callable[[Tensor, Tensor, Tensor], None]


def measure(*, n_blocks: int, n_epochs: int) -> Iterator[Comparison]:
    """Yield what an update costs, and the end of an epoch, on the CPU."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            recorder = DynamicsRecorder(N_EXAMPLES, f"{folder}/steps", "training")
            yield from _steps(recorder, n_blocks)
            yield _epoch(folder, n_epochs)
    finally:
        torch.set_num_threads(before)


def _steps(recorder: DynamicsRecorder, n_blocks: int) -> Iterator[Comparison]:
    """Time a training step, the recorder's update, and two other ways, in turns."""
    step = ResNetStep()
    ways: dict[str, Way] = {
        "ours": lambda index, logits, labels: recorder.update(0, index, logits, labels),
        "a list of the six quantities, to be put in order later": KeepBatches(),
        "a dict of running sums by example, as the package aum keeps": KeepSums(),
    }
    seconds: dict[str, list[float]] = defaultdict(list)
    for at in range(-1, n_blocks):  # the first block warms up
        taken = [_block_step(step, ways, turn) for turn in range(BLOCK)]
        if at >= 0:
            for name in taken[0]:
                seconds[name].append(statistics.mean(one[name] for one in taken))
    ours = seconds.pop("ours")
    what = f"one update (mean of {BLOCK}), batch {BATCH_SIZE}, {N_CLASSES} classes"
    for name, values in seconds.items():
        yield _comparison(what, ours, name, values)


def _block_step(step: "ResNetStep", ways: dict[str, Way], turn: int) -> dict[str, float]:
    """Return the seconds of one step and of each way; they take turns in being the first after it.

    The first finds the caches full of the network.
    """
    index = torch.randperm(N_EXAMPLES)[:BATCH_SIZE]
    logits, labels, step_seconds = step()
    taken = {STEP: step_seconds}
    names = list(ways)
    for name in (*names[turn % len(names) :], *names[: turn % len(names)]):
        started = time.perf_counter()
        ways[name](index, logits, labels)
        taken[name] = time.perf_counter() - started
    return taken


def _epoch(folder: str, n: int) -> Comparison:
    """Time the end of an epoch: checks, one file flushed and renamed, the manifest."""
    recorder = DynamicsRecorder(N_EXAMPLES, f"{folder}/epochs")
    logits = torch.randn(N_EXAMPLES, N_CLASSES)
    labels = torch.randint(0, N_CLASSES, (N_EXAMPLES,))
    ours, plain = [], []
    for epoch in range(n):
        recorder.update(epoch, range(N_EXAMPLES), logits, labels)
        started = time.perf_counter()
        recorder.end_epoch()
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        torch.save(logits, f"{folder}/logits.pt")
        plain.append(time.perf_counter() - started)
    what = f"the end of an epoch, {N_EXAMPLES:,} examples"
    return _comparison(what, ours, "torch.save of the epoch's logits, unchecked", plain)


class ResNetStep:
    """One step of the paper's student on made images: forward, backward, Adam."""

    def __init__(self) -> None:
        spec = models.resolve("resnet", role="student")
        self.network: nn.Module = models.create(spec, n_classes=N_CLASSES, n_channels=3)
        self.optimiser = torch.optim.Adam(self.network.parameters(), fused=True)
        self.images = torch.randn(BATCH_SIZE, 3, SIZE, SIZE)
        self.labels = torch.randint(0, N_CLASSES, (BATCH_SIZE,))

    def __call__(self) -> tuple[Tensor, Tensor, float]:
        """Return logits, labels and the seconds taken."""
        started = time.perf_counter()
        logits = self.network(self.images)
        self.optimiser.zero_grad()
        functional.cross_entropy(logits, self.labels).backward()
        self.optimiser.step()
        return logits, self.labels, time.perf_counter() - started


class KeepBatches:
    """Baseline: the same quantities, appended to a list."""

    def __init__(self) -> None:
        self.kept: list[tuple[Tensor, dict[str, Tensor]]] = []

    def __call__(self, index: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Keep one batch."""
        self.kept.append((index, epoch_quantities(logits.detach(), labels)))


class KeepSums:
    """Baseline: the margin's running sum of each example in a dict."""

    def __init__(self) -> None:
        self.sums: dict[int, float] = defaultdict(float)

    def __call__(self, index: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add one batch."""
        gold = logits.gather(1, labels[:, None])[:, 0]
        others = logits.scatter(1, labels[:, None], -torch.inf).amax(1)
        for at, margin in zip(index.tolist(), (gold - others).tolist(), strict=True):
            self.sums[at] += margin


def _comparison(what: str, ours: list[float], baseline: str, theirs: list[float]) -> Comparison:
    return Comparison(
        section=SECTION,
        what=what,
        unit="ms",
        ours=[1e3 * s for s in ours],
        baseline_name=baseline,
        baseline=[1e3 * s for s in theirs],
        note="no floor: a batch's kilobytes stay in the cache, an epoch's end waits for the disk",
    )
