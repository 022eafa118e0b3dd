"""Audit of how the runs were made: seeds, starts, missing cells, runs behind a mean."""

from collections import Counter

from carto_helpers.audit.audit_scores import NO_ROWS
from carto_helpers.audit.audit_sources import NAMES, NOT_RUN, Point, Sources, frame, students
from carto_helpers.claims.claim_cells import MIXES, RANDOM, SIZES, WHOLE
from carto_helpers.comparison import SUBSET
from carto_helpers.config import start_name
from carto_helpers.paired import LEAST_ROWS
from carto_helpers.printed_numbers import number

N_VALIDATION = 10_000  # images of CIFAR's validation split: an accuracy is k of them
HALF_A_DIGIT = 5e-7  # the notebook prints six decimals
DATASETS = ("cifar10", "cifar100", "mnist")


def least_runs(mean: float, most: int = 12) -> int:
    """Return the least number of runs whose mean accuracy can be `mean`, 0 if none up to `most`.

    Examples
    --------
    >>> least_runs(0.2020), least_runs(0.470533), least_runs(0.100017)
    (1, 3, 6)
    """
    for n in range(1, most + 1):
        step = 1 / (N_VALIDATION * n)
        if abs(round(mean / step) * step - mean) <= HALF_A_DIGIT + 1e-12:
            return n
    return 0


def seeds(sources: Sources) -> Point:
    """Return point 3: whether the runs behind a mean differed, and by how much ours do."""
    rows = sources.notebook[sources.notebook["phase"] == "phase1"]
    whole = [least_runs(mean) == 1 for mean in rows["mean_val_accuracy"].astype(float)]
    n, spread = len(whole), _spread(sources)
    found = {
        "means of phase 1 that one run alone could give": f"{sum(whole)} of {n}",
        "if all runs of a cell were equal": f"{n} of {n}",
        "if they differ, by chance": f"about {n / 3:.0f} of {n}",
    }
    shown = sources.table("authors_runs")
    for student, runs in shown[shown["batch"] == "second"].groupby("student")["val_accuracy"]:
        name = f"standard deviation of its {len(runs)} single runs on random thirds"
        found[f"{name}, {NAMES[str(student)]}"] = number(float(runs.std()), 4)
    names = "ours: standard deviation over seeds, median over cells, {}"
    found |= {names.format(name): text for name, text in spread.items()}
    return Point(
        number=3,
        title="Three random seeds",
        evidence=frame([{"what": what, "found": text} for what, text in found.items()]),
        reading=(
            f"A mean of equal runs would be a whole number of the {N_VALIDATION:,} validation "
            f"images; {sum(whole)} of the {n} means of phase 1 are, where chance gives about "
            f"{n / 3:.0f} if runs differ. So they were not equal, although the code starts all "
            "students from one seed; what can differ is the random subset, where there is one, and "
            "rounding on the GPU."
        ),
        ours=f"Standard deviation over real seeds: {_told(spread)}." if spread else NO_ROWS,
    )


def _told(found: dict[str, str]) -> str:
    return "; ".join(f"{name} {text}" for name, text in found.items())


def _spread(sources: Sources) -> dict[str, str]:
    found = {}
    for student, name in students():
        rows = sources.evidence.students
        rows = rows[(rows["dataset"] == "cifar10") & (rows["student"] == student)]
        cells = rows.groupby(["rule", "fraction", "hard", "ambiguous", "easy"])["test_macro_f1"]
        spreads = cells.std()[cells.size() >= LEAST_ROWS]
        if len(spreads):
            cells_of = f"{len(spreads)} cell{'s' * (len(spreads) > 1)}"
            found[name] = f"{number(float(spreads.median()), 4)} ({cells_of})"
    return found


