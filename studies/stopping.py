"""`python -m studies.stopping`: students trained again, scored after every epoch.

The authors' code stops a student early and scores it otherwise than the tables here do (see
`carto_helpers.findings.stopping`). Without a schedule of the learning rate the first epochs of a
run are those of a shorter one, so one training tells all epochs at which it could have stopped.
For students by the recipe of the tables; one that has its rows in epoch_scores.csv of the results
folder is not trained again.

Predicted before any of them was trained, for MobileNet on MNIST and CIFAR-100, where the tables'
scores lie above the paper's: on 1 % students stop after a few epochs and score near chance, as the
paper's do (0.102 and 0.0003); on every size the scores taken so lie nearer to the paper's than
those of the tables; and most cells that differ from the paper's no longer do.

Predicted when the sizes' first rows were known, before any of phase 1 was trained again, for
MobileNet on CIFAR-10: students on subsets that score far below the random third stop before it
does, some in the first five epochs; so stopped, they lie farther below it; and their scores lie
nearer to the paper's than those of the tables.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from torch.nn import functional

from carto_helpers.config import StudentRun
from carto_helpers.experiments import SUBSETS
from carto_helpers.findings.stopping import FILE, recorded
from carto_helpers.metrics import accuracy, macro_f1
from carto_helpers.runs.provenance import provenance
from carto_helpers.runs.student_run import begin
from carto_helpers.runs.workbench import Workbench
from carto_helpers.training import predict
from studies.options import configured, options, recorded_teacher

PHASES = ("phase1", "phase2", "phase3")
_BATCH = 32  # test images, as the authors' code takes them


def main() -> None:
    """Train and score what is missing."""
    parser = options(__doc__, teacher_start="scratch")
    parser.add_argument("--dataset", default="mnist", help="of the paper (mnist)")
    parser.add_argument("--architecture", default="mobilenet", help="the student (mobilenet)")
    parser.add_argument("--phase", default="phase3", choices=PHASES, help="of the subsets")
    parser.add_argument(
        "--fractions", nargs="+", type=float, help="of the split, those of the phase (all)"
    )
    asked = parser.parse_args()
    bench = Workbench(configured(asked, dataset=asked.dataset, architecture=asked.architecture))
    path, teacher = Path(asked.results) / FILE, recorded_teacher(bench)
    subsets = SUBSETS[asked.phase](bench.config)
    if asked.fractions is not None:
        subsets = [subset for subset in subsets if subset.fraction in asked.fractions]
    for seed in range(asked.seeds):
        for subset in subsets:
            run = bench.student_run(teacher, subset, seed)
            if run.key() not in set(recorded(path.parent)["key"]):
                rows = pd.DataFrame(epochs(bench, run))
                rows.to_csv(path, mode="a", header=not path.exists(), index=False)
                print(rows.drop(columns=["engine", "versions"]).to_string(), flush=True)


def epochs(bench: Workbench, run: StudentRun) -> list[dict[str, Any]]:
    """Train a student; return its scores after every epoch, one row each."""
    engine = bench.engine(bench.network("student"), "student").alone()
    splits = bench.resident(engine, run.teacher_key)
    training = begin(bench, run, splits["train"], engine)
    order = shown_order(splits["test"].labels.cpu().numpy())
    rows = []
    for epoch in range(1, run.recipe.epochs + 1):
        training.run_epoch()
        val, test = (
            predict(training.network, splits[name], engine).cpu() for name in ("val", "test")
        )
        labels = splits["val"].labels.cpu()
        seen, truth = test.argmax(1).numpy(), splits["test"].labels.cpu().numpy()
        rows.append({
            "key": run.key(),
            "dataset": run.dataset,
            "student": run.student,
            "rule": run.subset.rule,
            "fraction": run.subset.fraction,
            "seed": run.student_seed,
            "epoch": epoch,
            "val_loss": float(functional.cross_entropy(val.double(), labels)),
            "val_accuracy": accuracy(val.argmax(1).numpy(), labels.numpy()),
            "test_macro_f1": macro_f1(seen, truth, n_classes=test.shape[1]),
            "running_macro_f1": running_macro_f1(seen[order], truth[order]),
        })  # fmt: skip
    return [row | provenance(engine) for row in rows]


def shown_order(labels: Int[np.ndarray, " N"]) -> Int[np.ndarray, " N"]:
    """Return the order in which a test set is shown, (N,): its own, drawn if it goes by class.

    Images from a folder come class by class, where those of the official files are mixed.
    """
    if (np.diff(labels) >= 0).all():
        return np.random.default_rng(0).permutation(len(labels))
    return np.arange(len(labels))


def running_macro_f1(
    predictions: Int[np.ndarray, " N"], labels: Int[np.ndarray, " N"], batch_size: int = _BATCH
) -> float:
    """Return the mean over batches of the macro F1 on all images so far.

    The authors' code takes the F1 of all test images seen so far in each test step and logs it
    there, so that Lightning averages it over the steps, each weighed by its batch; a class that has
    not come up, neither as label nor as prediction, does not count (torchmetrics).

    Parameters
    ----------
    predictions, labels
        In the order in which they are shown, (N,).
    batch_size
        Images a step.
    """
    n_classes = int(max(predictions.max(), labels.max())) + 1
    hits, guessed, there = (np.zeros(n_classes) for _ in range(3))
    scores, weights = [], []
    for at in range(0, len(labels), batch_size):
        guess, label = predictions[at : at + batch_size], labels[at : at + batch_size]
        hits += np.bincount(label[guess == label], minlength=n_classes)
        guessed += np.bincount(guess, minlength=n_classes)
        there += np.bincount(label, minlength=n_classes)
        is_known = guessed + there > 0
        scores.append(float((2 * hits[is_known] / (guessed + there)[is_known]).mean()))
        weights.append(len(label))
    return float(np.average(scores, weights=weights))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
