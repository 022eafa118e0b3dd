"""The audit: eighteen points in their order, each with evidence and a word on our rows."""

from pathlib import Path

from carto_helpers.audit import point_list
from carto_helpers.records import Results


def test_every_point_stands_once_in_order_with_evidence(tmp_path: Path) -> None:
    points = point_list.audit(Results(tmp_path))
    assert list(points) == list(range(1, 19))
    for number, point in points.items():
        assert point.number == number
        assert len(point.evidence)
        assert point.reading.endswith(".")
        assert point.ours.endswith(".")
        assert "nan" not in point.text()


def test_the_table_has_one_row_a_point(tmp_path: Path) -> None:
    points = point_list.audit(Results(tmp_path))
    table = point_list.point_table(points)
    assert table["number"].tolist() == [str(n) for n in range(1, 19)]
    assert table.columns.tolist() == ["number", "point", "reading"]
    assert table["reading"].iloc[6] == points[7].reading
