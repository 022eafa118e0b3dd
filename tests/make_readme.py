"""Write the results into README.md, from book/results: `make report` calls it, a test checks it."""

import re
from pathlib import Path

from carto_helpers import chosen_rows, readings, tables
from carto_helpers.records import Results, published

ROOT = Path(__file__).parents[1]
BETWEEN = re.compile(
    r"(?<=<!-- results: make report writes them -->\n).*(?=<!-- end -->)", re.DOTALL
)


def results_text() -> str:
    """Return what README says of the record."""
    students = chosen_rows.chosen_students(Results(ROOT / "book" / "results"))
    three = tables.table3(tables.summary(students), published("table3_phase1"))
    table = readings.results_table(three)
    words = "CIFAR-10, table 3: macro F1 on the test set, mean over seeds with its 95 % interval."
    missing = "No student of table 3 is run yet."
    return f"\n{words}\n\n{table}\n\n" if table else f"\n{missing}\n\n"


def main() -> None:
    """Replace what stands between the marks."""
    path = ROOT / "README.md"
    path.write_text(BETWEEN.sub(lambda _: results_text(), path.read_text()))


if __name__ == "__main__":
    main()
