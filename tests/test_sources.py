"""Arrays, PyTorch's data sets and Hugging Face's become ours; what does not fit is named."""

import builtins
import importlib.util
import io
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import carto_helpers as carto
from carto_helpers.data import split
from carto_helpers.images.decoding import Held, decode_images
from carto_helpers.images.sources import from_arrays, from_dataset, resized

DRAW = np.random.default_rng(0)
GREY = DRAW.integers(0, 256, (6, 5, 4), np.uint8)  # (N, H, W)
RGB = DRAW.integers(0, 256, (6, 5, 4, 3), np.uint8)  # (N, H, W, C)
LABELS = [0, 1, 2, 0, 1, 2]


def pairs(images: Any = RGB, labels: Any = LABELS) -> list[tuple[Any, int]]:
    return list(zip(images, labels, strict=True))


def mappings(**renamed: str) -> list[dict[str, Any]]:
    image, label = renamed.get("image", "image"), renamed.get("label", "label")
    return [{image: Image.fromarray(pixels), label: n} for pixels, n in pairs()]


@pytest.mark.parametrize(
    "images",
    [RGB, RGB.transpose(0, 3, 1, 2), torch.from_numpy(RGB), torch.from_numpy(RGB).movedim(3, 1)],
    ids=["array", "channels first", "tensor", "tensor, channels first"],
)
def test_arrays_of_either_order_are_one_data_set(images: Any) -> None:
    dataset = from_arrays((images, LABELS), (images[:3], LABELS[:3]))
    expected = torch.from_numpy(RGB).permute(0, 3, 1, 2)
    assert torch.equal(dataset.train.images, expected)
    assert torch.equal(dataset.test.images, expected[:3])
    assert dataset.train.labels.tolist() == LABELS
    assert dataset.classes == ("0", "1", "2")


def test_grey_arrays_get_a_channel() -> None:
    assert from_arrays((GREY, LABELS), (GREY, LABELS)).train.images.shape == (6, 1, 5, 4)


def test_a_data_set_of_pairs_equals_its_arrays() -> None:
    expected = from_arrays((RGB, LABELS), (RGB, LABELS)).fingerprint
    tensors = [torch.from_numpy(pixels).permute(2, 0, 1) for pixels in RGB]
    pillow = [Image.fromarray(pixels) for pixels in RGB]
    for images in (RGB, tensors, pillow):
        assert from_dataset(pairs(images), pairs(images)).fingerprint == expected
    assert from_dataset(mappings(), mappings()).fingerprint == expected


def test_a_tensor_data_set_of_pytorch_is_taken_as_it_is() -> None:
    images = torch.from_numpy(RGB).permute(0, 3, 1, 2)
    held = torch.utils.data.TensorDataset(images, torch.tensor(LABELS))
    assert torch.equal(from_dataset(held, held).train.images, images)


def test_classes_are_named_by_the_argument_or_by_the_data_set() -> None:
    train = Named(LABELS, "ant", "bee", "cat")
    assert from_dataset(train, pairs()).classes == ("ant", "bee", "cat")
    given = from_dataset(train, pairs(), classes=["x", "y", "z"])
    assert given.classes == ("x", "y", "z")


class Named(list):
    """Pairs that name their classes, as torchvision's `ImageFolder` does."""

    def __init__(self, labels: list[int], *classes: str) -> None:
        super().__init__(pairs(RGB[: len(labels)], labels))
        self.classes = classes


def test_each_parts_labels_are_taken_by_its_own_names() -> None:
    train, test = Named([0, 1, 2], "a", "b", "c"), Named([0, 1, 1], "b", "c")
    dataset = from_dataset(train, test, Named([1, 0], "c", "a"))
    assert dataset.train.labels.tolist() == [0, 1, 2, 0, 2]
    assert dataset.test.labels.tolist() == [1, 2, 2]
    renamed = from_dataset(train, test, classes=["x", "y", "z"])
    assert renamed.test.labels.tolist() == [1, 2, 2]
    assert renamed.classes == ("x", "y", "z")
    numbers = from_dataset(pairs(), test)  # no names to compare
    assert numbers.test.labels.tolist() == [0, 1, 1]


def test_only_names_name_classes() -> None:
    train = Named([0, 1, 2])
    for classes in (3, LABELS, np.array(LABELS)):  # a count, or each example's label
        train.classes = classes
        assert from_dataset(train, train).classes == ("0", "1", "2")
    train.classes = np.array(["ant", "bee", "cat"])
    assert from_dataset(train, train).classes == ("ant", "bee", "cat")


@pytest.mark.parametrize(("labels", "got"), [([0, 1], "'d'"), ([0, 2], "2"), ([0, -1], "-1")])
def test_a_label_of_no_name_that_train_has_is_refused(labels: list[int], got: str) -> None:
    test = Named(labels, "b", "d")
    with pytest.raises(ValueError, match=f"class must be in train, got {got} only in test; add tr"):
        from_dataset(Named([0, 1, 2], "a", "b", "c"), test)


