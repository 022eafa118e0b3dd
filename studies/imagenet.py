"""`python -m studies.imagenet`: what ImageNet would take, by arithmetic from measured pieces.

The pieces are lines of benchmarks/results.json, on CIFAR-10's shape; the table goes into the book's
page. No image of ImageNet is read.
"""

import statistics
from functools import cache
from pathlib import Path

from benchmarks import results
from benchmarks.statistics_rate import EPOCHS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "book" / "your_cluster.md"
BEGIN, END = "<!-- python -m studies.imagenet writes it -->", "<!-- end of imagenet -->"
N, E, CLASSES, SIZE = 1_281_167, 90, 1_000, 224  # training images, epochs, classes, pixels a side
FRACTION, BATCH = 0.33, 32
STEP = "resnet18, one step"
FILE_BYTES = 17  # an example and epoch in the recorder's folder, as its docstring says


def piece(what: str, *, baseline: str = "") -> float:
    """Return the median of a line, or of its baseline named so, in its unit, newest on `device`."""
    lines = results.newest([pair for pair in results.measured() if pair[0]["device"] == device()])
    found = [c for _, c in lines if c.what == what and c.baseline_name.startswith(baseline)]
    return statistics.median(found[0].baseline if baseline else found[0].ours)


@cache
def device() -> str:
    """Return the CPU that trained students last: all pieces are from one machine."""
    trained = [(facts, line) for facts, line in results.measured() if line.what == STEP]
    return [facts["device"] for facts, _ in trained if results.is_on_cpu(facts)][-1]


def table() -> str:
    """Return the table: what, formula, result."""
    update = piece("one update (mean of 32), batch 32, 10 classes") / 1e3
    end = piece("the end of an epoch, 50,000 examples") / 1e3
    recording = "ResNet-50, 6400 images once through the evaluation pass"
    share = piece(recording) / piece(recording, baseline="training")
    once = piece("one pass, an example in one piece, N = 1,000,000")
    mix = piece("mix of three regions, N = 1,000,000")
    step = piece(STEP, baseline="(b)") / 1e3  # ours gains by small maps, not here
    larger = (SIZE / 32) ** 2
    images = FRACTION * N * E  # that a student sees
    lines = [
        ("recording, training pass", f"N × E / {BATCH} × {1e3 * update:.2f} ms an update",
         f"{N * E / BATCH * update / 60:.0f} min"),
        ("recording, evaluation pass", "its time ÷ an epoch's training, ResNet-50",
         f"{100 * share:.0f} % on top of the training"),
        ("ends of epochs", f"E × N / 50,000 × {1e3 * end:.1f} ms",
         f"{E * N / 50_000 * end:.0f} s"),
        ("the recorder's folder", f"N × E × {FILE_BYTES} bytes",
         f"{N * E * FILE_BYTES / 1e9:.2f} GB"),
        ("the teacher's logits, float16", f"N × {CLASSES:,} × 2 bytes",
         f"{N * CLASSES * 2 / 1e9:.2f} GB"),
        (f"images as uint8, {SIZE} × {SIZE}", f"N × 3 × {SIZE}² bytes",
         f"{N * 3 * SIZE**2 / 1e9:.0f} GB"),
        ("statistics of all examples", f"N / 10⁶ × E / {EPOCHS} × {once:.3f} s",
         f"{N / 1e6 * E / EPOCHS * once:.2f} s"),
        ("a mix of three regions", f"N / 10⁶ × {mix:.3f} s", f"{N / 1e6 * mix:.2f} s"),
        ("students a GPU-day, for each 1,000 images a second that the GPU trains",
         f"86,400 × 1,000 / ({FRACTION} × N × E)", f"{86_400 * 1_000 / images:.2f}"),
        ("ResNet-18 students a day on the two cores measured, by the plain loop's step",
         f"86,400 / ({FRACTION} × N × E × {1e3 * step:.0f} ms / {BATCH} × {larger:.0f})",
         f"{86_400 / (images * step / BATCH * larger):.3f}"),
    ]  # fmt: skip
    head = ["| what | formula | result |", "| --- | --- | --- |"]
    return "\n".join([*head, *("| " + " | ".join(line) + " |" for line in lines)])


def written(page: str) -> str:
    """Return the page with the table between its marks."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
