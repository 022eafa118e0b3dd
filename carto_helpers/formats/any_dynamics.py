"""Training dynamics from any file or folder whose format is known."""

from pathlib import Path

from carto_helpers.formats.cartography_files import read_cartography
from carto_helpers.formats.dynamics_files import read_npz, read_parquet
from carto_helpers.recorders.recorder import DynamicsRecorder
from carto_helpers.recording import DynamicsRecord


def read_dynamics(path: str | Path) -> DynamicsRecord:
    """Return the training dynamics in a file or folder.

    Parameters
    ----------
    path
        The folder of a `DynamicsRecorder`, a folder of allenai/cartography's dynamics_epoch_N.jsonl
        or a file of `write_parquet` (dynamics/ of a results folder holds such) or `write_npz`.

    Raises
    ------
    FileNotFoundError
        If there is nothing there.
    ValueError
        If it is none of these formats, or damaged.

    Examples
    --------
    >>> import tempfile, numpy as np, carto_helpers as carto
    >>> record = carto.DynamicsRecord(
    ...     index=np.arange(2), labels=np.array([0, 1]), classes=("a", "b"),
    ...     quantities={"p_gold": np.ones((2, 3), np.float32), "is_right": np.ones((2, 3), bool)},
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     carto.write_npz(f"{folder}/mine.npz", record)
    ...     read_dynamics(f"{folder}/mine.npz").classes
    ('a', 'b')
    """
    path = Path(path)
    if (path / "recorder.json").is_file():
        return DynamicsRecorder.reopen(path).record()
    if path.is_dir():
        return read_cartography(path)
    if not path.exists():
        raise FileNotFoundError(
            f"expected training dynamics in {path}, got no file or folder; check the path"
        )
    readers = {".npz": read_npz, ".parquet": read_parquet}
    if path.suffix not in readers:
        raise ValueError(
            "training dynamics must be a recorder's folder, a folder of dynamics_epoch_N.jsonl, a "
            f".parquet or a .npz file, got {path}; AUM's margins are no probabilities: record "
            "p_gold with `DynamicsRecorder`"
        )
    return readers[path.suffix](path)
