"""`python -m studies.remade`: what a teacher's map and subsets become when its run is made again.

Two records hold a run of the same key: the same data, recipe, seeds. On one machine and one version
of the code they are equal bit by bit; elsewhere sums in another order can make them part. The rows
of the comparison replace those of this key in remade.csv of the first record.
"""

import argparse
from pathlib import Path

import pandas as pd

from carto_helpers.findings.remade import recorded, remade
from carto_helpers.records import Results


def main() -> None:
    """Compare and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", required=True, help="the record that is published")
    parser.add_argument("--again", required=True, help="a record with the same run, made again")
    parser.add_argument("--key", required=True, help="of the teacher, as its row has it")
    asked = parser.parse_args()
    folder = Path(asked.results)
    found = remade(Results(folder), Results(Path(asked.again)), asked.key)
    kept = recorded(folder)
    rows = [frame for frame in (kept[kept["key"] != asked.key], found) if len(frame)]
    pd.concat(rows).to_csv(folder / "remade.csv", index=False)
    print(found[["rule", "shared", "rank_correlation"]].to_string(index=False))


if __name__ == "__main__":
    main()
