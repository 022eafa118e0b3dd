"""The rows that a study keeps in a results folder."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

_TEXT = ("key", "teacher_key", "dynamics_sha256")  # hexadecimal, some of it digits alone


def kept_rows(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return a study's rows from its CSV file, keys and digests as text.

    Without the file, no rows and `columns`; with it, what is in the file.
    """
    if not path.is_file():
        return pd.DataFrame(columns=list(columns))
    return pd.read_csv(path, dtype=dict.fromkeys(_TEXT, str))
