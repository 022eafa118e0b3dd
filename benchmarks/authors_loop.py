"""Baseline (a): the loop of the authors' public code, Lightning with a DataLoader.

Images come one by one as PIL images through `ToTensor` and `Normalize`; the teacher runs on every
batch; Adam and clipping are Lightning's. Logging, bars and checkpoints are off.
"""

import logging
import time
import warnings
from functools import partial
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from benchmarks.material import Material, student
from benchmarks.measuring import fastest
from carto_helpers.config import Recipe
from carto_helpers.networks.torchvision_trap import prepare_torchvision

prepare_torchvision()  # before Lightning, which imports torchvision
import pytorch_lightning as lightning  # noqa: E402
from torchvision import transforms  # noqa: E402

WORKERS = (0, 1, 2)
N_WARM_UP = 20
N_TRIED = 30  # steps


class PilImages(Dataset[tuple[Tensor, int]]):
    """Images as torchvision's CIFAR10 gives them: PIL, transformed one by one."""

    def __init__(self, material: Material) -> None:
        self._pixels = material.images.images.permute(0, 2, 3, 1).contiguous().numpy()
        self._labels = material.images.labels.tolist()
        self._transform = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
        )

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self._labels)

    def __getitem__(self, at: int) -> tuple[Tensor, int]:
        """Return one image, normalised, and its label."""
        return self._transform(Image.fromarray(self._pixels[at])), self._labels[at]


class Distillation(lightning.LightningModule):
    """A student that learns from a live teacher."""

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        self.student, self.teacher = student, teacher.eval()

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Return the loss of one batch, as the authors' code computes it at T = 1, α = 0.5."""
        images, labels = batch
        with torch.no_grad():
            soft_targets = functional.softmax(self.teacher(images), dim=1)
        logits = self.student(images)
        soft = functional.kl_div(
            functional.log_softmax(logits, dim=1), soft_targets, reduction="batchmean"
        )
        return 0.5 * soft + 0.5 * functional.cross_entropy(logits, labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the authors' Adam."""
        return torch.optim.Adam(self.student.parameters(), lr=Recipe().learning_rate)


class Clock(lightning.Callback):
    """Seconds from the end of the warm-up to the last step."""

    seconds = 0.0
    _started = 0.0

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        """Take the time after the last step of the warm-up, and after the last of all.

        Only then is the device waited for: the loop is not slowed by its clock.
        """
        if trainer.global_step not in (N_WARM_UP, trainer.max_steps):
            return
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if trainer.global_step == N_WARM_UP:
            self._started = time.perf_counter()
        self.seconds = time.perf_counter() - self._started


def seconds(material: Material, family: str, device: str, *, n_steps: int, n_workers: int) -> float:
    """Return how long `n_steps` steps take after the warm-up, on one device."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    loader = DataLoader(
        PilImages(material),
        batch_size=Recipe().batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=n_workers,
        persistent_workers=n_workers > 0,
        pin_memory=device.startswith("cuda"),
    )
    clock = Clock()
    kind, _, number = device.partition(":")
    trainer = lightning.Trainer(
        accelerator=kind,
        devices=[int(number or 0)] if kind == "cuda" else 1,
        max_steps=N_WARM_UP + n_steps,
        gradient_clip_val=Recipe().clip_norm,
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        callbacks=[clock],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # advice on workers, which are what is being compared
        trainer.fit(Distillation(student(family, material.images), material.teacher), loader)
    if trainer.global_step < trainer.max_steps:
        raise RuntimeError(f"expected {trainer.max_steps} steps, got {trainer.global_step}")
    return clock.seconds


def best_workers(material: Material, family: str, device: str, n_repeats: int) -> int:
    """Return the number of DataLoader workers with which the loop is fastest here."""
    loop = partial(seconds, material, family, device, n_steps=N_TRIED)
    return fastest(n_repeats, {n: partial(loop, n_workers=n) for n in WORKERS})
