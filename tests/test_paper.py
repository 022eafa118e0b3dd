"""The whole paper: steps in order, the chosen teacher, nothing run twice."""

from pathlib import Path
from typing import Any

import pytest
from made_runs import teacher_row

from carto_helpers import experiments, paper
from carto_helpers.config import PhaseConfig
from carto_helpers.records import Results


def shared(tmp_path: Path) -> PhaseConfig:
    return PhaseConfig(seeds=2, epochs=3, results=str(tmp_path))


def record(config: PhaseConfig, **changed: Any) -> None:
    recipe = config.teacher_recipe(changed.pop("learning_rate", 1e-3)).to_json()
    row = teacher_row(dataset="cifar10", split_seed=0, recipe=recipe) | changed
    Results(config.results).append_teacher(row)


def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, PhaseConfig, bool]]:
    calls: list[tuple[str, PhaseConfig, bool]] = []
    for phase in ("phase1", "phase2", "phase3"):
        monkeypatch.setitem(
            experiments.PHASES,
            phase,
            lambda config, dry_run, name=phase: calls.append((name, config, dry_run)),
        )
    monkeypatch.setattr(
        experiments,
        "teachers",
        lambda config, dry_run: calls.append(("teacher", config, dry_run)),
    )
    return calls


def test_steps_come_in_order_of_worth_and_hold_every_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = asked(monkeypatch)
    paper.run(shared(tmp_path), dry_run=True)
    numbers = [step.number for step in paper.STEPS]
    assert numbers == sorted(numbers)
    assert all(dry_run for *_, dry_run in calls)
    cells = {(name, config.dataset, config.architecture) for name, config, _ in calls}
    for dataset in ("cifar10", "cifar100", "mnist"):
        for phase in ("phase1", "phase2", "phase3"):
            for student in ("mobilenet", "resnet", "efficientnet"):
                assert (phase, dataset, student) in cells
    assert {c.seeds for name, c, _ in calls if name != "teacher"} == {2}


def test_only_the_asked_steps_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = asked(monkeypatch)
    paper.run(shared(tmp_path), steps=[3])
    assert [(name, c.dataset, dry) for name, c, dry in calls] == [("phase3", "cifar10", False)] * 3
    with pytest.raises(ValueError, match=r"steps must lie in 1 … 7, got \[9\]"):
        paper.run(shared(tmp_path), steps=[9])


def test_students_learn_from_the_best_resnet50_of_any_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = shared(tmp_path)
    record(config, key="a", val_macro_f1=0.6)
    record(config, key="b", val_macro_f1=0.7, start="cifar100:1234", learning_rate=1e-4)
    record(config, key="c", val_macro_f1=0.9, network="mobilenetv2_100")
    record(config, key="d", val_macro_f1=0.9, dataset="mnist")
    record(config, key="e", val_macro_f1=0.9, recipe="{}")
    calls = asked(monkeypatch)
    paper.run(config, steps=[2])
    _, phase1, _ = calls[0]
    assert (phase1.teacher, phase1.teacher_start) == ("resnet", "cifar100")
    assert phase1.teacher_learning_rate == 1e-4


def test_a_plan_that_waits_for_a_teacher_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(config: PhaseConfig, *, dry_run: bool) -> None:
        raise FileNotFoundError("expected a recorded teacher")

    monkeypatch.setattr(experiments, "teachers", missing)
    paper.run(shared(tmp_path), steps=[1], dry_run=True)
    assert "no plan yet: expected a recorded teacher" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match="expected a recorded teacher"):
        paper.run(shared(tmp_path), steps=[1])
