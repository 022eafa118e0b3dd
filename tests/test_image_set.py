"""What an image set checks, and what its fingerprint depends on."""

import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from carto_helpers.images.image_set import Dataset, ImageSet


def make_set(n: int = 6, name: str = "made", seed: int = 0) -> ImageSet:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 3, 4, 5), generator=generator).to(torch.uint8)
    return ImageSet(name=name, images=images, labels=torch.arange(n) % 2, classes=("cat", "dog"))


def test_a_set_knows_its_sizes() -> None:
    made = make_set()
    sizes = (len(made), made.n_classes, made.n_channels, made.height, made.width)
    assert sizes == (6, 2, 3, 4, 5)


def test_fingerprint_ignores_the_name_and_the_memory_layout() -> None:
    made = make_set()
    strided = made.images.to(memory_format=torch.channels_last)
    again = dataclasses.replace(made, name="other", images=strided)
    assert again.fingerprint == made.fingerprint
    assert len(made.fingerprint) == 16
    assert int(made.fingerprint, 16) >= 0


@given(st.permutations(range(6)))
def test_fingerprint_tells_every_other_order_apart(order: list[int]) -> None:
    made = make_set()
    other = dataclasses.replace(made, images=made.images[order], labels=made.labels[order])
    assert (other.fingerprint == made.fingerprint) == (order == list(range(6)))


def test_fingerprint_sees_one_pixel_one_label_one_class_name_and_the_shape() -> None:
    made = make_set()
    images, labels = made.images.clone(), made.labels.clone()
    images[5, 2, 3, 4] ^= 1
    labels[0] = 1
    others = (
        dataclasses.replace(made, images=images),
        dataclasses.replace(made, labels=labels),
        dataclasses.replace(made, classes=("cat", "horse")),
        dataclasses.replace(made, classes=("cat", "dog", "horse")),
        dataclasses.replace(made, images=made.images.reshape(6, 3, 5, 4)),
    )
    assert len({made.fingerprint, *(other.fingerprint for other in others)}) == 6


def test_fingerprint_of_a_dataset_sees_both_splits() -> None:
    first, second = make_set(seed=0), make_set(seed=1)
    pairs = [(first, second), (second, first), (first, first)]
    assert len({Dataset(train=a, test=b).fingerprint for a, b in pairs}) == 3


def test_a_dataset_is_named_as_its_training_set() -> None:
    dataset = Dataset(train=make_set(), test=make_set(2, seed=1))
    assert (dataset.name, dataset.classes) == ("made", ("cat", "dog"))


@pytest.mark.parametrize("label", [-1, 2])
def test_labels_outside_the_classes_are_refused(label: int) -> None:
    made = make_set()
    labels = made.labels.clone()
    labels[3] = label
    with pytest.raises(ValueError, match=r"labels must lie in 0 … 1, got .* number the 2 classes"):
        dataclasses.replace(made, labels=labels)


def test_fewer_than_two_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least 2 classes, got \['cat'\]; add another"):
        dataclasses.replace(make_set(), labels=torch.zeros(6, dtype=torch.int64), classes=("cat",))


@pytest.mark.parametrize("shape", [(5,), (7,), (0,), (6, 1)])
def test_another_number_of_labels_is_refused(shape: tuple[int, ...]) -> None:
    made = make_set()
    object.__setattr__(made, "labels", torch.zeros(shape).long())  # the tests' types refuse it too
    with pytest.raises(ValueError, match="must have one label, got 6 images and labels of .* made"):
        made.__post_init__()


def test_a_set_without_images_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one image, got none; add some"):
        make_set(0)


def test_parts_of_two_kinds_are_refused() -> None:
    made = make_set()
    other = dataclasses.replace(made, classes=("cat", "dog", "cow"))
    smaller = dataclasses.replace(made, images=made.images[..., 1:])
    for test in (other, smaller):
        with pytest.raises(ValueError, match="training and test images must share classes and sh"):
            Dataset(train=made, test=test)


@pytest.mark.parametrize("n_validation", [-1, 5, 6])
def test_a_validation_split_leaves_images_to_train_on(n_validation: int) -> None:
    with pytest.raises(ValueError, match="must leave at least 2 training images, got"):
        Dataset(train=make_set(), test=make_set(), n_validation=n_validation)
