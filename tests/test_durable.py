"""A file is whole or as it was; a signal waits for it; an error says which and what to do."""

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from carto_helpers.storage.durable import (
    Stopped,
    digest,
    explained,
    remove_leftovers,
    replacing,
    stoppable,
    uninterrupted,
    write_bytes,
)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    write_bytes(path, b"one")
    write_bytes(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]
    assert digest(path).startswith("3fc4ccfe7458")  # echo -n two | sha256sum


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises, which it does not in a process that a shell put into the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_waits_until_a_file_is_in_place(tmp_path: Path, ctrl_c: None) -> None:
    path = tmp_path / "file"
    with pytest.raises(KeyboardInterrupt), replacing(path) as beside:  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        beside.write_text("whole")
    assert path.read_text() == "whole"


def test_sigterm_waits_too_and_is_told_from_ctrl_c() -> None:
    done = []
    with pytest.raises(Stopped), stoppable():  # noqa: PT012
        with uninterrupted():
            signal.raise_signal(signal.SIGTERM)
            done.append("within")
        done.append("after")
    assert done == ["within"]


def test_handlers_are_as_they_were() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stoppable(), uninterrupted():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_another_thread_may_write(tmp_path: Path) -> None:
    def write() -> None:
        with stoppable():
            write_bytes(tmp_path / "file", b"x")

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert (tmp_path / "file").exists()


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "no space left on device; free some room on that disk"),
        (errno.EROFS, "read-only file system; name a folder that can be written"),
        (errno.EACCES, "permission denied; name a folder that you may write to"),
        (errno.EMFILE, "too many open files; raise the limit of open files"),
    ],
)
def test_an_error_of_the_file_system_names_file_and_remedy_once(
    tmp_path: Path, number: int, remedy: str
) -> None:
    with (
        pytest.raises(OSError, match=f"^expected to write {tmp_path}/a, got: {remedy}"),
        explained(tmp_path / "b"),
        explained(tmp_path / "a"),
    ):
        raise OSError(number, os.strerror(number))


def test_another_error_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="^missing$"), explained(tmp_path):
        raise FileNotFoundError("missing")


def test_leftovers_are_those_of_the_file_alone(tmp_path: Path) -> None:
    names = [f".a.csv.{'0' * 32}", f".b.csv.{'0' * 32}", ".a.csv.swp", "a.csv"]
    for name in names:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, "a.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from multiprocessing import get_context\n"
        "from carto_helpers.storage.durable import end_with_parent\n"
        "def work(path):\n"
        "    end_with_parent(); open(path, 'w').close(); time.sleep(60)\n"
        "if __name__ == '__main__':\n"
        "    get_context('spawn').Process(target=work, args=(sys.argv[1],)).start()\n"
        "    while not os.path.exists(sys.argv[1]): time.sleep(0.01)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    (tmp_path / "parent.py").write_text(code)
    command = [sys.executable, str(tmp_path / "parent.py"), str(tmp_path / "begun")]
    # the worker has inherited the pipe, which is read to its end: to the end of both
    done = subprocess.run(command, capture_output=True, check=False, timeout=30)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "begun").exists()
