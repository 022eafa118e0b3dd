"""Scores handed over to tools that look for wrong labels: cleanlab, FiftyOne."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from carto_helpers.config import subset_size
from carto_helpers.gaps import scores_with_gaps
from carto_helpers.recording import DynamicsRecord
from carto_helpers.selection import lowest


def label_quality(record: DynamicsRecord) -> Float[np.ndarray, " N"]:
    """Return cleanlab's kind of label quality score: the confidence.

    Returns
    -------
    ndarray
        (N,), in [0, 1]; low is suspicious. cleanlab's "self_confidence" is the same probability of
        the gold label, of one network instead of the mean over epochs.
    """
    return scores_with_gaps(record.p_gold, record.is_right)["confidence"]


def cleanlab_issues(record: DynamicsRecord, *, fraction: float) -> pd.DataFrame:
    """Return a frame that cleanlab's `CleanLearning.fit` takes as `label_issues`.

    Parameters
    ----------
    record
        The dynamics of any network.
    fraction
        Of the examples, how many of lowest quality count as issues, in (0, 1].

    Returns
    -------
    DataFrame
        One row an example, in the record's order, its position in the loaded set as the frame's
        index: `is_label_issue`, `label_quality` (low is suspicious) and `given_label`. What the
        network predicted instead is not recorded. cleanlab goes by the order: pass it the
        examples in that of `record.index`.

    Raises
    ------
    ValueError
        If `fraction` is out of range.
    """
    quality = label_quality(record)
    is_issue = np.zeros(len(quality), dtype=bool)
    is_issue[lowest(quality, subset_size(fraction, len(quality)))] = True
    return pd.DataFrame(
        {"is_label_issue": is_issue, "label_quality": quality, "given_label": record.labels},
        index=record.index,
    )


def fiftyone_table(record: DynamicsRecord, filepaths: Sequence[str | Path]) -> pd.DataFrame:
    """Return one row an image, with field names that FiftyOne uses.

    Parameters
    ----------
    record
        The dynamics of any network.
    filepaths
        Each row's image file, (N,).

    Returns
    -------
    DataFrame
        `filepath`, `label` (the class's name), `mistakenness` (1 - confidence, in [0, 1]; high is
        suspicious) and the four statistics. FiftyOne's own mistakenness is another formula of one
        prediction.

    Raises
    ------
    ValueError
        If there is not one file a row.
    """
    if len(filepaths) != len(record.index):
        raise ValueError(
            f"`filepaths` must be one an example, got {len(filepaths)} for {len(record.index)}; "
            "pass them in the order of the record"
        )
    statistics = scores_with_gaps(record.p_gold, record.is_right)
    return pd.DataFrame(
        {
            "filepath": [str(path) for path in filepaths],
            "label": np.asarray(record.classes)[record.labels],
            "mistakenness": 1 - statistics["confidence"],
            **statistics,
        }
    )