def test_a_hugging_face_split_names_its_classes() -> None:
    if importlib.util.find_spec("datasets") is None:
        pytest.skip("Hugging Face's datasets is not installed")
    from datasets import ClassLabel, Dataset, Features
    from datasets import Image as Images

    features = Features({"img": Images(), "fine": ClassLabel(names=["ant", "bee", "cat"])})
    pillow = [Image.fromarray(pixels) for pixels in RGB]
    held = Dataset.from_dict({"img": pillow, "fine": LABELS}, features=features)
    dataset = from_dataset(held, held, image="img", label="fine")
    assert dataset.classes == ("ant", "bee", "cat")
    assert torch.equal(dataset.train.images, torch.from_numpy(RGB).permute(0, 3, 1, 2))


def test_a_validation_split_of_ones_own_follows_the_training_images() -> None:
    dataset = from_arrays((RGB, LABELS), (RGB, LABELS), (RGB[::-1], LABELS[::-1]))
    assert (len(dataset.train), dataset.n_validation) == (12, 6)
    assert torch.equal(dataset.train.images[6:], dataset.train.images[:6].flip(0))
    parts = split(12, split_seed=3, n_validation=6)
    assert sorted(parts.train) == list(range(6))
    assert parts.validation.tolist() == list(range(6, 12))


def test_a_validation_split_is_part_of_the_fingerprint() -> None:
    both = np.concatenate([RGB, RGB])
    apart = from_arrays((RGB, LABELS), (RGB, LABELS), (RGB, LABELS))
    together = from_arrays((both, LABELS * 2), (RGB, LABELS))
    assert torch.equal(apart.train.images, together.train.images)
    assert apart.fingerprint != together.fingerprint


def test_images_of_any_size_and_mode_become_squares() -> None:
    sizes = ((9, 30), (30, 9), (8, 8), (64, 50), (5, 5), (7, 8))
    images = [Image.new("P" if w > 9 else "L", (w, h), 200) for w, h in sizes]
    dataset = from_dataset(pairs(images), pairs(images), image_size=8)
    assert dataset.train.images.shape == (6, 3, 8, 8)
    grey = [image.convert("L") for image in images]
    assert from_dataset(pairs(grey), pairs(grey), image_size=8).train.images.shape == (6, 1, 8, 8)


def test_the_cut_keeps_the_middle() -> None:
    pixels = np.zeros((6, 10, 20), np.uint8)
    pixels[:, :, 5:15] = 255  # white, between black sides
    dataset = from_arrays((pixels, LABELS), (pixels, LABELS), image_size=10)
    assert (dataset.train.images == 255).all()


def test_no_size_changes_nothing() -> None:
    dataset = carto.load("digits")
    assert resized(dataset, 0) is dataset
    assert carto.load("digits", image_size=16).train.images.shape == (1438, 1, 16, 16)


@pytest.mark.parametrize("size", [-1, 5_000])
def test_a_size_that_no_square_has_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"`image_size` must lie in 0 … 4096, got {size}; 0"):
        resized(carto.load("digits"), size)


