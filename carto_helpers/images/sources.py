"""Images that are in memory or in somebody else's data set, as one of ours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from carto_helpers.images.decoding import Held, check_image_size, decode_images, scaled
from carto_helpers.images.image_set import Dataset, ImageSet
from carto_helpers.storage.plain_texts import short


@runtime_checkable
class Indexable(Protocol):
    """Anything of a known length whose examples are taken by position.

    A map-style `torch.utils.data.Dataset` is, and a split of Hugging Face's `datasets`.
    """

    def __len__(self) -> int:
        """Return the number of examples."""

    def __getitem__(self, index: int, /) -> Any:
        """Return one example."""


class _Part(NamedTuple):
    images: UInt8[Tensor, "N C H W"]
    labels: list[int]


def from_arrays(
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    validation: tuple[Any, Any] | None = None,
    *,
    classes: Sequence[str] = (),
    name: str = "images",
    image_size: int = 0,
) -> Dataset:
    """Make a dataset of arrays: images and labels of each part.

    Parameters
    ----------
    train, test, validation
        Images, uint8 of shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1 or 3, and their
        labels, whole numbers from 0. Without `validation` a seeded fifth of `train` is held out.
    classes
        The classes' names, by label; default: the numbers.
    name
        What to call the dataset.
    image_size
        0, or pixels a side that images are scaled and cut to, whatever each part's shape.

    Returns
    -------
    Dataset
        Of one's own: `write_images` makes it a folder that the phases and the command line take.

    Raises
    ------
    ValueError
        If images are not uint8 or of another shape, a part holds none, the parts differ in shape
        without `image_size`, or there is not one label an image, of a class that `train` has.

    Examples
    --------
    >>> pixels, labels = np.zeros((4, 8, 8), np.uint8), [0, 1, 0, 1]
    >>> from_arrays((pixels, labels), (pixels, labels)).train.images.shape
    torch.Size([4, 1, 8, 8])
    """
    check_image_size(image_size)
    parts = {}
    for part, pair in {"train": train, "validation": validation, "test": test}.items():
        if pair is not None:
            images = _channels_first(pair[0], part)
            parts[part] = _Part(images, _whole_numbers(pair[1], len(images), part))
    if image_size:
        held = [image for part, (images, _) in parts.items() for image in _held(images, part)]
        parts = _decoded(held, {part: p.labels for part, p in parts.items()}, name, image_size)
    return _dataset(parts, classes, name)


def from_dataset(
    train: Indexable,
    test: Indexable,
    validation: Indexable | None = None,
    *,
    classes: Sequence[str] = (),
    name: str = "images",
    image_size: int = 0,
    image: str = "image",
    label: str = "label",
) -> Dataset:
    """Make a dataset of PyTorch's map-style datasets, or of the splits of a Hugging Face dataset.

    Parameters
    ----------
    train, test, validation
        Have a length, and give an image and its label by position: a pair, or a mapping that holds
        both. Images are Pillow's, or uint8 arrays of (H, W) or (H, W, C), or uint8 tensors of
        (C, H, W), C = 1 or 3. Without `validation` a seeded fifth of `train` is held out. Where
        another part names its classes otherwise than `train`, its labels are taken by their names.
    classes
        The classes' names, by the labels of `train`; default: those that `train` names (`classes`,
        or the features of Hugging Face), else the numbers.
    name
        What to call the dataset.
    image_size
        0: the images share one size and one mode. Above 0: pixels a side that all are scaled and
        cut to, as `load` does.
    image, label
        Where a mapping holds the two.

    Returns
    -------
    Dataset
        Of one's own: `write_images` makes it a folder that the phases and the command line take.

    Raises
    ------
    TypeError
        If an example is neither a pair nor a mapping, or its image is of another kind.
    ValueError
        If a mapping lacks one of the two, a part holds no image, an image cannot be decoded or
        differs from the first, or labels are no whole numbers or of a class that `train` lacks.

    Examples
    --------
    >>> pairs = [(np.full((8, 8), 9, np.uint8), 0), (np.zeros((8, 8), np.uint8), 1)]
    >>> from_dataset(pairs, pairs, name="squares").train.classes
    ('0', '1')
    """
    check_image_size(image_size)
    names = _named_classes(train, label)
    held: list[Held] = []
    labels: dict[str, list[int]] = {}
    for part, examples in {"train": train, "validation": validation, "test": test}.items():
        if examples is not None:
            found = []
            for i in range(len(examples)):  # one by one: images of full size may exceed the memory
                pixels, number = _pair(examples[i], image, label, part)
                one = Held(f"image {i} of {part}", _as_image(pixels, part))
                held.append(scaled(one, image_size) if image_size else one)
                found.append(number)
            labels[part] = _whole_numbers(found, len(found), part)
            if names and (own := _named_classes(examples, label)) not in ((), names):
                labels[part] = numbers_by_name(labels[part], own, names, part)
    return _dataset(_decoded(held, labels, name, image_size), classes or names, name)


def _decoded(
    held: list[Held], labels: dict[str, list[int]], name: str, image_size: int
) -> dict[str, _Part]:
    """Return parts of images that follow each other, as many of each as there are labels."""
    images = decode_images(held, name, image_size=image_size)
    split = images.split([len(numbers) for numbers in labels.values()])
    return {part: _Part(split[i], numbers) for i, (part, numbers) in enumerate(labels.items())}


def _held(images: UInt8[Tensor, "N C H W"], part: str) -> list[Held]:
    return [Held(f"image {i} of {part}", image) for i, image in enumerate(to_images(images))]


def resized(dataset: Dataset, image_size: int) -> Dataset:
    """Return a dataset scaled and cut to squares of `image_size` pixels; 0 leaves it as it is."""
    check_image_size(image_size)
    if not image_size:
        return dataset

    train, test = (
        replace(part, images=decode_images(_held(part.images, where), image_size=image_size))
        for where, part in (("train", dataset.train), ("test", dataset.test))
    )
    return replace(dataset, train=train, test=test)


def to_images(images: UInt8[Tensor, "N C H W"]) -> Iterable[Image.Image]:
    """Yield each image as Pillow's."""
    for pixels in images.permute(0, 2, 3, 1).numpy():
        yield Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels)


