"""Students stopped and scored as the authors' code does, instead of after the last epoch.

Its trainer stops once the validation split's cross entropy has not fallen for three epochs, and
keeps the weights of that moment; its test step logs the F1 of all images so far, of which the mean
over the steps is reported (github.com/timohromadka/L46_datamaps, utils/trainer_utils.py and
models/models.py).
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from carto_helpers.findings.kept_rows import kept_rows

FILE = "epoch_scores.csv"  # of a results folder
COLUMNS = (
    "key", "dataset", "student", "fraction", "seed", "epoch", "val_loss", "val_accuracy",
    "test_macro_f1", "running_macro_f1",
)  # fmt: skip
PATIENCE = 3  # epochs


def recorded(folder: Path) -> pd.DataFrame:
    """Return the study's rows in a results folder, one an epoch; none if not run."""
    return kept_rows(folder / FILE, COLUMNS)


def stopped_after(losses: Sequence[float], patience: int = PATIENCE) -> int:
    """Return how many epochs are trained if `patience` of them in a row bring no lower loss.

    Parameters
    ----------
    losses
        On the validation split after each epoch.
    patience
        As Lightning's EarlyStopping counts: epochs since the lowest loss.

    Examples
    --------
    >>> stopped_after([3.0, 1.0, 2.0, 1.0, 1.5, 0.5]), stopped_after([3.0, 2.0, 1.0, 4.0])
    (5, 4)
    """
    lowest, since = float("inf"), 0
    for epoch, loss in enumerate(losses, start=1):
        since = 0 if loss < lowest else since + 1
        lowest = min(lowest, loss)
        if since == patience:
            return epoch
    return len(losses)
