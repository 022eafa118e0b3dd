"""Claims against a record: one row a claim, and the demonstration on the committed digits."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from carto_helpers import tables
from carto_helpers.claims import judging
from carto_helpers.claims.claim_list import CLAIMS
from carto_helpers.claims.verdicts import CONTRADICTED, DOES_NOT, HOLDS, NOT_SHOWN, UNKNOWN
from carto_helpers.records import Results

BOOK = Path(__file__).parents[1] / "book" / "results"


@pytest.fixture(scope="module")
def digits() -> pd.DataFrame:
    return judging.judge(Results(BOOK), ["digits"])


def made_findings(*places: tuple[str, str, float]) -> pd.DataFrame:
    rows = [
        {
            "claim": "c", "where": "w", "test": "t", "dataset": f"d{i}", "subject": "s",
            "verdict": verdict, "reading": "", "reason": reason, "paper": "", "statistic": str(i),
            "n": 3, "p": p, "low": 0.0, "high": 1.0, "doubts": "",
        }
        for i, (verdict, reason, p) in enumerate(places)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_an_empty_record_knows_nothing_and_says_so(tmp_path: Path) -> None:
    table = judging.claim_table(judging.judge(Results(tmp_path)))
    assert table["claim"].tolist() == [claim.name for claim in CLAIMS]
    assert set(table["verdict"]) == {UNKNOWN}
    assert set(table["statistic"]) == {""}
    text = judging.read_claims(judging.judge(Results(tmp_path)))
    assert f"**{len(CLAIMS)}** could not be tested yet. Of " in text
    assert "0 could be made: 0 on students, in 0 places" in text


def test_a_verdict_is_missing_only_where_a_side_has_too_few_rows(digits) -> None:
    known = digits[digits["verdict"] != UNKNOWN]
    assert (known["n"] >= 3).all()
    assert (digits.loc[digits["verdict"] == UNKNOWN, "n"] < 3).all()
    mobilenet = digits[digits["subject"] == "mobilenet"]
    assert len(mobilenet) == 6 and UNKNOWN not in set(mobilenet["verdict"])


def test_every_verdict_comes_with_its_statistic_and_n(digits) -> None:
    known = digits[digits["verdict"] != UNKNOWN]
    assert known["statistic"].str.len().all()
    assert (known["p"].notna() | known["low"].notna()).all()
    assert ((known["reason"] != "") == (known["verdict"] == DOES_NOT)).all()


def test_the_numbers_of_a_digits_row_are_the_rows_own(digits) -> None:
    students = Results(BOOK).students().query("dataset == 'digits' and student == 'mobilenet'")
    means = students.groupby(["rule", "fraction"])["test_macro_f1"].mean()
    claim = "returns diminish above half the data"
    reading = digits.set_index(["claim", "subject"]).loc[(claim, "mobilenet"), "reading"]
    first = means["random", 0.55] - means["random", 0.1]
    second = means["all", 1.0] - means["random", 0.55]
    assert reading == f"10 → 55 %: +{first:.3f}; 55 → 100 %: +{second:.3f}"


@pytest.mark.parametrize(
    ("places", "verdict", "deciding", "known"),
    [
        ([(HOLDS, "", 0.01), (HOLDS, "", 0.04), (UNKNOWN, "", 1.0)], HOLDS, "d1, s", "2 of 3"),
        ([(HOLDS, "", 0.01), (DOES_NOT, NOT_SHOWN, 0.5)], DOES_NOT, "d1, s", "2 of 2"),
        (
            [(DOES_NOT, CONTRADICTED, 0.01), (DOES_NOT, NOT_SHOWN, 0.5)],
            DOES_NOT, "d0, s", "2 of 2",
        ),
        ([(UNKNOWN, "", float("nan"))], UNKNOWN, "", "0 of 1"),
    ],
)  # fmt: skip
def test_the_place_that_decides_gives_a_claim_its_numbers(places, verdict, deciding, known) -> None:
    row = judging.claim_table(made_findings(*places)).iloc[0]
    assert (row["verdict"], row["known"]) == (verdict, known)
    assert row["statistic"].partition(";")[0] == deciding


def test_every_claim_tells_where_it_stands_and_how_it_is_tested(digits) -> None:
    table = judging.claim_tests(digits)
    assert table["claim"].tolist() == [claim.name for claim in CLAIMS]
    assert table.columns.tolist() == ["claim", "where", "test"]


def test_claims_are_counted() -> None:
    findings = pd.concat(
        [
            made_findings((HOLDS, "", 0.01)).assign(claim="a"),
            made_findings((DOES_NOT, CONTRADICTED, 0.01)).assign(claim="b"),
            made_findings((DOES_NOT, NOT_SHOWN, 0.4), (UNKNOWN, "", 1.0)).assign(claim="c"),
        ],
        ignore_index=True,
    )
    text = judging.read_claims(findings)
    assert text.startswith("Of 3 claims of the paper **1** hold in every place")
    assert "**1** are contradicted in at least one place" in text
    assert "For **1** more the runs cannot tell" in text
    assert "**0** could not be tested" in text
    assert "Of 4 tests, one a claim and place, 3 could be made: 0 on students" in text
    on_students = judging.read_claims(findings.assign(subject="resnet"))
    assert "3 on students, in 1 place and with at least 3 seeds a side, and 0 on" in on_students


def test_every_place_is_shown_with_the_papers_reading(digits) -> None:
    table = judging.finding_table(digits)
    assert len(table) == len(digits)
    assert table["place"].iloc[0] == "digits, mobilenet"
    papers = judging.finding_table(judging.judge(Results(BOOK / "none")))["papers_reading"]
    assert papers.iloc[0].startswith("random's mean is above 10 of 11 others")


def test_a_claim_that_rests_on_marked_rows_says_so_whatever_its_verdict(tmp_path: Path) -> None:
    shutil.copytree(BOOK, tmp_path, dirs_exist_ok=True)
    harm(tmp_path / "students.csv", "method_version", "0")
    harm(tmp_path / "teachers.csv", "test_accuracy", "2.0")
    findings = judging.judge(Results(tmp_path), ["digits"])
    by_scores = findings[findings["subject"] == "mobilenet"]
    assert by_scores["doubts"].str.contains("mixed versions").all()
    on_maps = findings[findings["subject"] == "resnet50"]
    assert (on_maps["doubts"] == "diverged").all() and HOLDS in set(on_maps["verdict"])
    table = judging.claim_table(findings)
    assert (table.loc[table["verdict"] != UNKNOWN, "doubts"] != "").all()
    for shown in (table, judging.finding_table(findings)):
        html = tables.show(shown, caption="Claims.").to_html()
        assert "mixed versions" in html and "Mixed versions: " in html and "Diverged: " in html
    n = int((table["doubts"] != "").sum())
    assert f"Behind **{n}** of the claims stand rows with marks of doubt." in judging.read_claims(
        findings
    )


def harm(path: Path, column: str, value: str) -> None:
    """Change every second row of a table, as one who edits it by hand would."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows.loc[::2, column] = value
    rows.to_csv(path, index=False)
    path.with_name(f"{path.name}.sha256").unlink(missing_ok=True)


def test_a_claim_on_rows_without_marks_says_nothing_of_them(digits) -> None:
    on_maps = digits[digits["subject"] == "resnet50"]
    assert len(on_maps) and set(on_maps["doubts"]) == {""}
    assert "doubts" not in tables.printed(judging.finding_table(on_maps))
    assert "doubt" not in judging.read_claims(on_maps)
