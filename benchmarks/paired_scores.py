"""`python -m benchmarks.paired_scores`: our students' scores beside a plain loop's.

Each pair is one seed: the same first weights, subset, order of batches and masks of dropout. Ours
is the package's own run, with the engine it chooses and the teacher's cached float16 logits. The
other is written out below as plainly as can be: float32, contiguous, PyTorch's own loss and Adam,
the teacher's float32 outputs; where its weights are not at hand, which git does not keep, the same
recorded logits as ours, and the row says so. A pair that is in paired_scores.csv is not run again.
"""

import argparse
import time
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from benchmarks.results import PAIRS, pairs, write_page
from carto_helpers import models
from carto_helpers.config import PhaseConfig, StudentRun, SubsetSpec
from carto_helpers.engine import Engine
from carto_helpers.metrics import macro_f1
from carto_helpers.records import load_tensors
from carto_helpers.runs.distilling import train_students
from carto_helpers.runs.provenance import device_name
from carto_helpers.runs.student_run import begin, subset_index
from carto_helpers.runs.workbench import Workbench
from carto_helpers.training import TrainingData, batches, predict, stream

SUBSET = SubsetSpec(rule="random", fraction=0.33)


def main() -> None:
    """Run the pairs that are missing; write the page that shows them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-root", required=True, help="CIFAR-10's folder")
    parser.add_argument("--results", required=True, help="where the teacher is recorded")
    parser.add_argument("--students", nargs="+", default=["mobilenet", "resnet"])
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    for family in arguments.students:
        config = PhaseConfig(
            dataset="cifar10",
            data_root=arguments.data_root,
            results=arguments.results,
            architecture=family,
            teacher="resnet",
        )
        _run(Workbench(config), arguments.seeds)
    write_page()


def _run(bench: Workbench, n_seeds: int) -> None:
    teacher = bench.chosen_teacher()
    if teacher is None:
        raise FileNotFoundError(f"expected a teacher in {bench.config.results}, got none; train it")
    runs = [bench.student_run(teacher, SUBSET, seed) for seed in range(n_seeds)]
    recorded = set(bench.results.students()["key"])
    train_students(bench, [run for run in runs if run.key() not in recorded])
    rows = bench.results.students().set_index("key")
    for run in runs:
        if run.key() not in set(pairs()["key"]):
            pair = _pair(bench, run, rows.loc[run.key()])
            print(pair, flush=True)
            pd.DataFrame([pair]).to_csv(PAIRS, mode="a", header=not PAIRS.exists(), index=False)


def _pair(bench: Workbench, run: StudentRun, row: "pd.Series[Any]") -> dict[str, Any]:
    started = time.monotonic()
    plain = plain_score(bench, run)
    has_weights = bench.results.weights_path(run.teacher_key).exists()
    return {
        "key": run.key(),
        "network": run.network,
        "seed": run.student_seed,
        "ours": row["test_macro_f1"],
        "plain": round(plain, 6),
        "engine": row["engine"],
        "seconds": row["seconds"],
        "seconds_plain": round(time.monotonic() - started, 1),
        "teacher": "float32 outputs" if has_weights else "recorded logits",
        "device": row["device"],
        "device_plain": device_name("cpu"),
    }


def plain_score(bench: Workbench, run: StudentRun) -> float:
    """Train one student by the plain loop; return its macro F1 on the test split."""
    engine = Engine(threads=torch.get_num_threads())
    splits = bench.resident(engine, run.teacher_key)
    train, test = splits["train"], splits["test"]
    soft = functional.softmax(_outputs(bench, run, train) / run.recipe.temperature, dim=1)
    network = begin(bench, run, train, engine).network  # only its first weights are taken
    _train(network, train, torch.from_numpy(subset_index(bench, run)), soft, run)
    predictions = predict(network, test, engine).argmax(1)
    return macro_f1(predictions.numpy(), test.labels.numpy(), len(bench.dataset.train.classes))


def _outputs(bench: Workbench, run: StudentRun, train: TrainingData) -> Tensor:
    """Return the teacher's outputs on the training split, by its weights if they are there."""
    weights = bench.results.weights_path(run.teacher_key)
    if not weights.exists():
        return bench.results.logits(run.teacher_key).float()
    images = bench.dataset.train
    teacher = models.create(
        bench.network("teacher"),
        n_classes=len(images.classes),
        n_channels=images.images.shape[1],
    )
    teacher.load_state_dict(load_tensors(weights))
    return predict(teacher, train, Engine(threads=torch.get_num_threads()))


def _train(
    network: nn.Module, train: TrainingData, subset: Tensor, soft: Tensor, run: StudentRun
) -> None:
    recipe = run.recipe
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate, foreach=False)
    order = torch.Generator().manual_seed(stream(run.student_seed, "batches"))
    torch.manual_seed(stream(run.student_seed, "weights"))  # dropout's
    network.train()
    for _ in range(recipe.epochs):
        shuffled = subset[torch.randperm(len(subset), generator=order)]
        for at in batches(shuffled, recipe.batch_size):
            loss = _loss(network(train.pixels(at)), train.labels[at], soft[at], run)
            optimiser.zero_grad()
            loss.backward()
            clip_grad_norm_(network.parameters(), recipe.clip_norm)
            optimiser.step()


def _loss(logits: Tensor, labels: Tensor, soft: Tensor, run: StudentRun) -> Tensor:
    recipe = run.recipe
    log_p = functional.log_softmax(logits / recipe.temperature, dim=1)
    kl = functional.kl_div(log_p, soft, reduction="batchmean")
    hard = functional.cross_entropy(logits, labels)
    return recipe.hard_weight * hard + (1 - recipe.hard_weight) * recipe.temperature**2 * kl


if __name__ == "__main__":
    main()
