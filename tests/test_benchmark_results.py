"""What of earlier measurements a new one replaces."""

from pathlib import Path

from benchmarks.measuring import Comparison
from benchmarks.results import measured, write

CPU, OTHER_CPU = ({"date": "2026-11-30", "device": f"{name} (cpu)"} for name in ("A", "B"))
GPU = {"date": "2026-11-30", "device": "NVIDIA H200"}


def _line(what: str, seconds: float) -> Comparison:
    return Comparison(section="Students", what=what, unit="s", ours=[seconds])


def _found(folder: Path) -> list[tuple[str, str, float]]:
    return [(facts["device"], line.what, line.ours[0]) for facts, line in measured(folder)]


def test_what_is_not_measured_again_stays_with_its_machine(tmp_path: Path) -> None:
    write([_line("one", 1.0), _line("two", 2.0)], CPU, tmp_path)
    write([_line("two", 3.0)], OTHER_CPU, tmp_path)
    assert _found(tmp_path) == [("A (cpu)", "one", 1.0), ("B (cpu)", "two", 3.0)]


def test_a_gpu_replaces_a_gpus_lines_alone(tmp_path: Path) -> None:
    write([_line("one", 1.0)], CPU, tmp_path)
    write([_line("one", 0.2)], GPU, tmp_path)
    write([_line("one", 0.1)], GPU, tmp_path)
    assert _found(tmp_path) == [("A (cpu)", "one", 1.0), ("NVIDIA H200", "one", 0.1)]


def test_the_page_shows_both_sides_their_ratio_and_the_floor(tmp_path: Path) -> None:
    line = Comparison(
        section="Students", what="one step", unit="ms", ours=[2.0, 1.0, 4.0],
        baseline_name="(a) a loop", baseline=[6.0, 6.0, 6.0], floor=0.5, floor_from="made",
        goal="2×",
    )  # fmt: skip
    write([line], CPU, tmp_path)
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    row = "| one step | 2 (1–4) ms | (a) a loop | 6 (6–6) ms | **3 (1.5–6)×** | 2× | 0.5 ms | 4× |"
    assert row in page
    assert "## Measured on 2026-11-30: A (cpu)" in page
    assert "Floor: made." in page
