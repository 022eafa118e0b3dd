"""A tensor file knows itself: what was saved is loaded, and no byte changes unnoticed."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from carto_helpers.storage.tensor_files import (
    has_own_checksum,
    is_ours,
    load_metadata,
    load_tensors,
    save_tensors,
)

FACTS = {"dataset": "digits", "fingerprint": "f", "key": "k"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_tensors(tmp_path / "w.safetensors", {"w": torch.arange(6.0), "n": torch.tensor(2)}, FACTS)
    return tmp_path / "w.safetensors"


def test_what_was_saved_is_loaded_by_us_and_by_others(path: Path) -> None:
    assert torch.equal(load_tensors(path)["w"], torch.arange(6.0))
    assert torch.equal(load_file(path)["w"], torch.arange(6.0))
    assert FACTS.items() <= load_metadata(path).items()
    assert is_ours(path)


def test_the_same_tensors_and_texts_give_the_same_bytes(path: Path, tmp_path: Path) -> None:
    backwards = dict(reversed(FACTS.items()))
    tensors = {"w": torch.arange(6.0), "n": torch.tensor(2)}
    save_tensors(tmp_path / "again", tensors, backwards)
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_every_changed_byte_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"w.safetensors must be as its run left it"):
            load_tensors(path)


def test_every_length_but_the_whole_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for content in [*(whole[:n] for n in range(len(whole))), whole + b"\0"]:
        path.write_bytes(content)
        assert not has_own_checksum(path)


@pytest.mark.parametrize("metadata", [None, {"sha256": "0" * 64}, {"sha256": ""}])
def test_a_file_of_other_programs_has_no_checksum_of_its_own(
    tmp_path: Path, metadata: dict[str, str] | None
) -> None:
    save_file({"w": torch.ones(1)}, tmp_path / "w", metadata)
    assert not has_own_checksum(tmp_path / "w")
    assert not is_ours(tmp_path / "w")


@pytest.mark.parametrize("head", [b"", b"[]", b"{", b"[" * 100_000, b'{"__metadata__": 3}'])
def test_a_header_that_is_none_is_no_crash(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "w").write_bytes(len(head).to_bytes(8, "little") + head)
    assert not has_own_checksum(tmp_path / "w")
    with pytest.raises(ValueError, match="w must be as its run left it"):
        load_metadata(tmp_path / "w")


def test_a_file_that_is_not_there_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected the file .*w, got none; train"):
        load_tensors(tmp_path / "w")
