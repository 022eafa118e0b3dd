"""`python tests/publish_runs.py FOLDER` takes a record's runs into book/results.

A teacher that no student has learnt from, beside another of its data set and start that has taught,
or is the paper's, or scores higher on the validation split (`most_taught`), has no page. Of such a
one the row and a small file of dynamics are published (`KEPT`, probabilities to the three digits of
half precision), no logits: 0.3 to 1 MB instead of 5 to 6. Of a network that is no teacher of the
paper's, has no data map in it, and that students only began with, the row alone is
(`student_starts.csv`). `make report` comes after it.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from carto_helpers.config import FAMILIES, start_name
from carto_helpers.findings import student_starts
from carto_helpers.findings.chosen_rows import most_taught, paper_teachers
from carto_helpers.findings.map_figures import FIGURES
from carto_helpers.own_subsets import kept_subset, subset_path
from carto_helpers.records import Results
from carto_helpers.selection import OWN
from carto_helpers.storage.durable import write_bytes

PUBLISHED = Path(__file__).parents[1] / "book" / "results"
KEPT = ("p_gold", "is_right")  # what maps and marks of doubt need
_SAME = ["dataset", "fingerprint", "start"]
_MAPPED = [(dataset, network) for _, _, dataset, network in FIGURES]


def publish(source: Results, target: Results) -> list[str]:
    """Add the runs of `source` that `target` lacks, with their files; return their keys.

    A teacher that `target` holds shortened comes whole if it has students now.

    Raises
    ------
    FileNotFoundError
        If `source` holds no teachers, or lacks a subset of one's own.
    ValueError
        If a student's teacher is in neither record, a file is damaged, or students that are to come
        began with other weights of a network than the published ones.
    """
    if source.teachers().empty:
        raise FileNotFoundError(f"expected a record of runs in {source.folder}, got no teacher")
    for_weights = _for_weights(source)
    known = {*target.teachers()["key"], *target.students()["key"], *for_weights["key"]}
    students = source.students()[lambda rows: ~rows["key"].isin(known)]
    _check_starts(target, for_weights, begun_with=_start_keys(students))
    new = [row for row in source.teachers().to_dict("records") if row["key"] not in known]
    for key in sorted(set(students["teacher_key"]) & known):
        row = source.teacher(key).to_dict()
        if row["dynamics_sha256"] != target.teacher(key)["dynamics_sha256"]:
            target.forget(key)
            new.append(row)
    lacking = set(students["teacher_key"]) - known - {row["key"] for row in new}
    if lacking:
        raise ValueError(f"students of {', '.join(lacking)} have no teacher; add its record first")
    own = [rule for rule in set(students["rule"]) if rule.startswith(OWN)]
    for rule in own:
        kept_subset(source, rule)  # checked before anything is written
    for row in new:
        _add_teacher(source, target, row)
    for rule in own:
        write_bytes(subset_path(target, rule), subset_path(source, rule).read_bytes())
    for row in students.to_dict("records"):
        target.append_student(row)
    _add_starts(target, for_weights, begun_with=_start_keys(target.students()))
    return [*(row["key"] for row in new), *students["key"]]


def _for_weights(source: Results) -> pd.DataFrame:
    """Return the teachers outside the paper's families and maps that have taught no student.

    They are trained for their weights, and are published as rows once a student began with these.
    """
    rows = source.teachers()
    has_taught = rows["key"].isin(source.students()["teacher_key"])
    is_mapped = pd.MultiIndex.from_frame(rows[["dataset", "network"]]).isin(_MAPPED)
    is_papers = rows["teacher"].isin(FAMILIES) | is_mapped
    return rows[~is_papers & ~has_taught]


def _start_keys(students: pd.DataFrame) -> set[str]:
    """Return the keys of the networks with whose weights students began."""
    return {label.partition(":")[2] for label in students["start"]}


def _check_starts(target: Results, for_weights: pd.DataFrame, *, begun_with: set[str]) -> None:
    """Raise if a network was trained again, elsewhere, for students that are to come."""
    there = student_starts.recorded(target.folder).set_index("key")["dynamics_sha256"]
    for row in for_weights[for_weights["key"].isin(begun_with)].to_dict("records"):
        if there.get(row["key"], row["dynamics_sha256"]) != row["dynamics_sha256"]:
            raise ValueError(
                f"students began with weights of {row['key']} that was trained again, not with "
                "those of the published ones; leave them out"
            )


def _add_starts(target: Results, for_weights: pd.DataFrame, *, begun_with: set[str]) -> None:
    there = student_starts.recorded(target.folder)
    begun = for_weights[for_weights["key"].isin(begun_with - {*there["key"]})]
    if len(begun):
        both = pd.concat([rows for rows in (there, begun) if len(rows)])  # none would type columns
        write_bytes(target.folder / student_starts.FILE, both.to_csv(index=False).encode())


def _add_teacher(source: Results, target: Results, row: dict[str, str]) -> None:
    key, images = row["key"], (row["dataset"], row["fingerprint"])
    source.dynamics(key), source.logits(key)  # checked
    for file in (f"dynamics/{key}.parquet", f"logits/{key}.safetensors"):
        write_bytes(target.folder / file, (source.folder / file).read_bytes())
    thumbnails = source.thumbnails(*images)
    if thumbnails and not target.thumbnails(*images):
        target.save_thumbnails(*images, np.array([*thumbnails]), [*thumbnails.values()])
    target.append_teacher(row)


def shorten(target: Results) -> list[str]:
    """Leave of teachers without a page their row and `KEPT`; return the keys of those shortened.

    What is left of a probability is its value in half precision: three digits, fewer below 6e-5.
    """
    students = target.students()
    rows = most_taught(paper_teachers(target), students)
    is_beaten = rows.assign(start=rows["start"].map(start_name)).duplicated(_SAME)
    done = []
    for key in rows.loc[is_beaten & (rows["n_students"] == 0), "key"]:
        record = target.dynamics(key)
        kept = {name: record.quantities[name] for name in KEPT}
        kept["p_gold"] = kept["p_gold"].astype(np.float16).astype(np.float32)
        if len(record.quantities) == len(KEPT) and (kept["p_gold"] == record.p_gold).all():
            continue
        row = target.teacher(key).to_dict()
        target.forget(key)
        digest = target.save_dynamics(key, replace(record, quantities=kept))
        target.append_teacher(row | {"dynamics_sha256": digest})
        done.append(key)
    return done


def main() -> None:
    """Publish, shorten, and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a results folder")
    target = Results(PUBLISHED)
    new = publish(Results(parser.parse_args().folder), target)
    print(f"{len(new)} runs published: {', '.join(new)}")
    print(f"without a page, shortened: {', '.join(shorten(target)) or 'none'}")


if __name__ == "__main__":
    main()
