"""The CSV files of the package aum, as its code writes them."""

from pathlib import Path

import pytest

from carto_helpers.formats.aum_files import read_aum, read_aum_records

RECORDS = """sample_id,num_measurements,target_logit,target_val,other_logit,other_val,margin,aum
a,1,0,3.74,10,2.48,1.26,1.26
a,2,0,4.59,10,3.44,1.15,1.205
b,1,1,-0.09,0,3.11,-3.2,-3.2
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "aum_values.csv"
    path.write_text(text)
    return path


def test_values_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    frame = read_aum(written(tmp_path, "sample_id,aum\n7,1.205\n-3,-3.785\n"))
    assert frame["sample_id"].tolist() == [7, -3]
    assert frame["aum"].tolist() == [1.205, -3.785]


def test_names_may_be_strings_of_any_length(tmp_path: Path) -> None:
    names = ["x" * 200_000, 'a "quoted", name', "7"]
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    text = "sample_id,aum\n" + "".join(f"{name},0.5\n" for name in quoted)
    assert read_aum(written(tmp_path, text))["sample_id"].tolist() == names


@pytest.mark.parametrize("names", [["000123", "7"], ["007", "7"], ["-", "7"], ["1" * 30, "7"]])
def test_names_that_a_number_would_change_stay_strings(tmp_path: Path, names: list[str]) -> None:
    text = "sample_id,aum\n" + "".join(f"{name},0.5\n" for name in names)
    assert read_aum(written(tmp_path, text))["sample_id"].tolist() == names


def test_records_keep_what_all_versions_mean(tmp_path: Path) -> None:
    frame = read_aum_records(written(tmp_path, RECORDS))
    assert frame.columns.tolist() == ["sample_id", "num_measurements", "margin", "aum"]
    margins = frame.groupby("sample_id")["margin"].mean()
    last = frame.groupby("sample_id")["aum"].last()
    assert margins.tolist() == pytest.approx(last.tolist())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected the columns sample_id, aum, got None"),
        (
            "sample_id,score\n1,2\n",
            r"line 1: expected the columns sample_id, aum, got \['sample",
        ),
        ("sample_id,aum\n1,2\n2,much\n", "line 3: expected a float, got 'much'; mend that line"),
        ("sample_id,aum\n1\n", "line 2: expected a float, got None"),
        ("sample_id,aum\n1,nan\n", "line 2: expected a finite float, got 'nan'"),
        ("sample_id,aum\n1,2\n2,3\n1,4\n", "line 4: expected each sample's update once, got 1 ag"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=rf"aum_values\.csv, {message}"):
        read_aum(written(tmp_path, text))


def test_an_update_stands_once(tmp_path: Path) -> None:
    again = RECORDS + RECORDS.splitlines()[2] + "\n"
    with pytest.raises(ValueError, match="line 5: expected each sample's update once, got a, 2 ag"):
        read_aum_records(written(tmp_path, again))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"CSV file of the package aum at .*none\.csv"):
        read_aum(tmp_path / "none.csv")


def test_what_is_no_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "aum_values.csv"
    path.write_bytes(b"sample_id,aum\n\x80,1\n")
    with pytest.raises(ValueError, match=f"^{path} must be a text in UTF-8, got 'utf-8' codec"):
        read_aum(path)


def test_what_is_no_csv_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carto_helpers.formats.aum_files._LONGEST", 10)
    path = written(tmp_path, f"sample_id,aum\n{'x' * 11},1\n")
    with pytest.raises(ValueError, match="expected CSV as the package writes it, got field larger"):
        read_aum(path)
