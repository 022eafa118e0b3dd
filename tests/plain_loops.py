"""The plain loop that the paper's students are compared with, and photographs to train on."""

import io
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from carto_helpers import models
from carto_helpers.config import Recipe
from carto_helpers.engine import Engine
from carto_helpers.records import Results
from carto_helpers.training import Training, TrainingData, stream

STUDENTS = ["resnet18", "mobilenetv2_035", "tf_efficientnet_b0"]
EXACT = Engine(dtype="float64")
BOOK = Path(__file__).parents[1] / "book" / "results"
TEACHER = "df2059330d22b508"  # a ResNet-50 of CIFAR-10


def plain_step(
    network: nn.Module, adam: torch.optim.Optimizer, data: TrainingData, at: Tensor, r: Recipe
) -> float:
    """Take one step as the paper's recipe says, written out; return its loss."""
    logits = network(data.pixels(at))
    teacher = data.teacher(at)
    assert teacher is not None
    hard = nn.functional.cross_entropy(logits, data.labels[at])
    soft = nn.functional.kl_div(
        torch.log_softmax(logits / r.temperature, 1),
        torch.softmax(teacher / r.temperature, 1),
        reduction="batchmean",
    )
    loss = r.hard_weight * hard + (1 - r.hard_weight) * r.temperature**2 * soft
    adam.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(network.parameters(), r.clip_norm)
    adam.step()
    return float(loss.detach())


def made_network(name: str, seed: int, n_channels: int = 3) -> nn.Module:
    """Return a student of ten classes, its weights from `seed` alone."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        spec = models.resolve(name, role="student")
        return models.create(spec, n_classes=10, n_channels=n_channels)


@cache
def photographs(engine: Engine = EXACT) -> TrainingData:
    """Return 2,500 images of CIFAR-10, with gold labels and the recorded logits of a teacher.

    They are the lossy thumbnails of the book, which everyone has.
    """
    results = Results(BOOK)
    record, row = results.dynamics(TEACHER), results.teacher(TEACHER)
    shown = results.thumbnails(row["dataset"], row["fingerprint"])
    at = np.flatnonzero(np.isin(record.index, list(shown)))
    files = [shown[index] for index in record.index[at].tolist()]
    pixels = np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    labels, logits = torch.from_numpy(record.labels[at]), results.logits(TEACHER)[at]
    return TrainingData(images, labels, engine, logits)


def drawn_batches(index: np.ndarray, seed: int) -> tuple[Tensor, ...]:
    """Return the first epoch's batches of 32 of a training with that seed."""
    drawn = torch.Generator().manual_seed(stream(seed, "batches"))
    return torch.from_numpy(index)[torch.randperm(len(index), generator=drawn)].split(32)


class PlainLoop:
    """A student trained on photographs, in float64 and contiguous unless said otherwise."""

    def __init__(
        self,
        name: str,
        recipe: Recipe,
        seed: int,
        *,
        layout: torch.memory_format = torch.contiguous_format,
        engine: Engine = EXACT,
    ) -> None:
        self._data = photographs(engine)
        network = made_network(name, seed).to(engine.torch_dtype)
        self.network = network.train().to(memory_format=layout)
        self._adam = torch.optim.Adam(self.network.parameters(), lr=recipe.learning_rate)
        self._recipe = recipe
        self._masks = torch.Generator().manual_seed(stream(seed, "weights")).get_state()

    def step(self, batch: Tensor) -> float:
        """Take one step, its masks of dropout from the loop's own stream; return its loss."""
        with torch.random.fork_rng([]):
            torch.set_rng_state(self._masks)
            loss = plain_step(self.network, self._adam, self._data, batch, self._recipe)
            self._masks = torch.get_rng_state()
        return loss


class Watched(Training):
    """A training that keeps every step's loss."""

    def end_epoch(self, losses: Tensor) -> float:
        self.losses = [*getattr(self, "losses", []), *losses.tolist()]
        return super().end_epoch(losses)
