"""Running averages taken anew; what that changes, read from the study's rows."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from made_runs import make_folder, tiny_config
from scipy.stats import ttest_rel
from torch import nn

from carto_helpers import experiments
from carto_helpers.config import SubsetSpec
from carto_helpers.findings import settled_averages
from carto_helpers.runs.workbench import Workbench
from studies import settled_averages as study
from studies.settled_averages import settle


def test_averages_are_those_of_the_images_and_nothing_else_changes() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm2d(3, momentum=0.01), nn.Dropout(0.5))
    images = torch.rand(8, 3, 4, 4) + 5
    with torch.no_grad():
        network[1].weight.fill_(2)
    assert settle(network, images.split(4)) == pytest.approx(0.01)
    assert torch.allclose(network[1].running_mean, images.mean((0, 2, 3)))
    halves = torch.stack([half.transpose(0, 1).flatten(1).var(1) for half in images.split(4)])
    assert torch.allclose(network[1].running_var, halves.mean(0))
    assert (network[1].weight == 2).all()
    assert network[1].momentum == 0.01
    assert not any(module.training for module in network.modules())


def test_a_recorded_student_is_scored_again_and_nothing_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tiny_config(make_folder(tmp_path / "noise"), tmp_path / "results", fractions=(0.4,))
    experiments.phase3(config)
    students = Workbench(config).results.students()
    told = {}
    monkeypatch.setattr(study, "configured", lambda asked, **more: (told.update(more), config)[1])
    asked = ["--data-root", "", "--results", config.results, "--fractions", "0.4", "0.9"]
    monkeypatch.setattr("sys.argv", ["settled_averages", *asked, "--seeds", "1"])
    study.main()
    assert "no weights of 90%, seed 0: train it" in capsys.readouterr().out
    study.main()  # the row is there: it is not made again
    [row] = settled_averages.recorded(Path(config.results)).to_dict("records")
    assert told == {"architecture": "efficientnet", "train": False}
    assert Workbench(config).results.students().equals(students)
    facts = students.set_index("key").loc[row["key"]]
    assert row["test_macro_f1"] == facts["test_macro_f1"]
    assert (row["n_train"], row["steps"], row["seed"]) == (12, 4, 0)  # batches of 8 and 4, twice
    run = Workbench(config).student_run(
        study.recorded_teacher(Workbench(config)), SubsetSpec(rule="random", fraction=0.4), 0
    )
    assert study.scored(Workbench(config), run)["settled_macro_f1"] == row["settled_macro_f1"]


ROWS = pd.DataFrame([
    {"key": f"{fraction}{seed}", "network": "b0", "fraction": fraction, "seed": seed,
     "n_train": 400, "steps": steps, "momentum": 0.01, "test_macro_f1": score,
     "settled_macro_f1": score + gain + 0.01 * seed}
    for fraction, steps, score, gain in ((0.01, 130, 0.02, 0.2), (0.05, 630, 0.3, 0.0))
    for seed in range(3)
])  # fmt: skip


def test_what_has_not_settled_is_told_by_momentum_and_steps(tmp_path: Path) -> None:
    ROWS.to_csv(tmp_path / settled_averages.FILE, index=False)
    found = settled_averages.by_size(settled_averages.recorded(tmp_path))
    assert found["unsettled"].tolist() == pytest.approx([0.99**130, 0.99**630])
    assert found["difference"].tolist() == pytest.approx([0.21, 0.01])
    small = ROWS[ROWS["fraction"] == 0.01]
    test = ttest_rel(small["settled_macro_f1"], small["test_macro_f1"])
    low, high = test.confidence_interval()
    assert found.loc[0, ["low", "high"]].tolist() == pytest.approx([low, high])
    told = settled_averages.read_settled(found)
    assert "On 1% of the split, after 130 steps, 27.1% of the averages is what they" in told
    assert "0.020 as scored and **0.230** with settled ones (difference +0.185 to +0.235)" in told
    table = settled_averages.settled_table(found)
    assert table["not settled"].tolist() == ["27.1%", "0.2%"]
    assert table["difference"].tolist() == ["+0.210", "+0.010"]


def test_one_seed_has_no_interval() -> None:
    found = settled_averages.by_size(ROWS[ROWS["seed"] == 1])
    assert found["difference"].tolist() == pytest.approx([0.21, 0.01])
    assert found[["low", "high"]].isna().all(axis=None)
    assert settled_averages.settled_table(found)["95 % interval"].tolist() == ["–", "–"]
    assert "**0.230** with settled ones (difference of one seed)" in settled_averages.read_settled(
        found
    )


def test_not_run_is_told(tmp_path: Path) -> None:
    found = settled_averages.by_size(settled_averages.recorded(tmp_path))
    assert settled_averages.read_settled(found).startswith("**Not run yet**")
    assert settled_averages.settled_table(found).empty
