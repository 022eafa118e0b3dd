"""Two runs of one key: the same run shares all, an opposite one nothing that ranks."""

from pathlib import Path

import pandas as pd
import pytest
from made_maps import made_map, steady
from made_runs import teacher_row

import studies.remade
from carto_helpers.findings.remade import read_remade, recorded, remade
from carto_helpers.records import Results

RISING = steady(0.2, 4) + steady(0.5, 4) + steady(0.9, 4)


def made_record(folder: Path, p_gold: list[list[float]], *, val_macro_f1: float) -> Results:
    results = Results(folder)
    row = teacher_row(key="a", dataset="cifar10", val_macro_f1=val_macro_f1)
    row["dynamics_sha256"] = results.save_dynamics("a", made_map(p_gold).record)
    results.append_teacher(row)
    return results


def test_the_same_run_shares_every_subset(tmp_path: Path) -> None:
    first = made_record(tmp_path, RISING, val_macro_f1=0.7)
    found = remade(first, first, "a").set_index("rule")
    assert (found["shared"] == 1).all()
    assert found.loc["high-confidence", "rank_correlation"] == pytest.approx(1)
    assert found["rank_correlation"].isna().sum() == 4  # random and the three regions


def test_a_run_turned_around_shares_what_is_drawn_alone(tmp_path: Path) -> None:
    first = made_record(tmp_path / "first", RISING, val_macro_f1=0.7)
    second = made_record(tmp_path / "second", RISING[::-1], val_macro_f1=0.6)
    found = remade(first, second, "a").set_index("rule")
    assert found.loc["random", "shared"] == 1
    assert found.loc["low-confidence", "shared"] == 0
    assert found.loc["low-confidence", "rank_correlation"] < -0.5
    assert found[["first_val_macro_f1", "second_val_macro_f1"]].iloc[0].tolist() == [0.7, 0.6]


def test_rows_of_a_key_are_replaced_and_others_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key of digits alone stays a text."""
    folder = made_record(tmp_path / "first", RISING, val_macro_f1=0.7).folder
    made_record(tmp_path / "again", RISING[::-1], val_macro_f1=0.6)
    results = Results(folder)
    found = remade(results, results, "a")
    kept = pd.concat([found, found.assign(key="0741576914910123")])
    kept.to_csv(folder / "remade.csv", index=False)
    asked = ["--results", str(folder), "--again", str(tmp_path / "again"), "--key", "a"]
    monkeypatch.setattr("sys.argv", ["remade", *asked])
    studies.remade.main()
    rows = recorded(folder)
    assert rows["key"].tolist() == ["0741576914910123"] * 12 + ["a"] * 12
    assert rows["second_val_macro_f1"].tolist() == [0.7] * 12 + [0.6] * 12


def test_what_is_kept_is_read_again_and_told(tmp_path: Path) -> None:
    assert recorded(tmp_path).empty
    assert read_remade(recorded(tmp_path)).startswith("**Not run yet**")
    first = made_record(tmp_path, RISING, val_macro_f1=0.7)
    remade(first, first, "a").to_csv(tmp_path / "remade.csv", index=False)
    said = read_remade(recorded(tmp_path))
    assert "**0.700**, and **0.700** when made again" in said
    assert "100% (low-forgetfulness) to 100%" in said
