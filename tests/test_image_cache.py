"""The cache gives back what it was given, or says that it cannot."""

import logging
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from carto_helpers.images.image_cache import cache_file, cache_folder, read_cache, write_cache
from carto_helpers.images.image_set import Dataset, ImageSet


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def dataset() -> Dataset:
    train, test = (
        ImageSet(
            name="made",
            images=torch.arange(n * 12, dtype=torch.uint8).reshape(n, 3, 2, 2),
            labels=torch.arange(n) % 2,
            classes=("cat", "dög"),
        )
        for n in (5, 3)
    )
    return Dataset(train=train, test=test)


def test_what_was_written_is_read_and_nothing_else_is_left(dataset: Dataset) -> None:
    write_cache("key", dataset)
    found = read_cache("key", "again")
    assert found is not None
    assert found.fingerprint == dataset.fingerprint
    assert found.classes == dataset.classes
    assert found.name == "again"
    assert torch.equal(found.test.images, dataset.test.images)
    assert list(cache_file("key").parent.iterdir()) == [cache_file("key")]


def test_another_key_finds_nothing(dataset: Dataset) -> None:
    write_cache("key", dataset)
    assert read_cache("other", "made") is None


def test_another_data_sets_file_is_noticed(
    dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    write_cache("mine", dataset)
    cache_file("mine").rename(cache_file("yours"))
    assert read_cache("yours", "made") is None
    assert "yours.safetensors is damaged (it is another data set's)" in caplog.text


def test_one_changed_pixel_is_noticed_and_the_file_named(
    dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    write_cache("key", dataset)
    content = bytearray(cache_file("key").read_bytes())
    content[-1] ^= 1
    cache_file("key").write_bytes(content)
    assert read_cache("key", "made") is None
    assert caplog.messages[0].startswith(f"cache file {cache_file('key')} is damaged (")
    assert caplog.messages[0].endswith("it is made again")


@pytest.mark.parametrize("n_bytes", [0, 4, 100, -1])
def test_a_file_cut_short_is_noticed(
    dataset: Dataset, caplog: pytest.LogCaptureFixture, n_bytes: int
) -> None:
    write_cache("key", dataset)
    cache_file("key").write_bytes(cache_file("key").read_bytes()[:n_bytes])
    assert read_cache("key", "made") is None
    assert "is damaged" in caplog.messages[0]


def test_a_file_of_something_else_is_noticed(
    dataset: Dataset, caplog: pytest.LogCaptureFixture
) -> None:
    write_cache("key", dataset)
    save_file({"weights": torch.zeros(2)}, cache_file("key"))
    assert read_cache("key", "made") is None
    save_file(load_file(cache_file("key")), cache_file("key"), metadata={"classes": "[]"})
    assert read_cache("key", "made") is None
    assert all("is damaged" in message for message in caplog.messages)
    assert len(caplog.messages) == 2


def test_a_folder_that_cannot_be_written_gives_one_line(
    dataset: Dataset, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        write_cache("key", dataset)
    assert len(caplog.messages) == 1
    assert "cannot be written" in caplog.messages[0]
    assert "\n" not in caplog.messages[0]
    assert read_cache("key", "made") is None


def test_a_folder_that_may_not_be_read_holds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", refuse)
    assert read_cache("key", "made") is None


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "", "home/.cache/carto_helpers"),
        ("darwin", "", "home/Library/Caches/carto_helpers"),
        ("win32", "LOCALAPPDATA", "chosen/carto_helpers"),
        ("linux", "XDG_CACHE_HOME", "chosen/carto_helpers"),
    ],
)
def test_each_system_has_its_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, variable: str, expected: str
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / expected


def test_without_a_home_the_images_stay_in_memory(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert read_cache("key", "made") is None
    write_cache("key", dataset)
    (line,) = caplog.messages
    assert "cache of made cannot be written" in line and "set XDG_CACHE_HOME to a folder" in line
    with pytest.raises(
        FileNotFoundError, match="a home for the user's cache folder, got none; set"
    ):
        cache_folder()
