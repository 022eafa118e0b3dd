"""Audit of single facts: a distribution, a parameter count, balanced classes, a class's name."""

from collections.abc import Mapping

import numpy as np

from carto_helpers import models
from carto_helpers.audit.audit_scores import NO_ROWS
from carto_helpers.audit.audit_sources import Point, Sources, frame, listed
from carto_helpers.printed_numbers import number
from carto_helpers.scoring import scores

PRINTED = {
    "confidence": 0.638, "variability": 0.282, "correctness": 0.6, "forgetfulness": -0.188,
}  # appendix B  # fmt: skip
MNIST_CLASS = (5_421, 6_742)  # images of its smallest and largest class (5 and 1), official set
CIFAR10_CLASS = (5_000, 5_000)


def worked_example(sources: Sources) -> Point:
    """Return point 7: the row sums of table 6, and what appendix B derives from it."""
    table = sources.table("table6_worked_example").set_index("epoch")
    sums = table.sum(axis=1)
    p_gold = table[["frog"]].to_numpy().T
    is_right = (table.idxmax(axis=1) == "frog").to_numpy()[None]
    found = {name: float(value[0]) for name, value in scores(p_gold, is_right).items()}
    n_right = sum(abs(found[name] - PRINTED[name]) <= 5e-4 for name in PRINTED)
    rows = [
        {"what": f"sum of epoch {epoch}", "table 6": number(total, 3), "expected": "1.000"}
        for epoch, total in sums.items()
    ]
    rows += [
        {"what": name, "table 6": number(found[name], 3), "expected": number(value, 3)}
        for name, value in PRINTED.items()
    ]
    off = [f"Epoch {e} sums to {number(t, 3)}" for e, t in sums.items() if abs(t - 1) > 0.01]
    return Point(
        number=7,
        title="A distribution of table 6",
        evidence=frame(rows),
        reading=(
            f"{listed(off)}, so that it is no probability distribution; the other epochs sum to "
            f"one within rounding. {n_right} of the {len(PRINTED)} derived numbers come out as "
            "printed, for they use the label's column alone."
        ),
        ours="The functions of this package compute the derived numbers; nothing had to be run.",
    )


def parameter_count(sources: Sources) -> Point:
    """Return point 9: ResNet-18's count in table 1 beside those of its heads."""
    table = sources.table("table1_architectures")
    printed = str(table.loc[table["model"] == "resnet18", "params"].iloc[0])
    spec = models.resolve("resnet", role="student")
    counts = {n: models.count_parameters(spec, n_classes=n) for n in (10, 100, 1000)}
    rows = [
        {"head": f"{n:,} classes", "parameters": f"{count:,}", "table 1": printed}
        for n, count in counts.items()
    ]
    told = [f"{count / 1e6:.2f} M with {n:,} classes" for n, count in counts.items()]
    return Point(
        number=9,
        title="ResNet-18's parameters",
        evidence=frame(rows),
        reading=f"Table 1 has {printed}; the network has {listed(told)}.",
        ours="Counted on the network that the students' rows were trained with.",
    )


def balanced_classes(sources: Sources) -> Point:
    """Return point 14: the classes' sizes, of the official sets and of our training splits."""
    rows, seen = [], []
    for dataset, (low, high) in {"mnist": MNIST_CLASS, "cifar10": CIFAR10_CLASS}.items():
        rows.append(_balance(f"{dataset}, official training set", low, high))
    for dataset in ("mnist", "cifar10", "cifar100"):
        found = sources.evidence.map(dataset)
        if found is not None:
            counts = np.bincount(found.record.labels, minlength=len(found.record.classes))
            low, high = int(counts.min()), int(counts.max())
            rows.append(_balance(f"{dataset}, our training split", low, high))
            seen.append(f"{dataset} {low:,} to {high:,} images a class")
    return Point(
        number=14,
        title="Balanced labels",
        evidence=frame(rows),
        reading=(
            f"MNIST's largest class has {MNIST_CLASS[1] / MNIST_CLASS[0]:.2f} times the images of "
            f"its smallest ({MNIST_CLASS[0]:,} and {MNIST_CLASS[1]:,}); CIFAR's official training "
            "sets are balanced exactly. Macro F1 weighs classes alike in either case, so the "
            "choice of score does not suffer."
        ),
        ours=f"Training splits (80 %): {', '.join(seen)}." if seen else NO_ROWS,
    )


def _balance(name: str, low: int, high: int) -> Mapping[str, str]:
    sizes = {"smallest class": f"{low:,}", "largest class": f"{high:,}"}
    return {"images": name} | sizes | {"ratio": f"{high / low:.2f}"}


def no_truck(sources: Sources) -> Point:
    """Return point 15: which classes are called a truck, as far as records tell."""
    rows, told = [], []
    for dataset in ("cifar10", "cifar100"):
        found = sources.evidence.map(dataset)
        names = [] if found is None else [n for n in found.record.classes if "truck" in n]
        if found is not None:
            told.append(f"{dataset}: {', '.join(names) or 'none'}")
        state = "not recorded" if found is None else ", ".join(names) or "none"
        rows.append({"data set": dataset, "classes with “truck” in their name": state})
    return Point(
        number=15,
        title="A CIFAR-100 image “labelled truck”",
        evidence=frame(rows),
        reading=(
            "CIFAR-100 has a class “pickup_truck” and none called “truck”; CIFAR-10 has “truck”. "
            "Perhaps the name was shortened, or the image is of the other set."
        ),
        ours=f"Class names as our records have them: {'; '.join(told)}." if told else NO_ROWS,
    )
