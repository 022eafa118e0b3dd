"""Claims with another teacher: made records of two starts, whose verdicts are known."""

from pathlib import Path

from made_runs import student_row, teacher_row

from carto_helpers.claims.judging import judge
from carto_helpers.claims.other_starts import (
    judge_other_starts,
    other_starts_table,
    read_other_starts,
)
from carto_helpers.config import Recipe
from carto_helpers.records import Results

DIMINISH = "returns diminish above half the data"
COMPETITIVE = "a fraction of the data is competitive"
STEADY = {0.1: [0.2, 0.21, 0.22], 0.55: [0.6, 0.62, 0.61], 1.0: [0.61, 0.62, 0.63]}
EQUAL = {0.1: [0.2, 0.21, 0.22], 0.55: [0.4, 0.41, 0.43], 1.0: [0.6, 0.62, 0.61]}


def made_record(folder: Path, *, other: dict[float, list[float]] | None) -> Results:
    """Return a record of a teacher from scratch with scores EQUAL, and one of another start's."""
    results, recipe = Results(folder), Recipe(hard_weight=1.0).to_json()
    facts = {"dataset": "cifar10", "split_seed": 0, "recipe": recipe}
    results.append_teacher(teacher_row(key="a", start="scratch", dynamics_sha256="a" * 64, **facts))
    taught = [("a", EQUAL), ("a", {0.01: [0.1, 0.1, 0.1]})]  # more students: the tables' teacher
    if other is not None:
        results.append_teacher(
            teacher_row(key="b", start="cifar100:0a1b", dynamics_sha256="b" * 64, **facts)
        )
        taught.append(("b", other))
    for key, scores in taught:
        for fraction, found in scores.items():
            for seed, f1 in enumerate(found):
                results.append_student(student_row(
                    key=f"{key}-{round(100 * fraction)}-{seed}", teacher_key=key, student_seed=seed,
                    dataset="cifar10", rule="all" if fraction == 1 else "random",
                    fraction=fraction, test_macro_f1=f1, dynamics_sha256=key * 64,
                ))  # fmt: skip
    return results


def test_a_verdict_that_another_teacher_changes_is_told_with_both(tmp_path: Path) -> None:
    results = made_record(tmp_path, other=STEADY)
    found = judge_other_starts(results, judge(results))
    verdicts = found.set_index("claim")[["verdict", "start", "tables_verdict"]]
    assert verdicts.loc[DIMINISH].tolist() == ["holds", "cifar100", "not shown"]
    assert verdicts.loc[COMPETITIVE, "tables_verdict"] == "contradicted"
    assert len(found) == 2
    text = read_other_starts(found)
    assert text.startswith("- With the teacher from cifar100 2 verdicts rest on other numbers")
    assert f"*{DIMINISH}* (cifar10, mobilenet): not shown → **holds**" in text


def test_a_verdict_that_stays_is_listed_with_its_numbers_but_not_counted(tmp_path: Path) -> None:
    other = EQUAL | {0.1: [0.21, 0.2, 0.23]}
    results = made_record(tmp_path, other=other)
    findings = judge(results)
    found = judge_other_starts(results, findings)
    assert found["claim"].tolist() == [DIMINISH]  # of the others no number changes
    text = read_other_starts(found)
    assert text.startswith("- With the teacher from cifar100 1 verdict rests on")
    assert text.endswith("**0** of them change.")
    table = other_starts_table(found)
    assert table["teacher"].tolist() == ["from cifar100"]
    before = findings.set_index("claim").loc[DIMINISH, "statistic"]
    assert table["statistic"].tolist() != before.tolist()
    assert not {"reading", "papers_reading"} & set(table)


def test_without_another_teacher_nothing_is_judged(tmp_path: Path) -> None:
    for name, other in (("one", None), ("no rows", {})):
        results = made_record(tmp_path / name, other=other)
        findings = judge(results)
        found = judge_other_starts(results, findings)
        assert found.empty and {"start", "tables_verdict"} <= set(found)
        assert other_starts_table(found).empty
        assert "Not run yet" in read_other_starts(found)
    empty = Results(tmp_path / "empty")
    assert judge_other_starts(empty, judge(empty)).empty
