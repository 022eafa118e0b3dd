"""What a study keeps in a results folder."""

from pathlib import Path

from carto_helpers.findings.kept_rows import kept_rows


def test_without_a_file_there_are_its_columns_and_no_rows(tmp_path: Path) -> None:
    found = kept_rows(tmp_path / "study.csv", ("key", "seed"))
    assert (list(found.columns), len(found)) == (["key", "seed"], 0)


def test_keys_and_digests_of_digits_alone_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "study.csv"
    path.write_text("key,dynamics_sha256,seed\n0012,12e4,1\n", encoding="utf-8")
    [row] = kept_rows(path, ("key", "dynamics_sha256", "seed")).to_dict("records")
    assert row == {"key": "0012", "dynamics_sha256": "12e4", "seed": 1}
