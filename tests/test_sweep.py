"""The sweep's file calls a command that is there, with values that it takes."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from made_runs import make_folder

from carto_helpers import paper
from carto_helpers.__main__ import main
from carto_helpers.runs import planning

SWEEP: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[1] / "sweeps" / "wandb.yaml").read_text(encoding="utf-8")
)


def commands() -> list[list[str]]:
    """Return what an agent's ${args} makes of each point of the grid."""
    values = {
        name: spec.get("values", [spec.get("value")]) for name, spec in SWEEP["parameters"].items()
    }
    return [
        [f"--{name}={value}" for name, value in zip(values, point, strict=True)]
        for point in product(*values.values())
    ]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The named data sets as made image folders, large enough for one percent of them."""
    root = tmp_path_factory.mktemp("data")
    for name in ("mnist", "cifar10", "cifar100"):
        make_folder(root / name, n_train=260)
    return root


def test_the_grid_is_the_papers_steps() -> None:
    assert SWEEP["method"] == "grid"
    assert SWEEP["parameters"]["steps"]["values"] == list(range(1, paper.N_STEPS + 1))


@pytest.mark.parametrize("arguments", commands(), ids=lambda arguments: arguments[0])
def test_each_of_its_commands_plans_the_step(
    arguments: list[str],
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(planning, "_measured_pace", lambda *_: 0.001)  # no timing
    monkeypatch.setattr("carto_helpers.experiments.check_tracker", lambda _: None)  # an extra
    line: list[str] = SWEEP["command"]
    at = line.index("carto_helpers")
    assert line[at - 2 : at] == ["${interpreter}", "-m"]
    assert line[-1] == "${args}"
    given = [*line[at + 1 : -1], *arguments, "--dry-run"]
    where = ["--data-root", str(images), "--results", str(tmp_path / "r"), "--device", "cpu"]
    assert main([*given, *where]) == 0
    out = capsys.readouterr().out
    number = arguments[0].partition("=")[2]
    assert f"step {number}: " in out
    assert not any(f"step {n}: " in out for n in range(1, 8) if str(n) != number)
