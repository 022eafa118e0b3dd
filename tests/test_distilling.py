"""Students: the subset is the run's, and side by side they are what they are one by one."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from made_runs import TINY, make_folder, tiny_config

from carto_helpers import experiments, selection
from carto_helpers.config import SubsetSpec
from carto_helpers.records import Results, load_tensors
from carto_helpers.runs.student_run import subset_index
from carto_helpers.runs.workbench import Workbench
from carto_helpers.scoring import scores


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("images") / "noise")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_subset_is_chosen_by_the_teachers_dynamics(folder: Path, tmp_path: Path) -> None:
    config = tiny_config(folder, tmp_path)
    teacher = experiments.teachers(config).iloc[0]
    bench = Workbench(config)
    run = bench.student_run(teacher, SubsetSpec(rule="low-confidence", fraction=0.4), seed=0)
    record = bench.results.dynamics(teacher["key"])
    confidence = scores(record.p_gold, record.is_right)["confidence"]
    index = subset_index(bench, run)
    assert index.tolist() == selection.lowest(confidence, 12).tolist()


def test_side_by_side_gives_the_rows_of_one_by_one(
    folder: Path, tmp_path: Path, two_threads: None
) -> None:
    frames = []
    for name, sizes in (("together", (0.3, 0.5)), ("alone", (0.3,)), ("alone", (0.5,))):
        config = tiny_config(
            folder, tmp_path / name, architecture="mobilenet", fractions=sizes, epochs=1
        )
        experiments.phase3(config)
        frames.append(Results(tmp_path / name).students().sort_values("fraction"))
    drop = ["seconds", "finished_at"]
    together, alone = frames[0].drop(columns=drop), frames[2].drop(columns=drop)
    pd.testing.assert_frame_equal(
        together.reset_index(drop=True), alone.reset_index(drop=True), check_exact=True
    )
    for key in together["key"]:
        one, other = (
            load_tensors(Results(tmp_path / name).weights_path(key))
            for name in ("together", "alone")
        )
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_student_that_fails_in_its_process_stops_the_phase(
    folder: Path, tmp_path: Path, two_threads: None
) -> None:
    config = tiny_config(
        folder, tmp_path, architecture="mobilenet", fractions=(0.5, 1.0), learning_rate=1e30
    )
    with pytest.raises(FloatingPointError, match="expected finite losses"):
        experiments.phase3(config)
    assert len(Results(tmp_path).students()) == 0


def test_a_student_can_be_taken_away(folder: Path, tmp_path: Path) -> None:
    config = tiny_config(folder, tmp_path, fractions=(1.0,))
    result = experiments.phase3(config)
    assert result is not None
    path = Results(tmp_path).weights_path(result.students["key"].iloc[0])
    again = tiny_config(folder, tmp_path / "again", student_start=str(path), fractions=(1.0,))
    started = experiments.phase3(again)
    assert started is not None
    assert started.students["start"].iloc[0].startswith("file:")
    assert started.students["network"].iloc[0] == TINY
