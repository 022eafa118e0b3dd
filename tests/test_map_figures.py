"""Every data map of the paper has its line, run or not; a teacher without a page its map."""

import pandas as pd

from carto_helpers.findings.map_figures import map_figures, read_image_4000, without_page

TEACHERS = pd.DataFrame(
    [
        ("cifar10", "resnet50", "scratch", 0.70),
        ("cifar10", "resnet50", "scratch", 0.73),
        ("cifar10", "resnet50", "cifar100:00ff", 0.80),
        ("cifar10", "resnet18", "scratch", 0.60),
        ("cifar10", "resnet18", "scratch", 0.65),
    ],
    columns=["dataset", "network", "start", "val_macro_f1"],
).assign(key=list("abcde"), teacher=["resnet"] * 3 + ["resnet18"] * 2)
STUDENTS = pd.DataFrame({"teacher_key": ["b", "c"]})


def test_every_data_map_of_the_paper_is_told_or_not_run() -> None:
    found = map_figures(TEACHERS, STUDENTS).set_index("figure")["ours"]
    assert list(found.index) == ["1", "2", "9 and 10", "11", "12", "none"]
    assert found["2"] == "resnet50: not run"
    assert found["11"] == "resnet18 from scratch: below"
    assert "resnet50 from scratch: [the teacher's page](teacher-cifar10.ipynb)" in found["9 and 10"]
    assert "(teacher-cifar10-cifar100.ipynb)" in found["9 and 10"]
    assert map_figures(TEACHERS.head(0), STUDENTS)["ours"].str.endswith("not run").all()


def test_the_best_of_each_other_network_has_no_page_of_its_own() -> None:
    assert without_page(TEACHERS, STUDENTS)["key"].tolist() == ["e"]
    assert without_page(TEACHERS.head(3), STUDENTS).empty


def test_the_page_is_of_the_network_that_taught_even_where_another_is_better() -> None:
    better = TEACHERS.assign(val_macro_f1=TEACHERS["val_macro_f1"].where(lambda f1: f1 > 0.65, 0.9))
    assert without_page(better, STUDENTS)["key"].tolist() == ["d"]
    better = better.assign(teacher=better["network"])  # no family
    assert without_page(better, STUDENTS.head(0))["key"].tolist() == ["b"]


def test_what_image_4000_is_here_is_told_beside_the_papers_frog() -> None:
    assert "is a dog" in read_image_4000("dog") and "is a dog" not in read_image_4000("frog")
    assert read_image_4000("").startswith("**Not run")
