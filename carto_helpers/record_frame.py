"""A record as a tidy frame: one row an example, ready for the data map."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from carto_helpers import selection
from carto_helpers.config import subset_size
from carto_helpers.gaps import scores_with_gaps
from carto_helpers.recording import DynamicsRecord

REGION_FRACTION = 0.33


def record_frame(record: DynamicsRecord, images: Mapping[int, str] | None = None) -> pd.DataFrame:
    """Return a data map: one row per training example.

    Parameters
    ----------
    record
        The dynamics of one teacher, or of any network.
    images
        A data URI for each position that has one.

    Returns
    -------
    DataFrame
        `index` (position in the loaded set), `id` if the examples have names, `label`, `class`,
        the four statistics, `region` (the nearest 33 %, at least one, of easy-to-learn, else of
        hard-to-learn, else of ambiguous, or ""), `p_gold` (list, one value an epoch) and `image` (a
        data URI, or "").
    """
    statistics = scores_with_gaps(record.p_gold, record.is_right)
    n = subset_size(REGION_FRACTION, len(record.index)) if len(record.index) > 3 else 1
    regions = pd.Series("", index=range(len(record.index)))
    for name in ("ambiguous", "hard-to-learn", "easy-to-learn"):
        regions[selection.region(statistics, name, n)] = name
    shown = images or {}
    return pd.DataFrame(
        {
            "index": record.index,
            **({} if record.ids is None else {"id": record.ids}),
            "label": record.labels,
            "class": np.asarray(record.classes)[record.labels],
            **statistics,
            "region": regions,
            "p_gold": list(record.p_gold.astype(float).round(4)),
            "image": [shown.get(int(index), "") for index in record.index],
        }
    )
