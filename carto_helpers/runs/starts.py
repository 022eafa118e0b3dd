"""What a network's weights are drawn from before training, and how a row names it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from carto_helpers import models
from carto_helpers.config import DATASETS, STARTS
from carto_helpers.data import ImageSet
from carto_helpers.records import DamagedFileError, Results, load_metadata
from carto_helpers.training import stream


@dataclass(frozen=True, kw_only=True)
class Start:
    """A start as a row holds it (`label`) and the file it reads, if any.

    Labels: "scratch"; "paper" (ImageNet, where the authors had it); "file:<digest>"; or
    "<data set>:<teacher key>", a recorded teacher of another data set with a new head.
    """

    label: str
    path: Path | None = None
    replaces_head: bool = False


def resolve_start(start: str, spec: models.NetworkSpec, results: Results) -> Start:
    """Return what `start` means for one network.

    Parameters
    ----------
    start
        "scratch", "paper", the name of another data set, or the path of a safetensors file.
    spec
        The network. Where the authors had no ImageNet weights for it, "paper" is "scratch".
    results
        The record in which another data set's teacher is looked for.

    Raises
    ------
    ValueError
        If `start` is neither a known name nor a safetensors file's path, or "paper" is asked for
        a network that is not the paper's.
    FileNotFoundError
        If the file, or a teacher of the other data set with the same network, is not there.
    """
    if start == "paper":
        if not spec.paper:
            raise ValueError(
                f"start 'paper' is for the paper's networks, got {spec.name}; pass 'scratch'"
            )
        return Start(label="paper" if spec.paper_start else "scratch")
    if start == "scratch":
        return Start(label=start)
    if start in DATASETS:
        key = _best_teacher(start, spec, results)
        return Start(label=f"{start}:{key}", path=results.weights_path(key), replaces_head=True)
    check_start(start)
    content = hashlib.sha256(Path(start).read_bytes()).hexdigest()
    return Start(label=f"file:{content[:16]}", path=Path(start))


def check_start(start: str) -> None:
    """Raise unless `start` is a known name or a safetensors file that is there."""
    if start in STARTS:
        return
    if not start.endswith(".safetensors"):
        raise ValueError(
            f"a start must be one of {', '.join(STARTS)} or the path of a .safetensors file, "
            f"got {start!r}; pass 'scratch'"
        )
    if not Path(start).is_file():
        raise FileNotFoundError(
            f"expected weights in {start}, got no file; pass a file that is there, or 'scratch'"
        )


def _best_teacher(dataset: str, spec: models.NetworkSpec, results: Results) -> str:
    rows = results.teachers()
    rows = rows[
        (rows["dataset"] == dataset) & (rows["network"] == spec.name) & (rows["start"] == "scratch")
    ]
    if rows.empty:
        raise FileNotFoundError(
            f"expected a recorded teacher {spec.name} on {dataset} in {results.folder}, got none; "
            f"run `carto teacher --dataset {dataset} --architectures {spec.name}` first"
        )
    return str(rows["key"].iloc[int(rows["val_macro_f1"].argmax())])


def initialise(spec: models.NetworkSpec, start: Start, images: ImageSet, *, seed: int) -> nn.Module:
    """Return a network for `images` whose random weights come from `seed` alone.

    Raises
    ------
    DamagedFileError
        If a recorded teacher's weights are another run's.
    """
    if start.path is not None and start.replaces_head:
        _check_whose(start.path, start.label.partition(":")[2])
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(stream(seed, "weights"))  # and no GPU's
        network = models.create(
            spec,
            n_classes=images.n_classes,
            n_channels=images.n_channels,
            start=start.label if start.path is None else "scratch",
        )
    if start.path is not None:
        models.load_weights(network, start.path, replace_head=start.replaces_head)
    return network


def _check_whose(path: Path, key: str) -> None:
    """Raise unless a record's weights are those of the run `key`."""
    if path.exists() and load_metadata(path).get("key") != key:
        raise DamagedFileError(path, f"`carto forget {key}` and train that teacher again")
