"""Starts: what a name means, and what is refused."""

from pathlib import Path

import pytest
import torch
from made_runs import TINY, make_folder, teacher_row, tiny_config

from carto_helpers import models
from carto_helpers.records import DamagedFileError, Results, save_tensors
from carto_helpers.runs.starts import Start, initialise, resolve_start
from carto_helpers.runs.workbench import Workbench

SPEC = models.resolve(TINY, role="student")


def test_paper_is_scratch_where_the_authors_had_no_weights(tmp_path: Path) -> None:
    results = Results(tmp_path)
    student = models.resolve("mobilenet", role="student")
    teacher = models.resolve("resnet", role="teacher")
    assert resolve_start("paper", student, results) == Start(label="scratch")
    assert resolve_start("paper", teacher, results) == Start(label="paper")


def test_paper_is_for_the_papers_networks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"start 'paper' is for the paper's networks, got {TINY}"):
        resolve_start("paper", SPEC, Results(tmp_path))


def test_a_file_is_named_by_its_content(tmp_path: Path) -> None:
    paths = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for path in paths:
        save_tensors(path, {"w": torch.ones(3)})
    one, other = (resolve_start(str(path), SPEC, Results(tmp_path)) for path in paths)
    assert one.label == other.label
    assert one.label.startswith("file:")


def test_an_unknown_start_names_the_valid_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a start must be one of scratch, paper, digits"):
        resolve_start("imagenet", SPEC, Results(tmp_path))


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected weights in none.safetensors, got no"):
        resolve_start("none.safetensors", SPEC, Results(tmp_path))


def test_another_data_sets_teacher_must_be_recorded(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"expected a recorded teacher {TINY} on cifar100"):
        resolve_start("cifar100", SPEC, Results(tmp_path))


def test_another_data_sets_teacher_gives_its_weights_and_a_new_head(tmp_path: Path) -> None:
    bench = Workbench(tiny_config(make_folder(tmp_path / "noise"), tmp_path / "results"))
    for key, score in (("worse", 0.2), ("better", 0.4)):
        row = teacher_row(key=key, dataset="cifar100", network=TINY, val_macro_f1=score)
        bench.results.append_teacher(row)
        source = initialise(SPEC, Start(label="scratch"), bench.dataset.train, seed=len(key))
        save_tensors(bench.results.weights_path(key), source.state_dict(), {"key": key})
    start = resolve_start("cifar100", SPEC, bench.results)
    assert start.label == "cifar100:better"
    network = initialise(SPEC, start, bench.dataset.train, seed=3).state_dict()
    for name, tensor in source.state_dict().items():
        assert torch.equal(network[name], tensor) == ("fc" not in name), name


def test_another_runs_weights_in_a_teachers_place_are_refused(tmp_path: Path) -> None:
    bench = Workbench(tiny_config(make_folder(tmp_path / "noise"), tmp_path / "results"))
    bench.results.append_teacher(teacher_row(key="teacher", dataset="cifar100", network=TINY))
    source = initialise(SPEC, Start(label="scratch"), bench.dataset.train, seed=0)
    path = bench.results.weights_path("teacher")
    save_tensors(path, source.state_dict(), {"key": "student"})
    start = resolve_start("cifar100", SPEC, bench.results)
    with pytest.raises(
        DamagedFileError, match=r"teacher.safetensors must be .* `carto forget teac"
    ):
        initialise(SPEC, start, bench.dataset.train, seed=0)


def test_one_seed_gives_one_network(tmp_path: Path) -> None:
    images = Workbench(tiny_config(make_folder(tmp_path / "noise"), tmp_path)).dataset.train
    one, again, other = (
        torch.cat(
            [
                p.flatten()
                for p in initialise(SPEC, Start(label="scratch"), images, seed=s).parameters()
            ]
        )
        for s in (0, 0, 1)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
