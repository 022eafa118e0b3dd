"""The paper's figures that are data maps, and the teachers whose maps stand in their place."""

import pandas as pd

from carto_helpers.comparison import require_columns
from carto_helpers.config import start_name
from carto_helpers.findings.chosen_rows import most_taught
from carto_helpers.findings.readings import teacher_link

MEDIUM = "CIFAR-10, “ResNet Medium”: none in table 1, ResNet-34 in the authors' code"
FIGURES = (
    ("1", MEDIUM, "cifar10", "resnet34"),
    ("2", "MNIST, whose points are nearly all easy", "mnist", "resnet50"),
    ("9 and 10", "CIFAR-10, ResNet large (twice, with one caption)", "cifar10", "resnet50"),
    ("11", "CIFAR-10, ResNet small", "cifar10", "resnet18"),
    ("12", "MNIST, ResNet large", "mnist", "resnet50"),
    ("none", "CIFAR-100, ResNet large: the paper has no map of it", "cifar100", "resnet50"),
)  # number, what it shows, data set, network


def without_page(teachers: pd.DataFrame, students: pd.DataFrame) -> pd.DataFrame:
    """Return the teachers whose map no page of their own shows, the best of each network and start.

    A page shows the first of its data set and start, as `most_taught` orders them.

    Parameters
    ----------
    teachers
        Rows of teachers.csv; may be empty.
    students
        Rows of students.csv; may be empty.
    """
    require_columns(teachers, ("dataset", "network", "start", "val_macro_f1"), "teachers")
    begun = teachers.assign(start=teachers["start"].map(start_name))
    shown = most_taught(begun, students).drop_duplicates(["dataset", "start"])
    rows = begun.sort_values("val_macro_f1", ascending=False, kind="stable")
    best = teachers.loc[rows.drop_duplicates(["dataset", "start", "network"]).index]
    return best[~best.index.isin(shown.index)].sort_values(["dataset", "network"])


def map_figures(teachers: pd.DataFrame, students: pd.DataFrame) -> pd.DataFrame:
    """Return each data map of the paper, and where ours is.

    Parameters
    ----------
    teachers
        Rows of teachers.csv; may be empty.
    students
        Rows of students.csv; may be empty.

    Returns
    -------
    DataFrame
        figure, "the paper's" (what it shows) and ours: start and place, a Markdown link or "below",
        of every teacher of that data set and network, or "not run".
    """
    below = without_page(teachers, students).index
    rows = []
    for number, words, dataset, network in FIGURES:
        same = teachers[(teachers["dataset"] == dataset) & (teachers["network"] == network)]
        places = {
            start_name(row["start"]): "below" if i in below else teacher_link(row)
            for i, row in same.sort_values("val_macro_f1").iterrows()
        }
        found = "; ".join(f"{network} from {start}: {place}" for start, place in places.items())
        rows.append((number, words, found or f"{network}: not run"))
    return pd.DataFrame(rows, columns=["figure", "the paper's", "ours"])


def read_image_4000(label: str) -> str:
    """Return what our image 4000 is, beside figure 4's, as Markdown.

    Parameters
    ----------
    label
        Of image 4000 of CIFAR-10; "" if it is not on our map.
    """
    if not label:
        return "**Not run, or not among the training images.**"
    if label == "frog":
        return "Our teacher's history of the same image:"
    return (
        f"Image 4000 of the official training set is a {label}. The paper's number may count "
        "another order, that of its own random split for example, so its frog cannot be found by "
        f"it. Our teacher's history of the {label}, drawn as the paper draws its frog's:"
    )