@pytest.mark.parametrize(
    ("train", "error", "text"),
    [
        ((RGB / 255.0, LABELS), ValueError, "images must be uint8, got torch.float64 in train; sc"),
        (
            (RGB[0, 0], LABELS),
            ValueError,
            r"images must be \(N, H, W\), .* got \(4, 3\) in tr",
        ),
        ((RGB, [0.5] * 6), ValueError, "labels must be whole numbers from 0, .* got float64 of sh"),
        ((RGB, [[0]] * 6), ValueError, r"labels must be whole numbers .* of shape \(6, 1\) in tr"),
        ((RGB, [0, 0, 0, 0, 0, -1]), ValueError, "classes 0 … 1, got numbers from -1 to 0"),
        ((GREY, LABELS), ValueError, "all parts must have images of one shape, got .*; bring"),
        ((RGB[:2], LABELS[:2]), ValueError, "class of test must be in train, got 2 only in test"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(train: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        from_arrays(train, (RGB, LABELS))


def test_parts_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="all parts must have images of one shape, got .*; bring"):
        from_arrays((RGB, LABELS), (RGB, LABELS), (RGB[:, :3], LABELS))


def test_with_a_size_parts_of_any_shape_are_one_data_set() -> None:
    parts = (RGB, LABELS), (GREY[:3, :4], LABELS[:3]), (RGB[:2, :, 1:], LABELS[:2])
    dataset = from_arrays(*parts, image_size=4)
    assert dataset.train.images.shape == (8, 3, 4, 4)
    assert dataset.test.images.shape == (3, 3, 4, 4)
    assert torch.equal(dataset.test.images[:, 0, :4], torch.from_numpy(GREY[:3, :4]))
    assert from_dataset(*map(pairs, *zip(*parts, strict=True)), image_size=4).fingerprint == (
        dataset.fingerprint
    )


def test_an_image_scaled_alone_is_the_one_scaled_among_others() -> None:
    """Grey images are scaled before it is known that there are others with colours."""
    modes = ("L", "RGB", "1", "LA", "P", "L")
    images = [Image.fromarray(p).convert(m) for p, m in zip(RGB, modes, strict=True)]
    held = [Held(str(i), image) for i, image in enumerate(images)]
    dataset = from_dataset(pairs(images), pairs(images), image_size=3)
    assert torch.equal(dataset.train.images, decode_images(held, image_size=3))


def test_images_are_scaled_one_by_one() -> None:
    """A data set of large images was held whole before the first was scaled."""
    made: list[weakref.ref[Image.Image]] = []

    class Large:
        def __len__(self) -> int:
            return 9

        def __getitem__(self, index: int) -> tuple[Image.Image, int]:
            assert sum(image() is not None for image in made) < 3
            image = Image.new("RGB", (90, 90), (index, 0, 0))
            made.append(weakref.ref(image))
            return image, index % 3

    train = from_dataset(Large(), pairs(), image_size=2).train
    assert train.images[:, 0, 0, 0].tolist() == list(range(9))


@pytest.mark.parametrize("image_size", [0, 4])
def test_a_pillow_image_cut_short_is_named(image_size: int) -> None:
    file = io.BytesIO()
    Image.fromarray(RGB[0]).resize((99, 99)).save(file, "JPEG")
    cut = Image.open(io.BytesIO(file.getvalue()[:900]))  # Pillow reads the pixels later
    train = [(Image.new("RGB", (99, 99)), 0), (cut, 1)]
    with pytest.raises(
        ValueError, match=r"Pillow can decode, got image 1 of train \(OSError: .*; re"
    ):
        from_dataset(train, train, image_size=image_size)


def test_a_validation_split_must_leave_images_to_train_on() -> None:
    with pytest.raises(ValueError, match="must leave at least 2 training images, got 3 of 4 for"):
        from_arrays((RGB[:1], [0]), (RGB, LABELS), (RGB[:3], LABELS[:3]), classes="abc")


@pytest.mark.parametrize(
    ("train", "error", "text"),
    [
        ([(RGB[0],)] * 2, TypeError, "an example must be an image and a label, got tuple in train"),
        ([("a.png", 0)] * 2, TypeError, "an image must be Pillow's, .*, got str in train; convert"),
        (mappings(image="img"), ValueError, "must hold 'image' and 'label', got img, label in tra"),
        (pairs(RGB / 255.0), ValueError, "images must be uint8, got torch.float64 in train"),
        ([(RGB[0], 0), (RGB[1][:3], 1)], ValueError, "must share one size and mode, .* image 1 of"),
        ([(Image.new("I", (4, 5)), 0)] * 2, ValueError, "have 8 bits a channel, got mode I in ima"),
    ],
)
def test_examples_that_do_not_fit_are_refused(
    train: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        from_dataset(train, pairs())


def test_an_image_of_more_bits_is_not_cut_to_eight() -> None:
    deep = [(Image.new("I", (4, 5)), 0)] * 2
    with pytest.raises(ValueError, match="images must have 8 bits a channel, got mode I in image"):
        from_dataset(deep, pairs(), image_size=8)


def test_no_example_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="train must hold at least one image, got none; add some$"):
        from_dataset([], [])


@pytest.mark.parametrize("image_size", [0, 4])
def test_a_part_without_images_is_refused(image_size: int) -> None:
    text = "validation must hold at least one image, got none; add some, or leave it out"
    with pytest.raises(ValueError, match=text):
        from_arrays((RGB, LABELS), (RGB, LABELS), (RGB[:0], []), image_size=image_size)
    with pytest.raises(ValueError, match=text):
        from_dataset(pairs(), pairs(), [], image_size=image_size)


def test_each_part_has_one_label_an_image() -> None:
    """Compared part by part: what one lacks, another could have too much."""
    with pytest.raises(ValueError, match=r"got int64 of shape \(6,\) in train for 5 images; give"):
        from_arrays((RGB[:5], LABELS), (RGB, LABELS), (RGB, LABELS[:5]))
    with pytest.raises(ValueError, match=r"got int64 of shape \(3,\) in test for 6 images; give"):
        from_arrays((RGB, LABELS), (RGB, LABELS[:3]))


def test_files_name_every_image_or_none() -> None:
    dataset = carto.load("digits")
    with pytest.raises(ValueError, match="`files` must name each of the 359 images of digits, got"):
        builtins.type(dataset.test)(
            name="digits", images=dataset.test.images, labels=dataset.test.labels,
            classes=dataset.classes, files=("a.png",),
        )  # fmt: skip


def test_numbers_that_leave_out_a_class_are_refused() -> None:
    """A class without an image would be a zero in every macro F1."""
    held = (RGB, [label + 1 for label in LABELS])
    with pytest.raises(ValueError, match="images of the classes 0 … 2, got numbers from 1 to 3; n"):
        from_arrays(held, held)
    with pytest.raises(ValueError, match="class of validation must be in train, got 2 only in val"):
        from_arrays((RGB[:2], [0, 1]), (RGB[:2], [0, 1]), (RGB, LABELS))
    assert from_arrays(held, held, classes=["none", "x", "y", "z"]).train.n_classes == 4
