"""Write verdict and results into README.md from book/results; `make report` calls it."""

import re
from pathlib import Path
from typing import Any

from carto_helpers import tables
from carto_helpers.claims import judging, other_starts
from carto_helpers.claims.verdicts import HOLDS, NOT_SHOWN, OPPOSITE, UNKNOWN
from carto_helpers.config import start_name
from carto_helpers.findings import chosen_rows, class_balance, readings, teacher_starts
from carto_helpers.records import Results, published
from carto_helpers.report import coverage

ROOT = Path(__file__).parents[1]
RECORD = Results(ROOT / "book" / "results")
SAID = {HOLDS: "holds", OPPOSITE: "does not hold, the opposite is shown", NOT_SHOWN: "not shown"}


def verdict_text() -> str:
    """Return what the record says of the paper's first claim, and of all of them."""
    findings = judging.judge(RECORD)
    first = findings[findings["claim"] == findings["claim"].iloc[0]]
    known = first[first["verdict"] != UNKNOWN]
    starts = chosen_rows.chosen_teachers(RECORD).set_index("dataset")["start"].map(start_name)
    lines = [place_line(row, starts[row["dataset"]]) for row in known.to_dict("records")]
    missing = [f"{row['dataset']}, {row['subject']}" for row in first.to_dict("records")
               if row["verdict"] == UNKNOWN]  # fmt: skip
    head = (
        f"The paper's main claim: *{first['claim'].iloc[0]}*, that is, a third of the images drawn "
        "at random teaches a student better than a third chosen by any one score. In our runs:"
    )
    rest = f"- not enough runs yet: {'; '.join(missing)}." if missing else ""
    lines += [rest] if rest else []
    others = other_starts.judge_other_starts(RECORD, findings)
    changed = "" if others.empty else other_starts.read_other_starts(others)
    parts = [head, "\n".join(lines), _starts(), judging.read_claims(findings), changed, _why()]
    return "\n" + "\n\n".join(filter(None, parts)) + "\n\n"


def _starts() -> str:
    """Return what a teacher with other weights at the start changes, where it has students."""
    teachers = teacher_starts.starts(RECORD, "cifar10", "mobilenet")
    found = teacher_starts.contrast(RECORD, "cifar10", "mobilenet", published("table3_phase1"))
    if not found.loc[found["rule"] != "random", "n"].any():
        return ""
    text = teacher_starts.read_contrast(found, teachers)
    return (
        "With a teacher of another start (cifar10, mobilenet; one *from cifar100* first learnt "
        f"that data set):\n\n{text}"
    )


def _why() -> str:
    """Return what the study of classes and images found, on the cell that has its rows."""
    study = class_balance.compared(RECORD)
    effects = class_balance.class_effects(study.studied, study.students)
    text = class_balance.read_against_random(effects)
    where = f"cifar10, mobilenet, teacher from {study.start}"
    return f"Classes, or images? ({where}): {text}" if text else ""


def place_line(row: dict[str, Any], start: str) -> str:
    """Return what was found in one place, with a teacher of this start."""
    reading = row["reading"][0].upper() + row["reading"][1:]
    n_open = row["n_made"] - row["n_shown"] - row["n_against"]
    n_missing = row["n_asked"] - row["n_made"]
    neither = "neither" if row["n_against"] else "they do not show it"
    rest = f", the opposite for {row['n_against']}" if row["n_against"] else ""
    rest += f"; for {n_open} more {neither}" if n_open else ""
    rest += f"; {n_missing} not run" if n_missing else ""
    verdict = SAID[row["reason"] or row["verdict"]]
    return (
        f"- {row['dataset']}, {row['subject']}, teacher from {start}: **{verdict}**. "
        f"{reading}. Is each lead more than chance? Runs of the same seed, compared in pairs, show "
        f"it for {row['n_shown']} of the {row['n_asked']}{rest} (n = {row['n']} seeds; paired t "
        f"test, p ≤ 0.05 when corrected for {row['n_asked']} comparisons)."
    )


def results_text() -> str:
    """Return table 3 as far as it is run."""
    students = chosen_rows.chosen_students(RECORD)
    three = tables.table3(
        tables.summary(students), published("table3_phase1"), datasets=["cifar10"]
    )
    table = readings.results_table(three)
    if not table:
        return "\nNo student of table 3 is run yet.\n\n"
    teacher = chosen_rows.chosen_teachers(RECORD).set_index("dataset").loc["cifar10"]
    words = (
        "CIFAR-10, table 3: macro F1 on the test set, mean over seeds with its 95 % interval. Ours "
        f"learnt from a teacher {_began(start_name(teacher['start']))} ({teacher['network']}, "
        f"macro F1 {teacher['test_macro_f1']:.3f}), the paper's from one with ImageNet's weights. "
        "The audit suspects that the paper's ambiguous and easy-to-learn are exchanged."
    )
    return f"\n{words}\n\n{table}\n\n"


def _began(start: str) -> str:
    return "from scratch" if start == "scratch" else f"that had first learnt {start}"


def cost_text() -> str:
    """Return what the recorded steps took."""
    table = coverage.coverage(RECORD)
    lines = [
        f"| {row['dataset']} | {row['phase']} | {row['who']} | {row['done']} of {row['planned']} "
        f"| {60 * row['hours']:.0f} | {row['on']} |"
        for row in table[table["done"] > 0].to_dict("records")
    ]
    head = ["| dataset | phase | who | runs | minutes | on |", "| --- " * 6 + "|"]
    return "\n" + "\n".join([*head, *lines]) + "\n\n"


def written(readme: str) -> str:
    """Return README with what the record says between its marks."""
    texts = {"verdict": verdict_text(), "results": results_text(), "cost": cost_text()}
    for name, text in texts.items():
        between = f"(?<=<!-- {name}: make report writes it -->\n).*(?=<!-- end of {name} -->)"
        readme = re.sub(between, lambda _, new=text: new, readme, flags=re.DOTALL)
    return readme


def main() -> None:
    """Replace what stands between the marks."""
    path = ROOT / "README.md"
    path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
