"""`python -m studies.settled_averages`: students scored again with averages that have settled.

Batch normalisation scores with running averages of its inputs' means and variances, which begin at
0 and 1 and take over a share of each batch's (`momentum`). After few steps they are not those of
the network that was trained. For students on small random subsets whose weights the results folder
still holds, the averages are taken anew over the student's own training images, and the student is
scored again; nothing is trained. A row in settled_averages.csv of that folder is not made again.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from carto_helpers import models
from carto_helpers.config import StudentRun, SubsetSpec
from carto_helpers.findings.settled_averages import FILE, recorded
from carto_helpers.networks.weights import load_weights
from carto_helpers.runs.provenance import provenance
from carto_helpers.runs.student_run import subset_index
from carto_helpers.runs.workbench import Workbench
from carto_helpers.training import batches, evaluate
from studies.options import configured, options, recorded_teacher

_BATCH = 500  # images


def main() -> None:
    """Score what is missing."""
    parser = options(__doc__, teacher_start="cifar100")
    parser.add_argument("--architecture", default="efficientnet", help="the student (efficientnet)")
    parser.add_argument(
        "--fractions", nargs="+", type=float, default=[0.01, 0.05], help="of the split (0.01 0.05)"
    )
    asked = parser.parse_args()
    bench = Workbench(configured(asked, architecture=asked.architecture, train=False))
    path, teacher = Path(asked.results) / FILE, recorded_teacher(bench)
    for fraction in asked.fractions:
        for seed in range(asked.seeds):
            run = bench.student_run(teacher, SubsetSpec(rule="random", fraction=fraction), seed)
            if run.key() in set(recorded(path.parent)["key"]):
                continue
            if not bench.results.weights_path(run.key()).is_file():
                print(f"no weights of {fraction:.0%}, seed {seed}: train it in this record first")
            else:
                row = pd.DataFrame([scored(bench, run)])
                row.to_csv(path, mode="a", header=not path.exists(), index=False)
                print(row.to_string(header=False), flush=True)


def scored(bench: Workbench, run: StudentRun) -> dict[str, Any]:
    """Return a recorded student's row with its score by settled averages."""
    facts = bench.results.students().set_index("key").loc[run.key()]
    engine = bench.engine(bench.network("student"), "student").alone()
    splits = bench.resident(engine, run.teacher_key)
    images = bench.dataset.train
    network = models.create(
        bench.network("student"),
        n_classes=len(images.classes),
        n_channels=images.images.shape[1],
    )
    load_weights(network, bench.results.weights_path(run.key()))
    index = torch.from_numpy(subset_index(bench, run))
    momentum = settle(network, (splits["train"].pixels(part) for part in index.split(_BATCH)))
    return {
        "key": run.key(),
        "network": run.network,
        "fraction": run.subset.fraction,
        "seed": run.student_seed,
        "n_train": len(index),
        "steps": len(batches(index, run.recipe.batch_size)) * run.recipe.epochs,
        "momentum": momentum,
        "test_macro_f1": facts["test_macro_f1"],
        "settled_macro_f1": evaluate(network, splits["test"], engine).macro_f1,
        **provenance(engine),
    }


def settle(network: nn.Module, parts: Iterable[Tensor]) -> float:
    """Take a network's running averages anew over `parts`; return the momentum they had.

    Parameters
    ----------
    network
        With batch normalisation. All else is in evaluation mode, dropout too.
    parts
        Images as the network takes them, (B, C, H, W); a smaller part counts as much as the others.
    """
    network.eval()
    layers = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    momentum = layers[0].momentum
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # the plain mean over batches
        layer.train()
    with torch.no_grad():
        for images in parts:
            network(images)
    for layer in layers:
        layer.momentum = momentum
    network.eval()
    return float(momentum or 0)


if __name__ == "__main__":
    main()
