"""Write what the record says into README.md and pages of the book; `make report` calls it."""

import io
import re
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import vl_convert
from PIL import Image

from benchmarks import results
from benchmarks.material import STUDENTS
from benchmarks.measuring import Comparison
from benchmarks.whole_paper import n_runs
from carto_helpers import experiments, tables
from carto_helpers.audit import notebook_scores
from carto_helpers.audit.audit_sources import Sources
from carto_helpers.charts import data_map
from carto_helpers.claims import judging, other_starts
from carto_helpers.claims.verdicts import HOLDS, UNKNOWN
from carto_helpers.comparison import has_papers_start
from carto_helpers.config import start_name
from carto_helpers.findings import (
    beside_random,
    chosen_rows,
    class_balance,
    differences,
    readings,
    report_card,
    stopping,
    teacher_map,
    teacher_starts,
    tie_draws,
)
from carto_helpers.paired import LEVEL
from carto_helpers.records import Results, published
from carto_helpers.report import coverage

ROOT = Path(__file__).parents[1]
RECORD = Results(ROOT / "book" / "results")
PICTURE = "book/_static/data_map.png"
WRITTEN = ("README.md", "book/intro.md", "book/reproducing.md")
STUDIED = "cifar10, mobilenet"  # where more than one teacher and the study have students


def verdict_text(findings: pd.DataFrame) -> str:
    """Return what the record says of the paper's first claim, and of all of them."""
    claim = _main_claim(findings, audit="[the audit](book/phases/audit.ipynb)")
    parts = [_practice(_known(findings)), _starts(), judging.read_claims(findings)]
    ended = _stopped("[found in it](book/phases/audit.ipynb)")
    return _block(*claim, *parts, _changed(findings), _beside_the_notebook(), ended, _why())


def answer_text(findings: pd.DataFrame) -> str:
    """Return the short of it, for the book's first page."""
    claim = _main_claim(findings, audit="{doc}`the audit <phases/audit>`")
    ended = _stopped("{doc}`found in it <phases/audit>`")
    parts = [_changed(findings), judging.read_claims(findings)]
    return _block(*claim, *parts, _beside_the_notebook(), ended)


def _changed(findings: pd.DataFrame) -> str:
    """Return which verdicts a teacher of another start changes."""
    others = other_starts.judge_other_starts(RECORD, findings)
    return "" if others.empty else other_starts.read_other_starts(others)


def _block(*parts: str) -> str:
    return "\n" + "\n\n".join(filter(None, parts)) + "\n\n"


def _first(findings: pd.DataFrame) -> pd.DataFrame:
    return findings[findings["claim"] == findings["claim"].iloc[0]]


def _known(findings: pd.DataFrame) -> pd.DataFrame:
    """Return the places in which the first claim could be tested."""
    return _first(findings)[lambda rows: rows["verdict"] != UNKNOWN]


def _main_claim(findings: pd.DataFrame, *, audit: str) -> tuple[str, ...]:
    """Return what the paper's first claim is, and what was found of it, in short and by place."""
    first, known = _first(findings), _known(findings)
    starts = chosen_rows.chosen_teachers(RECORD).set_index("dataset")["start"].map(start_name)
    students = chosen_rows.chosen_students(RECORD).set_index(["dataset", "student"])["start"]
    lines = [
        place_line(row, starts[row["dataset"]], students[row["dataset"], row["subject"]].iloc[0])
        for row in known.to_dict("records")
    ]
    missing = [f"{row['dataset']}, {row['subject']}" for row in first.to_dict("records")
               if row["verdict"] == UNKNOWN]  # fmt: skip
    head = (
        f"The paper's main claim: *{first['claim'].iloc[0]}*, that is, a third of the images drawn "
        "at random teaches a student better than a third that the teacher's training dynamics "
        "choose: one end of a statistic (as *high-correctness*) or a region of the data map (as "
        "*ambiguous*)."
    )
    rest = f"- not enough runs yet: {'; '.join(missing)}." if missing else ""
    lines += [rest] if rest else []
    return head, _in_short(known), "\n".join(lines), _beside_the_paper(known, audit)


def _in_short(known: pd.DataFrame) -> str:
    """Return in how many places it holds, in words."""
    if known.empty:
        return ""
    n_against = int((known["n_against"] > 0).sum())
    n_holds = int((known["verdict"] == HOLDS).sum())
    return (
        f"**In short**: of {len(known)} places (a data set and a student) our runs bear it out in "
        f"**{n_holds}**. In {n_against} they contradict it, since a chosen third is shown to score "
        f"above random; in {len(known) - n_holds - n_against} they cannot tell, for random is not "
        "shown to score above every one. By place:"
    )


