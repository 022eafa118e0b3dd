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
from benchmarks.material import BATCH_SIZE, STUDENTS, images_name, prepare
from benchmarks.measuring import Comparison, spread
from carto_helpers.engine import resolve_device

PARTS = ("memory", "students", "teacher", "recorder", "scale")


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_true", help="one student, under 3 minutes")
    which.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, help="these; the rest stays as it was"
    )
    parser.add_argument("--device", default="auto")
    parser.add_argument("--data-root", type=Path, help="CIFAR-10's folder; else noise of its shape")
    parser.add_argument("--to", type=Path, default=results.HERE, help="folder of the results")
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    images = {"images": images_name(arguments.data_root)}
    facts = {on: results.machine(on) | images for on in dict.fromkeys((device, "cpu"))}
    arguments.to.mkdir(parents=True, exist_ok=True)
    comparisons: dict[str, list[Comparison]] = {on: [] for on in facts}
    for on, line in _lines(device, arguments):
        ratio = f", {spread(line.ratios)}×" if line.ratios else ""
        print(
            f"{line.what}: {spread(line.ours)} {line.unit}{ratio} {line.baseline_name}", flush=True
        )
        comparisons[on].append(line)
        results.write(comparisons[on], facts[on], arguments.to)  # it outlives a stop
    print(f"written: {arguments.to / 'RESULTS.md'}")


def _lines(device: str, arguments: argparse.Namespace) -> Iterator[tuple[str, Comparison]]:
    """Yield what is measured, each line with the device that it was measured on."""
    parts, is_quick = set(arguments.only), arguments.quick
    if is_quick:
        parts -= {"teacher", "recorder"}
    families = STUDENTS[:1] if is_quick else STUDENTS
    if "memory" in parts:  # first, while this process holds nothing on the device
        lines = job_memory.measure(families, device=device, with_stacks=not is_quick)
        yield from ((device, line) for line in lines)
    if parts & {"students", "teacher"}:
        lines = _training(device, arguments.data_root, parts, families, 1 if is_quick else 3)
        yield from ((device, line) for line in lines)
    if "recorder" in parts:
        yield from (("cpu", line) for line in recorder_cost.measure(n_blocks=9, n_epochs=9))
    if "scale" in parts:
        sizes = (10_000, 100_000, 1_000_000, 10_000_000)
        lines = scale.measure(sizes=sizes[:3] if is_quick else sizes, n_repeats=5)
        yield from (("cpu", line) for line in lines)


def _training(
    device: str,
    data_root: Path | None,
    parts: Container[str],
    families: tuple[str, ...],
    n_repeats: int,
) -> Iterator[Comparison]:
    n_steps = 200
    material = prepare(data_root, n_steps * BATCH_SIZE, device)
    if "students" in parts:
        timed = []
        for line in students.measure(
            material, families, device=device, n_steps=n_steps, n_repeats=n_repeats
        ):
            timed.append(line)
            yield line
        if len(families) == len(STUDENTS):
            yield from (whole_paper.whole_paper(timed, which) for which in ("(a)", "(b)"))
    if "teacher" in parts:
        yield from teacher_epoch.measure(
            material, device=device, n_steps=n_steps, n_repeats=n_repeats
        )


if __name__ == "__main__":
    main()
