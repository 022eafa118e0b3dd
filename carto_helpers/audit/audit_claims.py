"""Audit of the text against the tables: the median on MNIST, bold marks, "consistently"."""

from carto_helpers.audit.audit_scores import NO_ROWS
from carto_helpers.audit.audit_sources import NAMES, Point, Sources, frame, listed, students
from carto_helpers.claims.claim_cells import MIXES, RANDOM, WHOLE
from carto_helpers.claims.claim_readings import random_ranks, read_rank, short
from carto_helpers.printed_numbers import number, signed

THREE, FOUR = "table3_phase1", "table4_phase2"
# The cells that the paper prints in bold; the CSV files do not hold them.
BOLD = (
    (THREE, "cifar10", "mobilenet", "33% high-correctness"),
    (THREE, "cifar10", "efficientnet", RANDOM),
    (THREE, "cifar10", "resnet", RANDOM),
    (FOUR, "cifar10", "mobilenet", RANDOM),
    (FOUR, "cifar10", "efficientnet", RANDOM),
    (FOUR, "cifar10", "resnet", RANDOM),
    (FOUR, "cifar100", "mobilenet", "mix 16.5/0/16.5"),
    (FOUR, "cifar100", "efficientnet", RANDOM),
    (FOUR, "cifar100", "resnet", RANDOM),
    (FOUR, "mnist", "mobilenet", "mix 16.5/16.5/0"),
    (FOUR, "mnist", "resnet", "mix 11/11/11"),
)


def median_on_mnist(sources: Sources) -> Point:
    """Return point 12: random's place among the 33 % subsets of MNIST in table 4."""
    rows, places, seen = [], [], []
    for student, name in students():
        table = sources.printed(FOUR, "mnist", student)
        ours = sources.means("mnist", student)
        is_whole = all(label in ours for label in (RANDOM, *MIXES))
        if table:
            first, last = random_ranks(table, MIXES)
            tied = f" or {last} (tied)" if last > first else ""
            places.append(f"{first}{tied} of {1 + len(MIXES)} for {name}")
        if is_whole:
            seen.append(f"{name}: {read_rank(ours)}")
        rows.append({
            "student": name,
            "table 4": read_rank(table) or "no column",
            "random": number(table[RANDOM], 3) if table else "–",
            "lowest mix": number(min(table[mix] for mix in MIXES), 3) if table else "–",
            "highest mix": number(max(table[mix] for mix in MIXES), 3) if table else "–",
            "ours": read_rank(ours) if is_whole else "not run",
        })  # fmt: skip
    return Point(
        number=12,
        title="The median approach on MNIST",
        evidence=frame(rows),
        reading=f"In table 4 random's place, best first, is {listed(places)}.",
        ours=f"{'; '.join(seen)}." if seen else NO_ROWS,
    )


def bold_marks(sources: Sources) -> Point:
    """Return point 13: bold cells that are not their column's best, and who outperforms random."""
    rows, wrong = [], []
    for table, dataset, student, bold in BOLD:
        column = sources.printed(table, dataset, student)
        subsets = {label: value for label, value in column.items() if label != WHOLE}
        best = max(subsets, key=lambda label: subsets[label])
        is_best = subsets[bold] == subsets[best]
        place = f"table {table[5]}, {dataset}, {NAMES[student]}"
        if not is_best:
            wrong.append(f"{place}: {number(subsets[bold], 3)} where {number(subsets[best], 3)} is")
        rows.append({
            "column": place,
            "bold": f"{short(bold)} {number(subsets[bold], 4)}",
            "best": f"{short(best)} {number(subsets[best], 4)}",
            "bold is best": "yes" if is_best else "no",
            "best minus random": signed(subsets[best] - subsets[RANDOM]),
            "ours: best": _our_best(sources, dataset, student, list(subsets)),
        })  # fmt: skip
    return Point(
        number=13,
        title="Bold marks, and “consistently outperforms”",
        evidence=frame(rows),
        reading=(
            f"{len(wrong)} of {len(rows)} bold cells are not the best of their column "
            f"({'; '.join(wrong)}). {_above_random(sources)}"
        ),
        ours=_our_exceptions(sources),
    )


def _above_random(sources: Sources) -> str:
    """Return which cells of table 3 lie above random, as a sentence."""
    above = []
    for student, name in students():
        table = sources.printed(THREE, "cifar10", student)
        above += [
            f"{name}, {short(label)} ({number(value, 4)} against {number(table[RANDOM], 3)})"
            for label, value in table.items()
            if label != WHOLE and value > table[RANDOM]
        ]
    return f"In table 3 above random: {listed(above)}."


def _our_best(sources: Sources, dataset: str, student: str, labels: list[str]) -> str:
    means = sources.means(dataset, student)
    if any(label not in means for label in labels):
        return "not run"
    best = max(labels, key=lambda label: means[label])
    return f"{short(best)} {number(means[best], 3)}"


def _our_exceptions(sources: Sources) -> str:
    seen = []
    for student, name in students():
        means = sources.means("cifar10", student)
        chosen = [label for label in sources.printed(THREE, "cifar10", student) if label in means]
        chosen = [label for label in chosen if label not in (RANDOM, WHOLE)]
        if RANDOM in means and chosen:
            n_above = sum(means[label] > means[RANDOM] for label in chosen)
            seen.append(f"{name} {n_above} of {len(chosen)}")
    text = f"Subsets of table 3 whose mean lies above random's: {', '.join(seen)}."
    return text if seen else NO_ROWS