def _beside_the_paper(known: pd.DataFrame, audit: str) -> str:
    """Return how the paper's rows beside ours are to be read."""
    if not (known["dataset"] == "cifar10").any():
        return ""
    return (
        f"In brackets is what the paper's table shows. By {audit} its random rows on CIFAR-10 seem "
        "to be validation accuracies, its other rows test F1. What is *not shown* is not thereby "
        "equal: with few seeds only large and steady differences pass the test."
    )


def place_line(row: dict[str, Any], start: str, student_start: str) -> str:
    """Return what was found in one place, with a teacher and students of these starts."""
    reading = row["reading"][0].upper() + row["reading"][1:]
    n_open = row["n_made"] - row["n_shown"] - row["n_against"]
    n_missing = row["n_asked"] - row["n_made"]
    rest = f"; for {n_open} the seeds cannot tell" if n_open else ""
    rest += f"; {n_missing} are not run" if n_missing else ""
    papers = ""
    if row["paper"]:
        papers = f" (As the paper prints it, {row['paper']}.)"
    began = ""
    if not has_papers_start(student_start, row["subject"]):
        began = f", students {_began(start_name(student_start))} (the paper's from ImageNet)"
    return (
        f"- {row['dataset']}, {row['subject']}, teacher {_began(start)}{began}: "
        f"**{row['reason'] or row['verdict']}**. {reading}. Tests in pairs of the same seed show "
        f"random above {row['n_shown']} of the {row['n_asked']} and below "
        f"{row['n_against'] or 'none'}{rest} "
        f"(n = {row['n']} seeds; paired t test, p ≤ {LEVEL} by Holm's rule for {row['n_asked']} "
        f"comparisons).{papers}"
    )


def _practice(known: pd.DataFrame) -> str:
    """Return which rules are shown to lie below or above random, wherever that is tested."""
    if known.empty:
        return ""
    places = list(zip(known["dataset"], known["subject"], strict=True))
    dataset, student = STUDIED.split(", ")
    others = teacher_starts.starts(RECORD, dataset, student).iloc[1:]["start"]
    lines = [f"- with the teacher of the tables, {_shown(places)}"]
    lines += [
        f"- {STUDIED}, with the teacher {_began(start)}, {_shown([(dataset, student)], start)}"
        for start in others
    ]
    listed = "\n".join(lines)
    return (
        f"**In practice**: rules whose thirds are shown to score below a random one, or above:\n\n"
        f"{listed}\n\nPlaces share a teacher and its subsets, so that they do not "
        f"repeat each other. {_ties(dataset, student)}"
    )


def _shown(places: list[tuple[str, str]], start: str | None = None) -> str:
    """Return which rules are shown to lie below a random third, and which above, and where."""
    students = chosen_rows.chosen_students(RECORD, start)
    shown = []
    for dataset, student in places:
        here = students[(students["dataset"] == dataset) & (students["student"] == student)]
        table = tables.table3(
            tables.summary(here), published("table3_phase1"), datasets=[dataset], students=[student]
        )
        found = beside_random.beside_random(table, here)
        shown.append(found[found["p"] <= LEVEL])
    rows = pd.concat(shown)
    below, above = (_places_of(rows[rows["gain"] * sign > 0], len(places)) for sign in (-1, 1))
    return f"below: {below}; above: {above}"


def _ties(dataset: str, student: str) -> str:
    """Return what ties decide of high-correctness by the tables' teacher, and what others score."""
    found = teacher_map.teacher_map(RECORD, _teacher(dataset)["key"])
    tied = report_card.ties(found)
    students = chosen_rows.chosen_students(RECORD)
    here = students[(students["dataset"] == dataset) & (students["student"] == student)]
    scores = tie_draws.by_draw(found, here)
    others = f" ({student}:) {tie_draws.read_draws(scores)}" if len(scores) > 1 else ""
    return report_card.read_ties(tied[tied["rule"] == tie_draws.RULE]) + others


def _places_of(rows: pd.DataFrame, n_places: int) -> str:
    """Return in how many of so many places each rule is found, the most frequent first."""
    counts = rows["train_data"].str.removeprefix("33 % ").value_counts(sort=False)
    by_count = []
    for n in sorted(set(counts), reverse=True):
        where = f" (in {n} of {n_places} places)" if n_places > 1 else ""
        by_count.append(", ".join(counts[counts == n].index) + where)
    return ", ".join(by_count) or "none"


def _starts() -> str:
    """Return what a teacher with other weights at the start changes, where it has students."""
    teachers = teacher_starts.starts(RECORD, *STUDIED.split(", "))
    found = teacher_starts.contrast(RECORD, *STUDIED.split(", "), published("table3_phase1"))
    if not found.loc[found["rule"] != "random", "n"].any():
        return ""
    text = teacher_starts.read_contrast(found, teachers)
    return (
        "The paper's teacher began with ImageNet's weights; ours begin *from scratch* or with what "
        "was learnt on another data set by the same recipe (*from cifar100*). Tables and verdicts "
        "show the teacher that most students have learnt from. What another one changes "
        f"({STUDIED}):\n\n{text}"
    )


