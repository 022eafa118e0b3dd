"""The short form of `make torture`: each promise is put to the test for real, a few times."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from torture import audit, corruption, fuzzing, guided, job, killing, limits, page, together
from torture.job import rows
from torture.promise import Outcome


@pytest.fixture(scope="module", autouse=True)
def tiny_images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the job be of a second: its networks learn from forty small images, not the digits."""
    arguments = job.small_arguments(tmp_path_factory.mktemp("images") / "images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "ARGUMENTS", arguments)
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert job.finish(folder / "results").status() == 0
    return folder / "results"


def assert_kept(outcome: Outcome) -> None:
    assert outcome.is_kept, outcome.broken
    assert outcome.n


def test_killed_at_a_moment_it_ends_the_same(tmp_path: Path) -> None:
    (outcome,) = killing.measure_moments(tmp_path, n=1)
    assert_kept(outcome)
    assert float(outcome.harm.split()[-2]) > 0.2  # seconds: a moment of the run, not its start


def test_killed_in_a_write_it_ends_the_same(undisturbed: Path, tmp_path: Path) -> None:
    assert_kept(killing.in_writes(tmp_path, rows(undisturbed), 1))


def test_no_flipped_byte_and_no_foreign_file_is_taken_for_a_whole_one(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(undisturbed, tmp_path / "record")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    found = corruption.kinds(tmp_path)
    for outcome in (
        corruption.flips(found, 32),
        corruption.absent(found),
        corruption.foreign(found, tmp_path),
    ):
        assert_kept(outcome)


@pytest.mark.skipif(not limits.can_mount(), reason="needs root to mount a small disk")
def test_a_full_disk_is_one_line_and_with_room_it_ends_the_same(
    undisturbed: Path, tmp_path: Path
) -> None:
    assert_kept(limits.full_disk(tmp_path, rows(undisturbed), [2_000]))


def test_a_limit_on_a_files_size_is_one_line(undisturbed: Path, tmp_path: Path) -> None:
    outcome = limits.limited(tmp_path, rows(undisturbed), "size of a file", "FSIZE", [500_000])
    assert_kept(outcome)
    assert outcome.note == "1 limits were too low for the job"


def test_two_at_once_do_no_run_twice(undisturbed: Path, tmp_path: Path) -> None:
    assert_kept(together.at_once(tmp_path, rows(undisturbed), 2, 1))


@pytest.mark.parametrize("name", fuzzing.TARGETS)
def test_made_input_gives_an_object_or_one_line(name: str, tmp_path: Path) -> None:
    target, values = fuzzing.TARGETS[name]
    n, problem = fuzzing.fuzz(target, values, tmp_path, seconds=0.1, a_round=40)
    assert not problem
    assert n >= 40


@pytest.mark.parametrize("name", fuzzing.OF_BYTES)
def test_what_guided_fuzzing_begins_with_is_right(name: str, tmp_path: Path) -> None:
    assert set(guided.TARGETS) == set(fuzzing.OF_BYTES)
    for content in fuzzing.seeds(name, tmp_path):
        fuzzing.OF_BYTES[name](tmp_path, content)


def test_what_is_not_installed_is_not_done_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (guided, audit):
        monkeypatch.setattr(module, "find_spec", lambda _: None)
    (outcome,) = guided.measure(tmp_path, minutes=1)
    assert outcome.verdict == "not done: atheris is not installed"
    assert {o.verdict for o in audit.measure(tmp_path)} == {"not done: pip-audit is not installed"}


def test_the_page_tells_of_what_was_broken() -> None:
    kept = Outcome(promise="kept", harm="harm", n=3)
    broken = Outcome(promise="broken", harm="worse", n=2, broken=["lost"])
    undone = Outcome(promise="undone", harm="none", n=0, note="needs root")
    outcomes = [dataclasses.asdict(outcome) for outcome in (kept, broken, undone)]
    text = page.text({"moments": {"machine": {"date": "today"}, "outcomes": outcomes}})
    assert "kept 3 of 3 times" in text
    assert "**kept 1 of 2 times**" in text
    assert "not done: needs root" in text
    assert "* worse: lost" in text
    assert "`python -m torture moments`" in text
