"""Audit of the score tables: where they disagree with each other, the notebook or the text."""

from carto_helpers.audit.audit_sources import (
    A_THIRD,
    NOT_RUN,
    WHOLE_SPLIT,
    Point,
    Sources,
    frame,
    last_line,
    listed,
    score,
    students,
)
from carto_helpers.claims.claim_cells import CHOSEN, RANDOM, SIZES, WHOLE
from carto_helpers.printed_numbers import number, signed

EASY, AMBIGUOUS = "33% easy-to-learn", "33% ambiguous"
NO_ROWS = "None yet for this point."


def swapped_rows(sources: Sources) -> Point:
    """Return point 1: table 3's rows ambiguous and easy-to-learn against the notebook's."""
    rows: list[dict[str, str]] = []
    nearer: list[str] = []
    others: list[str] = []
    seen: list[str] = []
    for student, name in students():
        table = sources.printed("table3_phase1", "cifar10", student)
        noted = sources.noted("phase1", student)
        there = _distance(table, noted, (AMBIGUOUS, EASY), (AMBIGUOUS, EASY))
        crossed = _distance(table, noted, (AMBIGUOUS, EASY), (EASY, AMBIGUOUS))
        (nearer if there - crossed > 1e-3 else others).append(name)
        ours = sources.means("cifar10", student)
        if AMBIGUOUS in ours and EASY in ours:
            which = "above" if ours[EASY] > ours[AMBIGUOUS] else "below"
            seen.append(f"{name}'s easy-to-learn lies {which} its ambiguous")
        rows.append({
            "student": name,
            "table 3: ambiguous, easy": f"{score(table, AMBIGUOUS)}, {score(table, EASY)}",
            "notebook: ambiguous, easy": f"{score(noted, AMBIGUOUS)}, {score(noted, EASY)}",
            "apart as printed": number(there, 3),
            "apart if swapped": number(crossed, 3),
            "table 3: high-variability, high-confidence":
                f"{score(table, '33% high-variability')}, {score(table, '33% high-confidence')}",
            "ours: ambiguous": sources.ours("cifar10", student, AMBIGUOUS),
            "ours: easy": sources.ours("cifar10", student, EASY),
        })  # fmt: skip
    return Point(
        number=1,
        title="Rows ambiguous and easy-to-learn of table 3",
        evidence=frame(rows),
        reading=(
            f"For {listed(nearer)} the two rows lie nearer to the notebook's validation accuracies "
            f"if they are swapped; for {listed(others)} either reading fits as well."
        ),
        ours=f"{'; '.join(seen)}." if seen else NO_ROWS,
    )


def _distance(
    table: dict[str, float],
    noted: dict[str, float],
    first: tuple[str, ...],
    second: tuple[str, ...],
) -> float:
    return sum(abs(table[a] - noted[b]) for a, b in zip(first, second, strict=True))


def validation_accuracies(sources: Sources) -> Point:
    """Return point 2: table 5's CIFAR-10 columns and table 3's random row against the notebook.

    The notebook has every subset by validation accuracy, so that random is compared by one score.
    """
    rows, equal, cells, told = [], 0, 0, []
    for student, name in students():
        five = sources.printed("table5_phase3", "cifar10", student)
        three = sources.printed("table3_phase1", "cifar10", student)
        ranked = sources.noted("phase1", student)
        noted = sources.noted("phase3", student) | {WHOLE: ranked[WHOLE]}
        same = [label for label in noted if abs(five[label] - noted[label]) < 5e-7]
        equal, cells = equal + len(same), cells + len(noted)
        as_printed = sum(three[label] > three[RANDOM] for label in CHOSEN)
        by_one = sum(ranked[label] > noted[RANDOM] for label in CHOSEN)
        told.append(f"{by_one} for {name} (as printed {as_printed})")
        rows.append({
            "student": name,
            "table 5 = notebook": f"{len(same)} of {len(noted)}",
            "random: table 3, notebook": f"{score(three, RANDOM)}, {score(noted, RANDOM)}",
            "100 %: table 3, notebook": f"{score(three, WHOLE, 4)}, {score(noted, WHOLE, 4)}",
            "table 3's other rows lie from the notebook": number(_apart(three, ranked), 3),
            "above random, as printed": f"{as_printed} of {len(CHOSEN)}",
            "above random, validation accuracy": f"{by_one} of {len(CHOSEN)}",
            "ours: validation accuracy": sources.ours("cifar10", student, RANDOM, "val_accuracy"),
            "ours: test macro F1": sources.ours("cifar10", student, RANDOM),
        })  # fmt: skip
    return Point(
        number=2,
        title="Test F1 or validation accuracy",
        evidence=frame(rows),
        reading=(
            f"{equal} of {cells} cells of table 5's CIFAR-10 columns equal the notebook's "
            "mean validation accuracy in every printed digit, and so does table 3's random row, "
            "rounded; its other rows do not. By validation accuracy alone, of the "
            f"{len(CHOSEN)} chosen subsets there lie above random: {listed(told)}."
        ),
        ours=_both_scores(sources),
    )