def _dataset(parts: dict[str, _Part], classes: Sequence[str], name: str) -> Dataset:
    if len({part.images.shape[1:] for part in parts.values()}) > 1:
        shapes = ", ".join(str(tuple(part.images.shape)) for part in parts.values())
        raise ValueError(
            f"all parts must have images of one shape, got {shapes}; bring them to one size, or "
            "pass `image_size`"
        )
    inner = [parts[part] for part in ("train", "validation") if part in parts]
    train = _Part(
        torch.cat([part.images for part in inner]), [n for part in inner for n in part.labels]
    )
    names = tuple(classes) or numbered_classes(set(inner[0].labels), f"the training set of {name}")
    for part, (_, numbers) in parts.items():
        if not classes and (unknown := set(numbers) - set(inner[0].labels)):
            raise ValueError(
                f"every class of {part} must be in train, got {min(unknown)} only in {part}; add "
                "training images or pass all names as `classes`"
            )
    sets = [
        ImageSet(
            name=name, images=images, labels=torch.tensor(numbers, dtype=torch.int64), classes=names
        )
        for images, numbers in (train, parts["test"])
    ]
    n_validation = len(parts["validation"].labels) if "validation" in parts else 0
    return Dataset(train=sets[0], test=sets[1], n_validation=n_validation)


def numbers_by_name(
    labels: Sequence[int | str], own: Sequence[str], classes: Sequence[str], part: str
) -> list[int]:
    """Return a part's labels as numbers in `classes`, those of `train`, by their names.

    Parameters
    ----------
    labels
        Names, or numbers.
    own
        The numbers' names in this part; (): they are numbers in `classes` already.
    classes
        The names to number.
    part
        What an error names.

    Raises
    ------
    ValueError
        If a label is none of `classes`.

    Examples
    --------
    >>> numbers_by_name([0, 1], ("bee", "cat"), ("ant", "bee", "cat"), "test")
    [1, 2]
    """
    number_of: dict[int | str, int] = {name: number for number, name in enumerate(classes)}
    if not own:
        number_of |= {number: number for number in range(len(classes))}
    name_of = dict(enumerate(own))
    names = [label if isinstance(label, str) else name_of.get(label, label) for label in labels]
    if unknown := set(names) - set(number_of):
        first = short(repr(min(unknown, key=str)))
        raise ValueError(
            f"every class must be in train, got {first} only in {part}; add training images, or "
            "name the classes alike"
        )
    return [number_of[name] for name in names]