def _beside_the_notebook() -> str:
    """Return how near our validation accuracies come to those of the authors' notebook."""
    sources, lines = Sources(RECORD), []
    for student in ("mobilenet", "resnet"):  # those that begin with random weights on both sides
        found = notebook_scores.by_accuracy(sources, student)
        if len(found):
            lines.append(f"- {notebook_scores.read_accuracies(found, sources, student)}")
    text = (
        "**Beside the authors' notebook**, which has the validation accuracy of every subset of "
        "CIFAR-10, and two rows of table 3 the other way round:\n\n"
    )
    return text + "\n".join(lines) if lines else ""


def _stopped(audit: str) -> str:
    """Return how near our scores come to the paper's, taken as its authors' code takes them."""
    chosen = chosen_rows.chosen_students(RECORD)
    epochs = stopping.recorded(RECORD.folder)
    lines = []
    for name, table in (("table3_phase1", tables.table3), ("table5_phase3", tables.table5)):
        paper = published(name)
        found, _ = stopping.compared(table, chosen, epochs, paper, stopping.BY_ACCURACY[name])
        several = found[found["n"] > 1]
        for place, cells in several.groupby(["dataset", "student"], sort=False):
            where = f"table {name[len('table')]}, {', '.join(place)}"
            lines.append(f"- {stopping.read_cells(cells, where)}")
    text = (
        "**The authors' code ends and scores a run otherwise** than the tables here do: it stops a "
        "student once its loss on the validation split has not fallen for three epochs, and "
        f"reports a mean over the test's steps ({audit}). The same students, so trained and scored "
        "(of CIFAR-10 the validation accuracy, which table 5 seems to hold). MNIST and CIFAR-100 "
        "were chosen because our scores lie above the paper's, and what lowers them brings them "
        "nearer:\n\n"
    )
    return text + "\n".join(lines) if lines else ""


def _why() -> str:
    """Return what the study of classes and images found, on the cell that has its rows."""
    study = class_balance.compared(RECORD)
    effects = class_balance.class_effects(study.studied, study.students)
    table = class_balance.mended_table(effects)
    return (
        f"**Does a subset score low because it lacks classes?** ({STUDIED}, teacher "
        f"{_began(study.start)}; asked after the rows were seen.) Macro F1 when a rule chooses its "
        "third within every class instead, with 95 % intervals that are not corrected for their "
        f"number:\n\n{differences.told(table)}"
        if len(table)
        else ""
    )


def map_text() -> str:
    """Return the picture of the data map of the tables' teacher on CIFAR-10, and its caption."""
    teacher = _teacher("cifar10")
    return (
        "\n![Data map of CIFAR-10's training images: confidence against variability, coloured by "
        "how often the teacher was right, with histograms and the reach of the three regions]"
        f"({PICTURE})\n\n*CIFAR-10's training split ({teacher['n_train']:,} images) as our "
        f"{teacher['network']} {_began(start_name(teacher['start']))} saw it over ten epochs. Up: "
        "how probable it found the right label, on average. Right: how much that changed. Grey: "
        "all images; points: a sample; lines: how far the third nearest to each region's anchor "
        "reaches. The book's data maps can be explored: hover to see the image, brush to choose, "
        "save what is chosen. [The glossary](book/glossary.md) explains the words.*\n\n"
    )


def write_picture() -> None:
    """Draw that map."""
    frame = experiments.map_frame(RECORD, _teacher("cifar10")["key"])
    chart = data_map.data_map(frame.assign(image=""))
    png = vl_convert.vegalite_to_png(chart.to_json(), scale=1.5)
    drawn = Image.open(io.BytesIO(png)).convert("RGBA")
    page = Image.alpha_composite(Image.new("RGBA", drawn.size, "white"), drawn)
    few = page.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(ROOT / PICTURE, optimize=True)


def _teacher(dataset: str) -> "pd.Series[Any]":
    return chosen_rows.chosen_teachers(RECORD).set_index("dataset", drop=False).loc[dataset]