def starts(sources: Sources) -> Point:
    """Return point 5: the students' starts, beside scores where a start shows most."""
    rows = []
    for student, name in students():
        ten, hundred = (sources.printed("table5_phase3", d, student) for d in DATASETS[:2])
        ours = sources.evidence.students
        ours = ours[ours["dataset"].isin(DATASETS) & (ours["student"] == student)]
        found = sorted(set(ours["start"].map(start_name)))
        rows.append({
            "student": name,
            "the authors' start": "ImageNet" if student == "efficientnet" else "scratch",
            "CIFAR-100, 1 %": number(hundred["1% random"], 4),
            "CIFAR-100, 5 %": number(hundred["5% random"], 4),
            "CIFAR-10, 5 %": number(ten["5% random"], 3),
            "our starts": ", ".join(found) or NOT_RUN,
        })  # fmt: skip
    table = {student: sources.printed("table5_phase3", "cifar100", student) for student in NAMES}
    small = {student: scores["5% random"] for student, scores in table.items()}
    return Point(
        number=5,
        title="The students' starts",
        evidence=frame(rows),
        reading=(
            f"Only EfficientNet starts from ImageNet weights. On 5 % of CIFAR-100 it reaches "
            f"{number(small['efficientnet'], 3)}, ResNet {number(small['resnet'], 3)} and "
            f"MobileNet {number(small['mobilenet'], 3)}. How much of that is the start's, the "
            "tables cannot tell: a difference between two columns is one of both."
        ),
        ours=f"Starts of our students: {_starts_told(rows)}.",
    )


def _starts_told(rows: list[dict[str, str]]) -> str:
    return ", ".join(f"{row['student']} {row['our starts']}" for row in rows)


def missing_cells(sources: Sources) -> Point:
    """Return point 6: the cells that tables 4 and 5 leave empty, and which of them we have."""
    expected = {
        "table4_phase2": (WHOLE, RANDOM, *MIXES),
        "table5_phase3": (*SIZES, WHOLE),
    }
    rows, n_missing, n_ours = [], 0, 0
    for table, labels in expected.items():
        for dataset in DATASETS:
            for student, name in students():
                printed = sources.printed(table, dataset, student)
                empty = [label for label in labels if label not in printed]
                filled = [x for x in empty if len(sources.rows(dataset, student, x)) >= LEAST_ROWS]
                n_missing, n_ours = n_missing + len(empty), n_ours + len(filled)
                if empty:
                    which = "all" if len(empty) == len(labels) else ", ".join(empty)
                    rows.append({
                        "table": table[5], "data set": dataset, "student": name,
                        "empty": f"{len(empty)} of {len(labels)} ({which})",
                        "ours, 3 seeds or more": f"{len(filled)} of {len(empty)}",
                    })  # fmt: skip
    return Point(
        number=6,
        title="Cells without a score",
        evidence=frame(rows),
        reading=(
            f"{n_missing} cells of tables 4 and 5 are empty, and the paper gives no reason. The "
            "page on methods names a likely one for EfficientNet on MNIST: an error of its code at "
            "28 pixels."
        ),
        ours=f"{n_ours} of {n_missing} are filled here with three seeds or more.",
    )


def _shown_runs(sources: Sources) -> str:
    runs = sources.table("authors_runs")
    first, second = (
        sorted(set(runs[runs["batch"] == batch]["student"].value_counts().tolist()))
        for batch in ("first", "second")
    )
    return (
        f"{' or '.join(map(str, first))} a mean in the first batch, "
        f"{' or '.join(map(str, second))} in the second, which the tables use"
    )


def runs_behind_means(sources: Sources) -> Point:
    """Return point 10: how many runs each of the notebook's means needs at least."""
    means = sources.notebook["mean_val_accuracy"].astype(float)
    needed = [least_runs(mean) for mean in means]
    counts = Counter(needed)
    rows = []
    for n, count in sorted(counts.items()):
        examples = [f"{m:.6f}" for m, k in zip(means, needed, strict=True) if k == n][:3]
        fits = "yes" if n and 3 % n == 0 else "no"
        rows.append({
            "runs, at least": str(n), "means": str(count), "fits three runs": fits,
            "for example": ", ".join(examples),
        })  # fmt: skip
    unfit = sum(count for n, count in counts.items() if not n or 3 % n)
    ours = sources.evidence.students
    cells = ours[ours["dataset"].isin(DATASETS)].groupby(["dataset", "student", *SUBSET])
    sizes = cells.size()
    counts_of = "" if sizes.empty else " to ".join(map(str, sorted({sizes.min(), sizes.max()})))
    told = f"{counts_of} runs a cell" if counts_of else ""
    return Point(
        number=10,
        title="Runs behind a mean",
        evidence=frame(rows),
        reading=(
            f"{unfit} of {len(means)} means cannot be those of three runs on a validation split of "
            f"{N_VALIDATION:,} images. They fit "
            f"{' or '.join(str(n) for n in sorted(counts) if n and 3 % n)} runs, or a multiple. "
            f"Where it shows the single runs (random thirds), there are {_shown_runs(sources)}."
        ),
        ours=f"Every table here prints n; so far {told}." if told else NO_ROWS,
    )
