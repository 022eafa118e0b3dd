"""Where the numbers of a run under way are sent: nowhere, to TensorBoard, or to Weights & Biases.

The record stays the only place that results are read from; a tracker is a copy to watch.
"""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from carto_helpers.config import TRACKERS

PROJECT = "carto_helpers"  # what Weights & Biases calls it; its WANDB_PROJECT goes first
_PACKAGES = {name: None if name == "none" else name for name in TRACKERS}


@runtime_checkable
class Tracker(Protocol):
    """Takes the numbers of one run; write your own with these two methods."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Take numbers by name, after epoch `step`."""

    def finish(self) -> None:
        """End the run."""


class NoTracker:
    """Takes numbers and keeps none."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Keep nothing."""

    def finish(self) -> None:
        """Do nothing."""


class TensorBoardTracker:
    """Writes one run's event files, for `tensorboard --logdir` of the folder above.

    Parameters
    ----------
    folder
        Of the run.
    facts
        Which run it is: shown as text.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder))
        self._writer.add_text("run", f"```json\n{json.dumps(facts, indent=1)}\n```")

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write numbers by name, so that they can be seen at once."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def finish(self) -> None:
        """Close the file."""
        self._writer.close()


class WandbTracker:
    """Sends one run to Weights & Biases, or writes it for `wandb sync` where that is offline.

    Parameters
    ----------
    folder
        Where it keeps its own files.
    key
        The run's key, under which a run that goes on is found again.
    facts
        Which run it is: its configuration there.
    """

    def __init__(self, folder: Path, key: str, facts: Mapping[str, Any]) -> None:
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._run = wandb.init(
                project=None if wandb.setup().settings.project else PROJECT,
                id=key,
                resume="allow",
                reinit="create_new",  # students that train as one network are open together
                dir=folder,
                config=dict(facts),
            )
        except wandb.Error as error:
            raise RuntimeError(
                f"Weights & Biases takes no run: {error}; `wandb login`, or set WANDB_MODE=offline"
            ) from error

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Send numbers by name."""
        self._run.log(dict(metrics), step=step)

    def finish(self) -> None:
        """Mark the run as finished."""
        self._run.finish()


def check_tracker(name: str) -> None:
    """Raise unless the package behind tracker `name` is installed.

    Raises
    ------
    ModuleNotFoundError
        If it is not; the extra to install is named.

    Examples
    --------
    >>> check_tracker("none")
    """
    package = _PACKAGES[name]
    if package is not None and find_spec(package) is None:
        raise ModuleNotFoundError(
            f"expected the package {package} for the tracker {name!r}, got none; "
            f'pip install "carto_helpers[{package}]", or pass tracker="none"'
        )


def open_tracker(name: str, folder: Path, key: str, facts: Mapping[str, Any]) -> Tracker:
    """Return the tracker of one run.

    Parameters
    ----------
    name
        One of `config.TRACKERS`.
    folder
        Where trackers keep their files, one folder a tracker.
    key
        The run's key.
    facts
        Which run it is.
    """
    check_tracker(name)
    if name == "tensorboard":
        return TensorBoardTracker(folder / name / key, facts)
    if name == "wandb":
        return WandbTracker(folder, key, facts)
    return NoTracker()
