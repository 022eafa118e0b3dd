"""The record: rows, arrays, checksums; nothing half written, nothing foreign taken for ours."""

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from made_runs import student_row, teacher_row

from carto_helpers import records
from carto_helpers.config import STUDENT_COLUMNS, TEACHER_COLUMNS
from carto_helpers.recording import DynamicsRecord, epoch_quantities, stack_epochs
from carto_helpers.records import (
    DamagedFileError,
    Results,
    load_tensors,
    published,
    replacing,
    save_tensors,
)


def made_record(n: int = 12, n_epochs: int = 3) -> DynamicsRecord:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (n,), generator=generator)
    epochs = [
        epoch_quantities(torch.randn(n, 2, generator=generator), labels) for _ in range(n_epochs)
    ]
    return stack_epochs(np.arange(n)[::-1].copy(), labels.numpy(), ("cat", "dog"), epochs)


def flip_a_byte(path: Path, at: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(at * len(content))] ^= 0xFF
    path.write_bytes(content)


def test_an_empty_folder_is_an_empty_record(tmp_path: Path) -> None:
    results = Results(tmp_path / "none")
    assert tuple(results.teachers().columns) == TEACHER_COLUMNS
    assert tuple(results.students().columns) == STUDENT_COLUMNS
    assert len(results.students()) == 0
    assert not (tmp_path / "none").exists()


def test_rows_come_back_as_they_went_in_and_once(tmp_path: Path) -> None:
    results = Results(tmp_path)
    rows = [student_row(key="0123456789012345"), student_row(key="1e10000000000000")]
    for row in [*rows, rows[0]]:
        results.append_student(row)
    expected = pd.DataFrame(rows)[list(STUDENT_COLUMNS)]
    pd.testing.assert_frame_equal(results.students(), expected, check_dtype=False)
    assert results.students()["key"].tolist() == ["0123456789012345", "1e10000000000000"]


def test_a_row_with_other_columns_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    row = student_row() | {"colour": "blue"}
    with pytest.raises(ValueError, match=r"a row of students.csv must hold exactly .* in colour"):
        Results(tmp_path).append_student(row)
    assert not (tmp_path / "students.csv").exists()


def test_another_schema_is_named_with_what_is_missing(tmp_path: Path) -> None:
    pd.DataFrame([student_row()]).drop(columns="rule").to_csv(tmp_path / "students.csv")
    with pytest.raises(ValueError, match="missing: rule; unknown: Unnamed: 0"):
        Results(tmp_path).students()


def test_an_older_record_lacks_a_loss_and_is_read_and_gone_on_with(tmp_path: Path) -> None:
    older = pd.DataFrame([student_row(key="old")]).drop(columns="train_loss")
    older.to_csv(tmp_path / "students.csv", index=False)
    results = Results(tmp_path)
    assert np.isnan(results.students()["train_loss"]).all()
    results.append_student(student_row(key="new", train_loss=0.5))
    assert set(results.students().columns) == set(STUDENT_COLUMNS)
    assert results.students()["train_loss"].fillna(-1).tolist() == [-1, 0.5]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"1,2\n3'])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "teachers.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"teachers.csv must"):
        Results(tmp_path).teachers()


def test_dynamics_come_back_bit_for_bit(tmp_path: Path) -> None:
    results, record = Results(tmp_path), made_record()
    sha = results.save_dynamics("k", record)
    results.append_teacher(teacher_row(key="k", dynamics_sha256=sha))
    found = results.dynamics("k")
    assert found.classes == record.classes
    assert np.array_equal(found.index, record.index)
    for name, array in record.quantities.items():
        assert np.array_equal(found.quantities[name], array)
        assert found.quantities[name].dtype == array.dtype


@pytest.mark.parametrize("at", [0.02, 0.3, 0.6, 0.99])
def test_damaged_dynamics_are_noticed(tmp_path: Path, at: float) -> None:
    results = Results(tmp_path)
    sha = results.save_dynamics("k", made_record())
    results.append_teacher(teacher_row(key="k", dynamics_sha256=sha))
    flip_a_byte(tmp_path / "dynamics" / "k.parquet", at)
    with pytest.raises(ValueError, match="k.parquet must be as its run left it"):
        results.dynamics("k")


