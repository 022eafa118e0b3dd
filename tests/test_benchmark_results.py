"""What of earlier measurements a new one replaces."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.measuring import Comparison
from benchmarks.results import measured, newest, write

CPU, OTHER_CPU = ({"date": "2026-11-30", "device": f"{name} (cpu)"} for name in ("A", "B"))
GPU = {"date": "2026-11-30", "device": "NVIDIA H200"}


def _line(what: str, seconds: float) -> Comparison:
    return Comparison(section="Students", what=what, unit="s", ours=[seconds])


def _found(folder: Path) -> list[tuple[str, str, float]]:
    return [(facts["device"], line.what, line.ours[0]) for facts, line in measured(folder)]


def test_what_is_not_measured_again_stays(tmp_path: Path) -> None:
    write([_line("one", 1.0), _line("two", 2.0)], CPU, tmp_path)
    write([_line("two", 3.0)], CPU, tmp_path)
    assert _found(tmp_path) == [("A (cpu)", "one", 1.0), ("A (cpu)", "two", 3.0)]


@pytest.mark.parametrize("other", [OTHER_CPU, GPU])
def test_lines_of_another_device_stay(other: dict[str, str], tmp_path: Path) -> None:
    write([_line("one", 1.0)], CPU, tmp_path)
    write([_line("one", 0.2)], other, tmp_path)
    write([_line("one", 0.1)], other, tmp_path)
    assert _found(tmp_path) == [("A (cpu)", "one", 1.0), (other["device"], "one", 0.1)]


def test_all_sizes_are_of_one_run(tmp_path: Path) -> None:
    write([_line("one pass, N = 10", 1.0), _line("one pass, N = 100", 10.0)], CPU, tmp_path)
    write([_line("one pass, N = 10", 2.0)], OTHER_CPU, tmp_path)
    assert [line.ours for _, line in newest(measured(tmp_path))] == [[2.0]]


def test_the_newest_lines_are_those_of_the_last_run_that_has_them(tmp_path: Path) -> None:
    beside = [replace(_line("one", 1.0), baseline_name=name) for name in ("(a) 0", "(b)")]
    write([*beside, _line("two", 2.0)], CPU, tmp_path)
    write([replace(beside[0], baseline_name="(a) 2")], OTHER_CPU, tmp_path)
    said = [(line.what, line.baseline_name) for _, line in newest(measured(tmp_path))]
    assert said == [("two", ""), ("one", "(a) 2")]


def test_the_page_shows_both_sides_their_ratio_and_the_floor(tmp_path: Path) -> None:
    line = Comparison(
        section="Students", what="one step", unit="ms", ours=[2.0, 1.0, 4.0],
        baseline_name="(a) a loop", baseline=[6.0, 6.0, 6.0], floor=0.5, floor_from="made",
    )  # fmt: skip
    write([line], CPU, tmp_path)
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    row = "| one step | 2 (1–4) ms | (a) a loop | 6 (6–6) ms | **3 (1.5–6)×** | 0.5 ms | 4× |"
    assert row in page
    assert "| GPU: the paper's students | at most 10 min | – | not measured |" in page
    assert "## Measured on 2026-11-30: A (cpu)" in page
    assert "Floor: made." in page
    asked = "| macro F1 less a plain loop's, resnet18, 95 % interval of 5 pairs | within ±0.015 |"
    assert f"{asked} -0.0172 to +0.0095 | **missed** |" in page  # by paired_scores.csv
