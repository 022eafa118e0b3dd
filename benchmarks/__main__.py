"""`python -m benchmarks`: measure, print, write RESULTS.md and results.json."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks import job_memory, recorder_cost, results, scale, students, teacher_epoch
from benchmarks.material import STUDENTS, prepare
from benchmarks.measuring import Comparison, spread
from carto_helpers.engine import resolve_device


def main() -> None:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one student, under 3 minutes")
    parser.add_argument(
        "--only-scale", action="store_true", help="statistics and selection; the rest stays"
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
    if not arguments.only_scale:
        yield from _training(device, arguments.data_root, is_quick=arguments.quick)
    sizes = (10_000, 100_000, 1_000_000, 10_000_000)
    yield from scale.measure(sizes=sizes[:3] if arguments.quick else sizes, n_repeats=5)


def _training(device: str, data_root: Path | None, *, is_quick: bool) -> Iterator[Comparison]:
    n_steps, n_repeats = 200, 1 if is_quick else 3
    material = prepare(data_root, n_images=n_steps * 32)
    families = STUDENTS[:1] if is_quick else STUDENTS
    yield from students.measure(
        material, families, device=device, n_steps=n_steps, n_repeats=n_repeats
    )
    if not is_quick:
        yield from teacher_epoch.measure(
            material, device=device, n_steps=n_steps, n_repeats=n_repeats
        )
        yield from recorder_cost.measure(n_blocks=9, n_epochs=9)
    yield from job_memory.measure(families, device=device)


if __name__ == "__main__":
    main()
