"""Which teacher students learn from, and what identifies a run."""

from pathlib import Path

import pytest
import torch
from made_runs import TINY, make_folder, teacher_row, tiny_config

from carto_helpers.config import SubsetSpec
from carto_helpers.engine import Engine, choose_engine
from carto_helpers.records import Results
from carto_helpers.runs.provenance import device_name
from carto_helpers.runs.workbench import Workbench


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("images") / "noise")


def bench_with(
    folder: Path, results: Path, rows: list[dict[str, object]], **changed: object
) -> Workbench:
    bench = Workbench(tiny_config(folder, results, **changed))
    shared = {
        "dataset": "noise", "fingerprint": bench.dataset.fingerprint, "split_seed": 0,
        "network": TINY, "recipe": bench.config.teacher_recipe().to_json(),
    }  # fmt: skip
    for i, row in enumerate(rows):
        bench.results.append_teacher(teacher_row(key=str(i)) | shared | row)
    return bench


def chosen(bench: Workbench) -> str | None:
    teacher = bench.chosen_teacher()
    return None if teacher is None else str(teacher["key"])


def test_best_is_the_highest_validation_score_of_any_network_and_rate(
    folder: Path, tmp_path: Path
) -> None:
    fast = tiny_config(folder, tmp_path).teacher_recipe(1e-4).to_json()
    rows = [
        {"val_macro_f1": 0.5, "test_macro_f1": 0.9},
        {"val_macro_f1": 0.7, "network": "resnet50", "recipe": fast},
        {"val_macro_f1": 0.6},
    ]
    assert chosen(bench_with(folder, tmp_path, rows, teacher="best")) == "1"
    assert chosen(bench_with(folder, tmp_path, [])) == "2"


@pytest.mark.parametrize(
    "other",
    [
        {"dataset": "other"},
        {"fingerprint": "another"},
        {"split_seed": 1},
        {"start": "paper"},
        {"start": "cifar100:key"},
        {"recipe": '{"learning_rate": 0.001}'},
    ],
)
def test_another_setting_is_no_candidate(
    folder: Path, tmp_path: Path, other: dict[str, object]
) -> None:
    rows = [other | {"val_macro_f1": 0.9}]
    assert chosen(bench_with(folder, tmp_path, rows, teacher="best")) is None


def test_teachers_of_another_file_are_no_candidates(folder: Path, tmp_path: Path) -> None:
    """Nor may a file that changes meanwhile give a run the weights of another."""
    files = [tmp_path / f"{name}.safetensors" for name in "ab"]
    for file in files:
        file.write_bytes(file.name.encode())
    benches = [Workbench(tiny_config(folder, tmp_path, teacher_start=str(f))) for f in files]
    spec = benches[0].network("teacher")
    labels = [bench.start("teacher", spec).label for bench in benches]
    rows = [{"start": label, "val_macro_f1": 0.5 + i / 10} for i, label in enumerate(labels)]
    bench_with(folder, tmp_path, rows)
    assert [chosen(bench) for bench in benches] == ["0", "1"]
    run = benches[0].teacher_run(spec)
    files[0].write_bytes(b"other")
    with pytest.raises(ValueError, match=f"expected the start {labels[0]} as planned, got file:"):
        benches[0].start_of(run, spec)


def test_students_runs_differ_by_seed_and_subset_and_by_nothing_else(
    folder: Path, tmp_path: Path
) -> None:
    bench = bench_with(folder, tmp_path, [{"val_macro_f1": 0.5}])
    teacher = bench.chosen_teacher()
    assert teacher is not None
    low = SubsetSpec(rule="low-confidence")
    runs = [bench.student_run(teacher, s, seed) for s in (low, SubsetSpec()) for seed in (0, 1, 0)]
    keys = [run.key() for run in runs]
    assert keys[0] == keys[2]
    assert keys[3] == keys[5]
    assert len(set(keys)) == 4


def test_a_new_run_has_the_rules_engine_whatever_older_rows_had(
    folder: Path, tmp_path: Path
) -> None:
    older = Engine(layout="contiguous", threads=1).to_json()
    bench = bench_with(folder, tmp_path, [{"device": device_name("cpu"), "engine": older}])
    spec = bench.network("teacher")
    assert bench.engine(spec, "teacher") == choose_engine(spec.name, "cpu", role="teacher")


def test_without_training_the_images_choose_among_records_of_one_name(
    folder: Path, tmp_path: Path
) -> None:
    rows = [{"val_macro_f1": 0.5}, {"val_macro_f1": 0.9, "fingerprint": "another"}]
    assert chosen(bench_with(folder, tmp_path, rows, train=False)) == "0"
    tests = {"teacher": "resnet18"}  # of which there is none: nothing to choose among
    assert Workbench(tiny_config(folder, tmp_path, train=False, **tests))._candidates().empty
    gone = Workbench(tiny_config(tmp_path / "gone" / "noise", tmp_path, train=False))
    with pytest.raises(ValueError, match="holds teachers of 2 data sets named .*noise; only its i"):
        gone.chosen_teacher()


def test_the_best_teacher_of_another_data_sets_start_may_be_any_network(
    folder: Path, tmp_path: Path
) -> None:
    rows = [{"start": "cifar100:0a", "network": "mobilenetv2_100", "val_macro_f1": 0.5}]
    bench = bench_with(folder, tmp_path, rows, teacher="best", teacher_start="cifar100")
    assert chosen(bench) == "0"


def test_a_better_teacher_without_logits_is_passed_over(folder: Path, tmp_path: Path) -> None:
    rows = [{"val_macro_f1": 0.5}, {"val_macro_f1": 0.9, "network": "resnet34"}]
    bench = bench_with(folder, tmp_path, rows, teacher="best")
    assert chosen(bench) == "1"  # neither has any: nothing to tell them apart
    bench.results.save_logits("0", torch.zeros(4, 2, dtype=torch.float16))
    assert chosen(bench) == "0"


def test_rows_name_a_family_in_its_own_role_alone(folder: Path, tmp_path: Path) -> None:
    """A ResNet-18 teacher is not the family's teacher, the ResNet-50: a mean would hold both."""
    named = {
        name: Workbench(tiny_config(folder, tmp_path, teacher=name, architecture=name))
        for name in ("resnet", "resnet18", "resnet50")
    }
    teachers = {name: bench.teacher_run(bench.network("teacher")) for name, bench in named.items()}
    assert {name: run.teacher for name, run in teachers.items()} == {
        "resnet": "resnet", "resnet50": "resnet", "resnet18": "resnet18",
    }  # fmt: skip
    assert {name: bench.student_name() for name, bench in named.items()} == {
        "resnet": "resnet", "resnet50": "resnet50", "resnet18": "resnet",
    }  # fmt: skip


def test_a_teachers_logits_are_loaded_once(folder: Path, tmp_path: Path) -> None:
    """A step recorded on a GPU reads the very tensor for as long as it is replayed."""
    digests = [Results(tmp_path).save_logits(k, torch.full((32, 2), float(k))) for k in "01"]
    bench = bench_with(folder, tmp_path, [{"logits_sha256": digest} for digest in digests])
    engine = Engine(layout="contiguous", threads=1)
    first = bench.resident(engine, "0")["train"].teacher_logits
    assert bench.resident(engine, "0")["train"].teacher_logits is first
    assert bench.resident(engine)["train"].teacher_logits is None
    other = bench.resident(engine, "1")["train"].teacher_logits
    assert other is not None and float(other.max()) == 1