def _apart(table: dict[str, float], noted: dict[str, float]) -> float:
    """Return the mean distance of the chosen subsets' scores."""
    return sum(abs(table[label] - noted[label]) for label in CHOSEN) / len(CHOSEN)


def _both_scores(sources: Sources) -> str:
    seen = []
    for student, name in students():
        rows = sources.rows("cifar10", student, RANDOM)
        if len(rows):
            gap = float((rows["val_accuracy"] - rows["test_macro_f1"]).mean())
            seen.append(f"{name} {signed(gap)} (n = {len(rows)})")
    if not seen:
        return NO_ROWS
    return f"On 33 % random, validation accuracy minus test macro F1: {', '.join(seen)}."


def two_tables(sources: Sources) -> Point:
    """Return point 4: CIFAR-100, 33 % random, in tables 4 and 5."""
    rows, apart = [], []
    for student, name in students():
        four = sources.printed("table4_phase2", "cifar100", student)[RANDOM]
        five = sources.printed("table5_phase3", "cifar100", student)[RANDOM]
        if abs(four - five) > 5e-4:
            apart.append(f"{name}: {number(four, 3)} and {number(five, 4)}")
        rows.append({
            "student": name, "table 4": number(four, 3), "table 5": number(five, 4),
            "difference": signed(four - five, 4),
            "ours": sources.ours("cifar100", student, RANDOM),
        })  # fmt: skip
    efficientnet = sources.printed("table5_phase3", "cifar100", "efficientnet")[RANDOM]
    resnet = sources.printed("table4_phase2", "cifar100", "resnet")[RANDOM]
    is_same = abs(efficientnet - resnet) <= 5e-4
    copied = "; ResNet's value in table 4 is EfficientNet's in table 5, rounded" if is_same else ""
    ours = sources.ours("cifar100", "resnet", RANDOM)
    return Point(
        number=4,
        title="CIFAR-100, ResNet, 33 % random",
        evidence=frame(rows),
        reading=f"Apart by more than rounding: {listed(apart)}{copied}.",
        ours=NO_ROWS if ours == NOT_RUN else f"ResNet reaches {ours}.",
    )


def small_sizes(sources: Sources) -> Point:
    """Return point 8: ResNet on 1, 5 and 10 % of CIFAR-10."""
    five = sources.printed("table5_phase3", "cifar10", "resnet")
    first, second, third = (five[label] for label in SIZES[:3])
    rows = [
        {"size": label.removesuffix(" random"), "MobileNet": score(
            sources.printed("table5_phase3", "cifar10", "mobilenet"), label),
         "ResNet": score(five, label, 5), "ours: ResNet": sources.ours("cifar10", "resnet", label)}
        for label in (*SIZES, WHOLE)
    ]  # fmt: skip
    order = "falls" if third < second else "rises"
    known = [sources.ours("cifar10", "resnet", label) for label in SIZES[:3]]
    has_rows = NOT_RUN not in known
    return Point(
        number=8,
        title="ResNet on 1 % of CIFAR-10",
        evidence=frame(rows),
        reading=(
            f"On 1 % of the data, 400 images, the table has {number(first, 3)} for a ResNet-18 "
            f"from scratch, {first / five[WHOLE]:.0%} of its score on all. From 5 to 10 % it "
            f"{order} by {number(abs(third - second), 5)}."
        ),
        ours=f"At 1, 5 and 10 %: {listed(known)}." if has_rows else NO_ROWS,
    )


