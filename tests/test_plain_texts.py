"""Texts of 100,000 characters in CSV, JSON and Parquet; parameters that look like code."""

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import student_row, teacher_row

from carto_helpers.__main__ import main
from carto_helpers.config import PARAMETERS, STUDENT_COLUMNS, PhaseConfig
from carto_helpers.experiments import check_names, status
from carto_helpers.formats.aum_files import read_aum
from carto_helpers.formats.dynamics_files import read_npz, read_parquet, write_npz, write_parquet
from carto_helpers.recorders.epoch_folder import read_manifest
from carto_helpers.recording import DynamicsRecord
from carto_helpers.records import Results, published
from carto_helpers.storage.plain_texts import check_classes, check_name, check_texts, short
from carto_helpers.storage.seals import write_sealed

LONG = "x" * 100_000
PACKAGE = Path(__file__).parents[1] / "carto_helpers"


def refused(call: Any, path: Path) -> str:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as info:
        call()
    assert str(path) in str(info.value) and len(str(info.value)) < 1_000
    return str(info.value)


@pytest.mark.parametrize("column", STUDENT_COLUMNS)
def test_a_long_cell_of_a_record_is_named_with_its_file(tmp_path: Path, column: str) -> None:
    path = tmp_path / "students.csv"
    pd.DataFrame([student_row(**{column: LONG})]).to_csv(path, index=False)
    line = refused(Results(tmp_path).students, path)
    assert f"one of 100,000 as {column}" in line


def test_a_long_heading_is_shortened(tmp_path: Path) -> None:
    path = tmp_path / "teachers.csv"
    pd.DataFrame([teacher_row() | {LONG: 1}]).to_csv(path, index=False)
    assert "unknown: xxx" in refused(Results(tmp_path).teachers, path)


def test_a_long_cell_of_the_papers_tables_is_named(tmp_path: Path) -> None:
    path = tmp_path / "table9.csv"
    path.write_text(f"score,train_data\n0.1,{LONG}\n")
    assert "as train_data" in refused(lambda: published("table9", tmp_path), path)


def made_dynamics(classes: tuple[str, ...] = ("a", "b")) -> DynamicsRecord:
    p = np.full((2, 1), 0.75, np.float32)
    arrays = {"p_gold": p, "is_right": p > 0.5}
    return DynamicsRecord(
        index=np.arange(2), labels=np.arange(2), classes=classes, quantities=arrays
    )


@pytest.mark.parametrize("kind", ["parquet", "npz"])
def test_a_long_class_of_parquet_and_numpy_files_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"dynamics.{kind}"
    write, read = (write_npz, read_npz) if kind == "npz" else (write_parquet, read_parquet)
    write(path, made_dynamics(("a", LONG)))
    assert "a class's name" in refused(lambda: read(path), path)


