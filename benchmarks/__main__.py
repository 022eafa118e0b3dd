"""`python -m benchmarks`: measure, print, write RESULTS.md and results.json."""

import argparse
from collections.abc import Container, Iterator
from pathlib import Path

from benchmarks import (
    job_memory,
    recorder_cost,
    results,
    scale,
    students,
    teacher_epoch,
    whole_paper,
)
from benchmarks.material import BATCH_SIZE, STUDENTS, prepare
from benchmarks.measuring import Comparison, spread
from carto_helpers.engine import resolve_device

PARTS = ("students", "teacher", "recorder", "memory", "scale")


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one student, under 3 minutes")
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="these; the rest stays as it was"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-root", type=Path, help="CIFAR-10's folder; else noise of its shape")
    parser.add_argument("--to", type=Path, default=results.HERE, help="folder of the results")
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    facts = results.machine(device)
    arguments.to.mkdir(parents=True, exist_ok=True)
    comparisons = []
    for line in _lines(device, arguments):
        ratio = f", {spread(line.ratios)}×" if line.ratios else ""
        print(
            f"{line.what}: {spread(line.ours)} {line.unit}{ratio} {line.baseline_name}", flush=True
        )
        comparisons.append(line)
        results.write(comparisons, facts, arguments.to)  # what is measured outlives a stop
    print(f"written: {arguments.to / 'RESULTS.md'}")


def _lines(device: str, arguments: argparse.Namespace) -> Iterator[Comparison]:
    parts, is_quick = set(arguments.only), arguments.quick
    if is_quick:
        parts -= {"teacher", "recorder"}
    families = STUDENTS[:1] if is_quick else STUDENTS
    if parts & {"students", "teacher"}:
        yield from _training(device, arguments.data_root, parts, families, 1 if is_quick else 3)
    if "recorder" in parts:
        yield from recorder_cost.measure(n_blocks=9, n_epochs=9)
    if "memory" in parts:
        yield from job_memory.measure(families, device=device)
    if "scale" in parts:
        sizes = (10_000, 100_000, 1_000_000, 10_000_000)
        yield from scale.measure(sizes=sizes[:3] if is_quick else sizes, n_repeats=5)


def _training(
    device: str,
    data_root: Path | None,
    parts: Container[str],
    families: tuple[str, ...],
    n_repeats: int,
) -> Iterator[Comparison]:
    n_steps = 200
    material = prepare(data_root, n_images=n_steps * BATCH_SIZE)
    if "students" in parts:
        timed = []
        for line in students.measure(
            material, families, device=device, n_steps=n_steps, n_repeats=n_repeats
        ):
            timed.append(line)
            yield line
        yield from whole_paper.measure(timed, on_gpu=device.startswith("cuda"))
    if "teacher" in parts:
        yield from teacher_epoch.measure(
            material, device=device, n_steps=n_steps, n_repeats=n_repeats
        )


if __name__ == "__main__":
    main()