def test_other_dynamics_than_the_rows_are_refused(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.append_teacher(teacher_row(key="k", dynamics_sha256="0" * 64))
    results.save_dynamics("k", made_record())
    with pytest.raises(ValueError, match=r"k.parquet must be as its run left it"):
        results.dynamics("k")


def test_logits_come_back_in_float16_and_damage_is_noticed(tmp_path: Path) -> None:
    results, logits = Results(tmp_path), torch.randn(5, 3).half()
    sha = results.save_logits("k", logits)
    results.append_teacher(teacher_row(key="k", logits_sha256=sha))
    assert torch.equal(results.logits("k"), logits)
    flip_a_byte(tmp_path / "logits" / "k.safetensors", 0.99)
    with pytest.raises(ValueError, match=r"k.safetensors must be as its run left it"):
        results.logits("k")


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"k.parquet, got none; train the teacher"):
        Results(tmp_path).dynamics("k")


def test_a_teacher_without_a_row_is_refused(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.save_dynamics("k", made_record())
    with pytest.raises(ValueError, match="no teacher 'k' in"):
        results.dynamics("k")


def test_a_truncated_tensor_file_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "weights" / "k.safetensors"
    save_tensors(path, {"w": torch.ones(100)}, {"network": "n"})
    assert torch.equal(load_tensors(path)["w"], torch.ones(100))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="must be as its run left it"):
        load_tensors(path)


def test_thumbnails_come_back_by_position(tmp_path: Path) -> None:
    results = Results(tmp_path)
    assert results.thumbnails("digits", "ab") == {}
    results.save_thumbnails("digits", "ab", np.array([3, 8]), [b"x", b"yy"])
    assert results.thumbnails("digits", "ab") == {3: b"x", 8: b"yy"}
    (tmp_path / "thumbnails" / "digits-ab.parquet").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"digits-ab.parquet must be as its run left it"):
        results.thumbnails("digits", "ab")


def test_the_same_images_in_another_order_keep_their_own_thumbnails(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.save_thumbnails("cifar10", "folders", np.array([3]), [b"frog"])
    assert results.thumbnails("cifar10", "official") == {}
    results.save_thumbnails("cifar10", "official", np.array([3]), [b"ship"])
    assert results.thumbnails("cifar10", "folders") == {3: b"frog"}


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as beside:
        beside.write_text(f"ne{1 / 0}")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_changed_digit_in_a_table_is_noticed(tmp_path: Path) -> None:
    Results(tmp_path).append_student(student_row(test_macro_f1=0.5))
    table = tmp_path / "students.csv"
    table.write_text(table.read_text().replace("0.5", "0.6"))
    with pytest.raises(ValueError, match=r"students.csv must be as its run left it.* if you chang"):
        Results(tmp_path).students()


def test_a_table_that_is_gone_is_missed_and_an_unsealed_one_read(tmp_path: Path) -> None:
    Results(tmp_path).append_student(student_row())
    content = (tmp_path / "students.csv").read_bytes()
    (tmp_path / "students.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"expected the table .*, got its checksum alone"):
        Results(tmp_path).students()
    (tmp_path / "students.csv.sha256").unlink()
    (tmp_path / "students.csv").write_bytes(content)
    assert len(Results(tmp_path).students()) == 1


def test_a_table_whose_writer_was_killed_before_its_checksum_gets_one(tmp_path: Path) -> None:
    """Killed for real, when the table is flushed and renamed and its checksum is not."""
    child = os.fork()
    if child == 0:
        flush, flushed = os.fsync, []

        def flush_or_die(file: int) -> None:
            flush(file)
            flushed.append(file)
            if len(flushed) == 2:  # the file, its folder
                os.kill(os.getpid(), signal.SIGKILL)

        os.fsync = flush_or_die
        Results(tmp_path).append_teacher(teacher_row())
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    results, table = Results(tmp_path), tmp_path / "teachers.csv"
    assert results.unsealed() == [table]
    results.tidy()
    assert results.unsealed() == []
    table.write_text(table.read_text().replace("0.5", "0.6"))
    with pytest.raises(ValueError, match=r"teachers.csv must be as its run left it"):
        results.teachers()


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("n_train", "9" * 30), ("recipe", "{}x"), ("recipe", "[]"), ("recipe", '{"colour": 1}'),
        ("engine", "x"), ("engine", "[]"), ("fraction", 7.0), ("hard", 0.4), ("rule", "unknown"),
        ("subset_seed", -1), ("key", "../../victim"), ("key", ""), ("teacher_key", "a/b"),
    ],
)  # fmt: skip
def test_a_cell_that_no_run_can_have_written_is_named(
    tmp_path: Path, column: str, cell: object
) -> None:
    table = tmp_path / "students.csv"
    pd.DataFrame([student_row() | {column: cell}]).to_csv(table, index=False)
    with pytest.raises(ValueError, match=rf"{table} must hold rows as this version writes them"):
        Results(tmp_path).students()


