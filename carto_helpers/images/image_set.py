"""Labelled images in memory: one tensor a split, and a fingerprint of what they hold."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Int64, UInt8
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """One split of a dataset, whole and undivided: every index elsewhere is a position in it.

    Attributes
    ----------
    name
        What the dataset is called; no part of the fingerprint.
    images
        Shape (N, C, H, W), at native size: C is 1 (greyscale) or 3 (RGB).
    labels
        Shape (N,), in 0 … len(classes) − 1.
    classes
        The classes' names, by label.
    files
        Where each image came from, under the data set's folder, or () where they were no files; no
        part of the fingerprint.

    Raises
    ------
    ValueError
        If there is no image, there are fewer than two classes, there are more or fewer labels than
        images, a label is none of the classes', or there are files for some images only.
    """

    name: str
    images: UInt8[Tensor, "N C H W"]
    labels: Int64[Tensor, "N"]
    classes: tuple[str, ...]
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the number of images and classes and the range of the labels."""
        if len(self.images) < 1:
            raise ValueError(f"{self.name} must hold at least one image, got none; add some")
        if self.n_classes < 2:
            raise ValueError(
                f"{self.name} must have at least 2 classes, got {list(self.classes)}; add another"
            )
        if self.labels.shape != (len(self.images),):
            raise ValueError(
                f"each image must have one label, got {len(self.images)} images and labels of "
                f"{tuple(self.labels.shape)} in {self.name}; give each image its own"
            )
        lowest, highest = int(self.labels.min()), int(self.labels.max())
        if lowest < 0 or highest >= self.n_classes:
            raise ValueError(
                f"labels must lie in 0 … {self.n_classes - 1}, got {lowest} … {highest} in "
                f"{self.name}; number the {self.n_classes} classes from 0"
            )

        if self.files and len(self.files) != len(self.images):
            raise ValueError(
                f"`files` must name each of the {len(self.images)} images of {self.name}, got "
                f"{len(self.files)} names; leave them out"
            )

    def __len__(self) -> int:
        """Return the number of images N."""
        return len(self.images)

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    @property
    def n_channels(self) -> int:
        """The number of channels, 1 or 3."""
        return self.images.shape[1]

    @property
    def height(self) -> int:
        """The images' height in pixels."""
        return self.images.shape[2]

    @property
    def width(self) -> int:
        """The images' width in pixels."""
        return self.images.shape[3]

    @cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of the SHA-256 of shape, classes, pixels and labels.

        Neither the name nor the place counts, the order does: another order of the same images is
        another fingerprint, because positions then mean other images.
        """
        header = json.dumps({"shape": list(self.images.shape), "classes": list(self.classes)})
        digest = hashlib.sha256(header.encode())
        digest.update(self.images.cpu().contiguous().numpy().data)
        digest.update(self.labels.cpu().contiguous().numpy().astype("<i8").data)
        return digest.hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The training images, from which the validation split is taken, and the test images.

    Attributes
    ----------
    train
        The training images, behind them the `n_validation` of a validation split of one's own.
    test
        The test images.
    n_validation
        How many at the end of `train` are for validation; 0: a seeded fifth of all is.

    Raises
    ------
    ValueError
        If the two differ in classes or in the images' shape, or all of `train` is for validation.
    """

    train: ImageSet
    test: ImageSet
    n_validation: int = 0

    def __post_init__(self) -> None:
        """Check that both parts are of one kind."""
        train, test = (
            (part.classes, tuple(part.images.shape[1:])) for part in (self.train, self.test)
        )
        if train != test:
            raise ValueError(
                "training and test images must share classes and shape, got "
                f"{len(train[0])} classes and {train[1]}, {len(test[0])} classes and {test[1]}; "
                "number the classes alike and bring the images to one size"
            )
        if not 0 <= self.n_validation < len(self.train) - 1:
            raise ValueError(
                "a validation split must leave at least 2 training images, got "
                f"{self.n_validation} of {len(self.train)} for it; pass fewer"
            )

    @property
    def name(self) -> str:
        """What the dataset is called."""
        return self.train.name

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names, by label."""
        return self.train.classes

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of the SHA-256 of both parts' fingerprints.

        A validation split of one's own counts too: other positions are then trained on.
        """
        both = self.train.fingerprint + self.test.fingerprint
        if self.n_validation:
            both += f"+{self.n_validation}"
        return hashlib.sha256(both.encode()).hexdigest()[:16]
