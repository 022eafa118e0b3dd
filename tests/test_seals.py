"""A file and the checksum beside it: they agree, or reading says that they do not."""

import subprocess
from pathlib import Path

import pytest

from carto_helpers.storage.seals import is_sealed, read_sealed, seal_path, write_sealed


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_sealed(tmp_path / "t.csv", b"a,b\n1,2\n")
    return tmp_path / "t.csv"


def test_what_was_written_is_read(path: Path) -> None:
    assert read_sealed(path) == b"a,b\n1,2\n"
    write_sealed(path, b"new")
    assert read_sealed(path) == b"new"


def test_sha256sum_can_check_it(path: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", seal_path(path).name], cwd=path.parent, check=False
    )
    assert done.returncode == 0


@pytest.mark.parametrize("harmed", ["file", "checksum"])
def test_every_changed_byte_is_noticed(
    path: Path, harmed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carto_helpers.storage.seals._SECONDS", 0.0)
    target = path if harmed == "file" else seal_path(path)
    whole = target.read_bytes()
    for at in range(len(whole)):
        target.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"t.csv must be as its run left it.*delete .*sha256"):
            read_sealed(path)


def test_a_write_that_ends_anywhere_leaves_a_file_that_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from carto_helpers.storage import seals

    real, calls = seals.write_bytes, []

    def fail_at(n: int) -> None:
        def write(target: Path, content: bytes) -> None:
            calls.append(target)
            if len(calls) == n:
                raise KeyboardInterrupt
            real(target, content)

        calls.clear()
        monkeypatch.setattr(seals, "write_bytes", write)

    for n, expected in ((1, b"a,b\n1,2\n"), (2, b"a,b\n1,2\n"), (3, b"new")):
        fail_at(n)
        with pytest.raises(KeyboardInterrupt):
            write_sealed(path, b"new")
        assert read_sealed(path) == expected


def test_an_older_file_without_checksum_is_read(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_bytes(b"x")
    assert not is_sealed(tmp_path / "old.csv")
    assert read_sealed(tmp_path / "old.csv") == b"x"


def test_a_file_that_is_gone_is_not_there(path: Path) -> None:
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_sealed(path)