def test_a_key_twice_is_named(tmp_path: Path) -> None:
    pd.DataFrame([student_row(), student_row()]).to_csv(tmp_path / "students.csv", index=False)
    with pytest.raises(ValueError, match=r"got the key 'k+' twice; restore"):
        Results(tmp_path).students()


def test_a_key_is_no_path(tmp_path: Path) -> None:
    victim = tmp_path / "victim.parquet"
    victim.touch()
    with pytest.raises(ValueError, match=r"a run's key must be letters, digits and hyphens"):
        Results(tmp_path / "results").forget("../../victim")
    assert [path.name for path in tmp_path.iterdir()] == [victim.name]


@pytest.mark.parametrize(
    "columns", [{"place": [1]}, {"index": ["a"], "image": [b"x"]}, {"index": [1], "image": [[2]]}]
)
def test_thumbnails_of_another_kind_are_named(tmp_path: Path, columns: dict[str, Any]) -> None:
    path = tmp_path / "thumbnails" / "digits-f.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DamagedFileError, match=r"digits-f.parquet must be"):
        Results(tmp_path).thumbnails("digits", "f")


def test_a_long_cell_gives_a_short_error(tmp_path: Path) -> None:
    pd.DataFrame([student_row(seconds="x" * 9_000)]).to_csv(tmp_path / "students.csv", index=False)
    with pytest.raises(ValueError, match=r"students.csv must hold rows as this") as found:
        Results(tmp_path).students()
    assert len(str(found.value)) < 1_000


def test_forgetting_takes_rows_and_files_of_one_run(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for key in ("a", "b"):
        sha = results.save_dynamics(key, made_record())
        results.append_teacher(teacher_row(key=key, dynamics_sha256=sha))
        save_tensors(results.weights_path(key), {"w": torch.ones(1)})
    results.forget("a")
    assert results.teachers()["key"].tolist() == ["b"]
    assert not list(tmp_path.glob("[!.]*/a.*"))
    assert len(list(tmp_path.glob("[!.]*/b.*"))) == 2
    with pytest.raises(ValueError, match="no run 'a' in .*; `carto status` lists them"):
        results.forget("a")


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    results = Results(tmp_path)
    hexadecimal = "0" * 32
    halves = [
        tmp_path / f".students.csv.{hexadecimal}",
        tmp_path / f".teachers.csv.sha256.{hexadecimal}",
        tmp_path / "thumbnails" / f".digits.parquet.{hexadecimal}",
        tmp_path / "weights" / f".k.safetensors.{hexadecimal}",
    ]
    for half in halves:
        half.parent.mkdir(exist_ok=True)
        half.write_text("half")
    results.tidy()
    assert [half.exists() for half in halves] == [False, False, False, True]
    results.clear("k")
    assert not halves[-1].exists()


def test_a_record_that_cannot_be_written_has_nothing_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Results(tmp_path)
    with results.claim("k"):
        pass

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("carto_helpers.records.FileLock", refuse)
    assert results.under_way() == []


def test_who_waits_for_another_process_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(records, "_PATIENCE", 0.1)
    ready, wait = os.pipe(), 1.0
    child = os.fork()
    if child == 0:
        with Results(tmp_path).claim("run"):
            os.write(ready[1], b"1")
            time.sleep(wait)
        os._exit(0)
    os.read(ready[0], 1)
    with Results(tmp_path).claim("run"):
        assert re.search(
            r"waiting for another process, which holds .*run.lock", capsys.readouterr().out
        )
    os.waitpid(child, 0)


def test_a_claim_is_seen_while_it_is_held(tmp_path: Path) -> None:
    results = Results(tmp_path)
    with results.claim("k"):
        assert Results(tmp_path).under_way() == ["k"]
    assert results.under_way() == []


def test_a_relative_folder_lies_at_the_clones_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    assert Results("results").folder == tmp_path / "notebooks" / "deep" / "results"
    (tmp_path / "_toc.yml").write_text("")
    assert Results("results").folder == tmp_path / "results"
    assert Results(tmp_path / "x").folder == tmp_path / "x"


def test_a_file_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(NotADirectoryError, match="`results` must be a folder, got the file"):
        Results(tmp_path / "results")


def test_the_papers_tables_are_there() -> None:
    assert set(published("table2_teachers")["dataset"]) == {"cifar10", "cifar100", "mnist"}


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"expected the paper's table .*table9.csv"):
        published("table9", tmp_path)


def test_recipes_are_json() -> None:
    assert json.loads(student_row()["recipe"])["epochs"] == 10