def results_text() -> str:
    """Return table 3 as far as it is run."""
    students = chosen_rows.chosen_students(RECORD)
    three = tables.table3(
        tables.summary(students), published("table3_phase1"), datasets=["cifar10"]
    )
    table = readings.results_table(three)
    if not table:
        return "\nNo student of table 3 is run yet.\n\n"
    teacher = _teacher("cifar10")
    papers = published("table2_teachers").set_index("dataset").loc["cifar10", "macro_f1_percent"]
    words = (
        "CIFAR-10, table 3: macro F1 on the test set, mean over the students' seeds with its 95 % "
        "interval, which does not cover another teacher. Ours learnt from one teacher, a "
        f"{teacher['network']} {_began(start_name(teacher['start']))} (test macro F1 "
        f"{teacher['test_macro_f1']:.3f}), the paper's from one pre-trained on ImageNet "
        f"({papers / 100:.3f}). By [the audit](book/phases/audit.ipynb) the paper's *33 % random* "
        "values seem to be validation accuracies, its other rows of 33 % test F1, and its "
        "*ambiguous* and *easy-to-learn* may be exchanged."
    )
    elsewhere = list(dict.fromkeys(three.loc[three["mark"] == "other start", "student"]))
    if elsewhere:
        own = students.loc[students["student"].isin(elsewhere), "start"].map(start_name).unique()
        words += (
            f" The paper's students of {', '.join(elsewhere)} began with ImageNet's weights, ours "
            f"{' and '.join(map(_began, own))}, so that these columns are not to be compared."
        )
    return f"\n{words}\n\n{table}\n\n"


def _began(start: str) -> str:
    on = "ImageNet" if start == "paper" else start
    return "from scratch" if start == "scratch" else f"pre-trained on {on}"


def cost_text() -> str:
    """Return what the recorded steps took."""
    table = coverage.coverage(RECORD)
    done = table[table["done"] > 0]
    shown = pd.DataFrame({
        "dataset": done["dataset"],
        "phase": done["phase"],
        "who": done["who"],
        "runs": [f"{n} of {m}" for n, m in zip(done["done"], done["planned"], strict=True)],
        "minutes": [f"{60 * hours:.0f}" for hours in done["hours"]],
        "on": done["on"],
    })  # fmt: skip
    return f"\n{differences.told(shown)}\n\n"


def speed_text() -> str:
    """Return how fast students train on a CPU, as `make bench` measured it."""
    runs: dict[str, list[Comparison]] = {}
    for facts, line in results.measured():
        if results.is_on_cpu(facts) and line.baseline_name.startswith("(a)"):
            name = f"{facts['cores']} cores of {facts['device'].removesuffix(' (cpu)')}"
            runs.setdefault(name, []).append(line)
    whole = {name: lines for name, lines in runs.items() if len(_steps(lines)) == len(STUDENTS)}
    *others, (name, found) = whole.items()
    took = [f"{median(line.ours):.3g} ms ({_student(line)})" for line in _steps(found)]
    papers = "".join(
        f" All of the paper's {n_runs()} students would so take {median(line.ours):.0f} hours "
        f"instead of {median(line.baseline):.0f}, evaluation and the recording of steps not "
        "counted: computed, not run."
        for line in found
        if line.unit == "h"
    )
    elsewhere = "".join(f" On {other}: {_times(lines)}." for other, lines in others)
    text = (
        f"On {name}, a step of training with 32 images of CIFAR-10's size takes "
        f"{', '.join(took)}, wall time shared by the students that train side by side. The "
        "authors' way, a Lightning loop with a DataLoader that runs the teacher on every batch, at "
        f"its best of three settings, takes {_times(found)}.{papers}{elsewhere} "
        "[benchmarks/RESULTS.md](benchmarks/RESULTS.md) has the spread, a plain loop beside ours "
        "and the goals that were missed; `make bench-quick` measures one student on your machine "
        "in 3 minutes."
    )
    return f"\n{text}\n\n"


def _steps(lines: list[Comparison]) -> list[Comparison]:
    return [line for line in lines if line.unit == "ms"]


def _student(line: Comparison) -> str:
    return line.what.partition(",")[0]


def _times(lines: list[Comparison]) -> str:
    """Return how many times as long theirs takes, student by student."""
    told = [f"**{median(line.ratios):.1f}** times ({_student(line)})" for line in _steps(lines)]
    return f"{', '.join(told)} as long"


def texts() -> dict[str, str]:
    """Return what the record and the benchmarks say, by the name of its marks."""
    findings = judging.judge(RECORD)
    return {
        "map": map_text(),
        "verdict": verdict_text(findings),
        "answer": answer_text(findings),
        "results": results_text(),
        "cost": cost_text(),
        "speed": speed_text(),
    }


def written(page: str, said: dict[str, str]) -> str:
    """Return a page with `texts` between its marks."""
    for name, text in said.items():
        between = f"(?<=<!-- {name}: make report writes it -->\n).*(?=<!-- end of {name} -->)"
        page = re.sub(between, lambda _, new=text: new, page, flags=re.DOTALL)
    return page


def main() -> None:
    """Replace what stands between the marks."""
    write_picture()
    said = texts()
    for path in (ROOT / name for name in WRITTEN):
        page = path.read_text(encoding="utf-8")
        path.write_text(written(page, said), encoding="utf-8")


if __name__ == "__main__":
    main()