def first_batch(sources: Sources) -> Point:
    """Return point 11: the notebook's two batches of 33 % random against the whole split."""
    rows, nearer = [], 0
    for student, name in students():
        one, two = sources.noted("phase1", student), sources.noted("phase3", student)
        near, far = abs(one[RANDOM] - one[WHOLE]), abs(two[RANDOM] - one[WHOLE])
        nearer += near < far
        rows.append({
            "student": name, "first batch": score(one, RANDOM), "second batch": score(two, RANDOM),
            "whole split": score(one, WHOLE), "first minus whole": signed(one[RANDOM] - one[WHOLE]),
            "second minus whole": signed(two[RANDOM] - one[WHOLE]),
            "ours: 33 % random": sources.ours("cifar10", student, RANDOM, "val_accuracy"),
            "ours: whole split": sources.ours("cifar10", student, WHOLE, "val_accuracy"),
        })  # fmt: skip
    return Point(
        number=11,
        title="Two batches of 33 % random",
        evidence=frame(rows),
        reading=(
            f"The first batch lies nearer to the whole split than the second for {nearer} of "
            f"{len(rows)} students. {_lines_told(sources)}"
        ),
        ours=_random_less_whole(sources),
    )


def _lines_told(sources: Sources) -> str:
    steps = sources.table("authors_runs").groupby("batch")["step"].agg(["min", "max"])
    first, second = steps.loc["first"], steps.loc["second"]
    return (
        f"Its runs' last lines have the numbers {first['min']} to {first['max']}, the second's "
        f"{second['min']} to {second['max']}: after ten epochs it would be "
        f"{last_line(10, WHOLE_SPLIT)} with the whole split, {last_line(10, A_THIRD)} with a third."
    )


def _random_less_whole(sources: Sources) -> str:
    seen = []
    for student, name in students():
        means = sources.means("cifar10", student, "val_accuracy")
        if RANDOM in means and WHOLE in means:
            seen.append(f"{name} {signed(means[RANDOM] - means[WHOLE])}")
    text = f"33 % random minus the whole split, validation accuracy: {', '.join(seen)}."
    return text if seen else NO_ROWS


def above_half(sources: Sources) -> Point:
    """Return point 16: what 55 to 100 % of the data gains."""
    rows, told = [], []
    for dataset in ("cifar10", "cifar100", "mnist"):
        gains = []
        for student, name in students():
            five = sources.printed("table5_phase3", dataset, student)
            if not five:
                continue
            gain = five[WHOLE] - five["55% random"]
            gains.append(gain / five["55% random"])
            rows.append({
                "data set": dataset, "student": name, "55 %": score(five, "55% random"),
                "100 %": score(five, WHOLE), "gain": signed(gain),
                "relative": f"{gains[-1]:.0%}",
                "ours: 55 %": sources.ours(dataset, student, "55% random"),
                "ours: 100 %": sources.ours(dataset, student, WHOLE),
            })  # fmt: skip
        told.append(f"{min(gains):.0%} to {max(gains):.0%} on {dataset}")
    has_rows = any(NOT_RUN not in (row["ours: 55 %"], row["ours: 100 %"]) for row in rows)
    return Point(
        number=16,
        title="Minimal improvement above 50 %",
        evidence=frame(rows),
        reading=f"From 55 to 100 % of the data the score grows, of itself, by {listed(told)}.",
        ours="In the last two columns." if has_rows else NO_ROWS,
    )
