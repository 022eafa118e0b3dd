"""`python tests/publish_runs.py FOLDER` takes a record's runs into book/results.

A teacher that another of its data set, network and start beats on the validation split, and that no
student has learnt from, has no page. Of such a one the row and a small file of dynamics are
published (`KEPT`), no logits: a teacher takes 5 to 6 MB otherwise. `make report` comes after it.
"""

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

from carto_helpers.config import start_name
from carto_helpers.findings.chosen_rows import most_taught, paper_teachers
from carto_helpers.records import Results

PUBLISHED = Path(__file__).parents[1] / "book" / "results"
KEPT = ("p_gold", "is_right", "loss")  # what maps and marks of doubt need


def publish(source: Results, target: Results) -> list[str]:
    """Add the runs of `source` that `target` lacks, with their files; return their keys."""
    known = {*target.teachers()["key"], *target.students()["key"]}
    teachers, students = source.teachers(), source.students()
    teachers, students = (rows[~rows["key"].isin(known)] for rows in (teachers, students))
    for row in teachers.to_dict("records"):
        source.dynamics(row["key"]), source.logits(row["key"])  # checked
        for file in (f"dynamics/{row['key']}.parquet", f"logits/{row['key']}.safetensors"):
            _copy(source.folder / file, target.folder / file)
        for images in source.folder.glob(f"thumbnails/{row['dataset']}-{row['fingerprint']}.*"):
            _copy(images, target.folder / "thumbnails" / images.name)
        target.append_teacher(row)
    for row in students.to_dict("records"):
        target.append_student(row)
    return [*teachers["key"], *students["key"]]


def shorten(target: Results) -> list[str]:
    """Leave of teachers without a page their row and `KEPT`; return the keys of those shortened."""
    ranked = most_taught(paper_teachers(target), target.students())
    ranked = ranked.assign(start=ranked["start"].map(start_name))
    is_beaten = ranked.duplicated(["dataset", "network", "start"])
    others = ranked[is_beaten & (ranked["n_students"] == 0)]
    done = []
    for key in others["key"]:
        record = target.dynamics(key)
        if set(record.quantities) <= set(KEPT):
            continue
        row = target.teacher(key).to_dict()
        target.forget(key)
        kept = {name: record.quantities[name] for name in KEPT}
        digest = target.save_dynamics(key, replace(record, quantities=kept))
        target.append_teacher(row | {"dynamics_sha256": digest})
        done.append(key)
    return done


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


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