def test_a_long_column_of_parquet_is_shortened(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    pq.write_table(pa.table({LONG: [1]}), path)
    refused(lambda: read_parquet(path), path)


def test_long_texts_of_json_are_one_short_line(tmp_path: Path) -> None:
    for content in ({LONG: 1}, {"version": LONG, "epochs": {}, "classes": []}, LONG):
        write_sealed(tmp_path / "recorder.json", json.dumps(content).encode())
        refused(lambda: read_manifest(tmp_path), tmp_path / "recorder.json")


def test_a_long_number_of_csv_is_one_short_line(tmp_path: Path) -> None:
    path = tmp_path / "aum_values.csv"
    path.write_text(f"sample_id,aum\n1,{LONG}\n")
    refused(lambda: read_aum(path), path)
    path.write_text(f"{LONG}\n1\n")
    refused(lambda: read_aum(path), path)


def test_a_long_plan_spoils_a_line_of_the_status_and_no_more(tmp_path: Path) -> None:
    results = Results(tmp_path)
    with results.claim("plan-x"):
        (tmp_path / ".claims" / "plan-x.json").write_text(json.dumps({"name": LONG}))
        assert len(status(results)) < 1_000


def test_a_text_of_the_longest_length_passes(tmp_path: Path) -> None:
    check_texts(["x" * 10_000, 5, None, LONG.encode()], tmp_path, "a cell")
    with pytest.raises(ValueError, match="at most 10,000 characters, got one of 10,001 as a cell"):
        check_texts(["x" * 10_001], tmp_path, "a cell")


def test_a_name_of_the_longest_length_passes(tmp_path: Path) -> None:
    check_name("ä" * 75, tmp_path)
    with pytest.raises(ValueError, match="150 bytes of UTF-8 .*, got 151 bytes in "):
        check_name("ä" * 75 + "x", tmp_path)


@given(st.text(), st.integers(1, 30))
def test_a_short_text_is_one_line_and_short(text: str, n: int) -> None:
    assert len(short(text, n).splitlines()) <= 1
    assert len(short(text, n)) <= n + 2


CODE = "__import__('pathlib').Path('evaluated').touch()"
TEXTS = (CODE, f"{{{CODE}}}", f"$(touch evaluated)`{CODE}`", f"'); {CODE} #", "!!python/object:x")
LISTS = ("architectures", "learning_rates", "fractions")
NUMBERS = (
    "batch_size", "split_seed", "epochs", "learning_rates", "learning_rate", "fractions",
    "teacher_learning_rate", "temperature", "hard_weight", "seeds", "fraction", "workers",
    "image_size",
)  # the command line refuses what is none  # fmt: skip


def kept_or_refused(name: str, text: str, phase: str) -> bool:
    """Return whether a parameter stays the text it is; else an error says so in one line."""
    try:
        config = PhaseConfig.from_parameters({name: [text] if name in LISTS else text}, phase)
        check_names(config)
    except (TypeError, ValueError, FileNotFoundError) as error:
        return "\n" not in str(error)
    return getattr(config, name) in {text, (text,)}


@pytest.mark.parametrize("phase", PARAMETERS)
def test_no_parameter_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in PARAMETERS[phase]:
        assert all(kept_or_refused(name, text, phase) for text in TEXTS), name
    assert not list(tmp_path.rglob("evaluated"))


OPTIONS = sorted({*PARAMETERS["phase1"]} - {"train", "results", "data_root"})


@pytest.mark.parametrize("name", OPTIONS)
def test_no_option_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in TEXTS:
        arguments = ["phase1", f"--{name.replace('_', '-')}", text, "--dry-run"]
        if name in NUMBERS:
            with pytest.raises(SystemExit, match="2"):
                main(arguments)
        else:
            assert main(arguments) == 2
            assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list(tmp_path.rglob("evaluated"))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_is_evaluated_or_unpickled(path: Path) -> None:
    """But for the official CIFAR batches, whose MD5 is looked at before."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = {ast.unparse(node.func) for node in calls}
    assert not names & {"eval", "exec", "compile", "os.system", "pd.read_pickle", "torch.load"}
    assert not any(name.endswith((".eval_", "pickle.load", "pickle.loads")) for name in names)
    for node in calls:
        options = {option.arg: ast.unparse(option.value) for option in node.keywords}
        assert options.get("shell") != "True"
        assert options.get("allow_pickle", "False") == "False"
        if ast.unparse(node.func) == "np.load":
            assert options["allow_pickle"] == "False"


@pytest.mark.parametrize(
    "parameters",
    [
        {"tracker": LONG},
        {"executor": LONG},
        {"executor": "slurm", "slurm": ["=" + LONG]},
        {"slurm": ["partition=" + LONG]},
        {"architectures": [LONG, LONG]},
    ],
)
def test_a_long_parameter_is_shortened(parameters: dict[str, Any]) -> None:
    phase = "teacher" if "architectures" in parameters else "phase1"
    with pytest.raises(ValueError, match=", got ") as error:
        PhaseConfig.from_parameters(parameters, phase)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("names", [["a", "a"], ["a\u2028b", "c"], ["\ud800"], ["a\x1b[0m", "b"]])
def test_classes_that_a_table_cannot_tell_apart_are_named(tmp_path: Path, names: list[str]) -> None:
    check_classes(["ant", "bee", "ä / ö"], tmp_path)
    with pytest.raises(ValueError, match=f"^{tmp_path} must name each class once, .* rename them"):
        check_classes(names, tmp_path)
