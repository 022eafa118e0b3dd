"""What every way of training is timed on: CIFAR-10's shape, the paper's teacher and students."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from carto_helpers import data, models
from carto_helpers.engine import choose_engine
from carto_helpers.images.image_set import ImageSet
from carto_helpers.runs.starts import Start, initialise
from carto_helpers.training import TrainingData, predict

STUDENTS = ("mobilenet", "resnet", "efficientnet")
SHAPE = (3, 32, 32)
N_CLASSES = 10
N_TRAIN = 40_000
SUBSET_SIZE = 13_200
BATCH_SIZE = 32
EPOCHS = 10
STEPS_A_STUDENT = EPOCHS * -(-SUBSET_SIZE // BATCH_SIZE)


@dataclass(frozen=True, kw_only=True)
class Material:
    """Images of a training split, the teacher and its logits."""

    images: ImageSet
    teacher: nn.Module
    teacher_logits: Tensor


def images_name(data_root: Path | None) -> str:
    """Return what `prepare` takes its images from."""
    return "noise of CIFAR-10's shape" if data_root is None else "CIFAR-10"


def prepare(data_root: Path | None, n_images: int, device: str) -> Material:
    """Return `n_images` images, CIFAR-10's where its folder is given, else noise of its shape.

    No time depends on what the images show. The teacher is a ResNet-50 that nothing has trained.
    """
    if data_root is None:
        draw = torch.Generator().manual_seed(0)
        pixels = torch.randint(256, (n_images, *SHAPE), generator=draw, dtype=torch.uint8)
        labels = torch.randint(N_CLASSES, (n_images,), generator=draw)
        classes = tuple(str(label) for label in range(N_CLASSES))
    else:
        train = data.load("cifar10", data_root).train
        pixels, labels, classes = train.images[:n_images], train.labels[:n_images], train.classes
    images = ImageSet(name="cifar10", images=pixels, labels=labels, classes=classes)
    spec = models.resolve("resnet", role="teacher")
    teacher = initialise(spec, Start(label="scratch"), images, seed=0)
    engine = choose_engine(spec.name, device)
    resident = TrainingData(pixels, labels, engine)
    logits = predict(teacher.to(engine.device), resident, engine).half().cpu()
    return Material(images=images, teacher=teacher.cpu(), teacher_logits=logits)


def student(family: str, images: ImageSet, seed: int = 0) -> nn.Module:
    """Return a new student of one family."""
    spec = models.resolve(family, role="student")
    return initialise(spec, Start(label="scratch"), images, seed=seed)