def numbered_classes(labels: set[int], where: object) -> tuple[str, ...]:
    """Return the names of classes that have none: their numbers.

    Parameters
    ----------
    labels
        Those that training images have.
    where
        What an error names.

    Raises
    ------
    ValueError
        If they are not 0 … C − 1: a class without an image would count in every macro F1.

    Examples
    --------
    >>> numbered_classes({0, 1}, "train")
    ('0', '1')
    """
    if labels != set(range(len(labels))):
        raise ValueError(
            f"{where} must have images of the classes 0 … {len(labels) - 1}, got numbers from "
            f"{min(labels)} to {max(labels)}; number the classes from 0 on, or name them"
        )
    return tuple(str(label) for label in range(len(labels)))


def _channels_first(images: Any, part: str) -> UInt8[Tensor, "N C H W"]:
    """Return images as a tensor of (N, C, H, W); the axis of 1 or 3 channels may be last."""
    pixels = images if isinstance(images, Tensor) else torch.tensor(np.ascontiguousarray(images))
    shape = tuple(pixels.shape)
    if pixels.dtype != torch.uint8:
        raise ValueError(
            f"images must be uint8, got {pixels.dtype} in {part}; scale them to 0 … 255 and "
            "convert, (255 * x).round().astype('uint8')"
        )
    if len(shape) == 3:
        return pixels[:, None].contiguous()  # (N, 1, H, W)
    if len(shape) == 4 and shape[1] in (1, 3):
        return pixels.contiguous()
    if len(shape) == 4 and shape[3] in (1, 3):
        return pixels.permute(0, 3, 1, 2).contiguous()  # (N, C, H, W)
    raise ValueError(
        f"images must be (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1 or 3, got {shape} in "
        f"{part}; drop or add axes"
    )


def _whole_numbers(labels: Any, n_images: int, part: str) -> list[int]:
    if not n_images:
        rest = ", or leave it out" if part == "validation" else ""
        raise ValueError(f"{part} must hold at least one image, got none; add some{rest}")
    numbers = np.asarray(labels)
    if numbers.shape != (n_images,) or not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(
            f"labels must be whole numbers from 0, one an image, got {numbers.dtype} of shape "
            f"{numbers.shape} in {part} for {n_images} images; give each its class's number and "
            "pass the names as `classes`"
        )
    return [int(number) for number in numbers]


def _pair(example: Any, image: str, label: str, part: str) -> tuple[Any, Any]:
    if isinstance(example, Mapping):
        if missing := {image, label} - set(example):
            raise ValueError(
                f"examples must hold {image!r} and {label!r}, got {', '.join(map(str, example))} "
                f"in {part}, without {min(missing)!r}; pass its name as `image` or `label`"
            )
        return example[image], example[label]
    if isinstance(example, tuple | list) and len(example) == 2:
        return example[0], example[1]
    raise TypeError(
        f"an example must be an image and a label, got {type(example).__name__} in {part}; wrap "
        "the data set so that it gives pairs"
    )


def _as_image(pixels: Any, part: str) -> Image.Image:
    """Return an image as Pillow's; a tensor's channels come first, an array's last."""
    if isinstance(pixels, Image.Image):
        return pixels
    if not isinstance(pixels, Tensor | np.ndarray):
        raise TypeError(
            f"an image must be Pillow's, an array or a tensor, got {type(pixels).__name__} in "
            f"{part}; convert it"
        )
    if isinstance(pixels, Tensor) and pixels.ndim == 3:
        pixels = pixels.permute(1, 2, 0)  # (H, W, C)
    first = _channels_first(pixels[None], part)
    return next(iter(to_images(first)))


def _named_classes(examples: Any, label: str) -> tuple[str, ...]:
    """Return the classes' names that a data set of torchvision or of Hugging Face knows, or ()."""
    names = getattr(examples, "classes", None)
    names = names.tolist() if isinstance(names, np.ndarray) else names
    is_named = isinstance(names, list | tuple) and all(isinstance(n, str | tuple) for n in names)
    if names and is_named:  # else a count, or each example's label
        return tuple(str(name) for name in names)
    features = getattr(examples, "features", None)
    if isinstance(features, Mapping):
        return tuple(getattr(features.get(label), "names", None) or ())
    return ()
