"""The training dynamics of a loop of one's own, in three lines.

Any framework, any data: the recorder sees positions, logits and gold labels. It keeps O(N) numbers
of the epoch under way and writes each finished epoch to its folder, from which an interrupted run
goes on.
"""

from collections.abc import Sequence
from dataclasses import replace
from operator import index as whole
from pathlib import Path
from types import TracebackType
from typing import SupportsIndex, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from carto_helpers.gaps import scores_with_gaps
from carto_helpers.recorders import epoch_folder, ranks
from carto_helpers.recorders.batches import Numbers, as_batch, check_values, log_probabilities
from carto_helpers.recorders.epoch_buffer import UNSEEN, EpochArrays, EpochBuffer
from carto_helpers.recorders.epoch_checks import (
    as_ids,
    check_arguments,
    check_epoch,
    same_ids,
    same_setting,
)
from carto_helpers.recorders.epoch_folder import Manifest
from carto_helpers.recording import DynamicsRecord, stack_epochs
from carto_helpers.storage.record_checks import check_record


@final
class DynamicsRecorder:
    r"""Records what each epoch says of each training example.

    Three lines in a loop that visits every example once an epoch, where `index` says which examples
    of the training split a batch holds (`IndexedDataset` makes any dataset yield it).

    A finished epoch is a file; where the folder holds some already, recording goes on after them
    (`next_epoch`): restore the network as it was then, or the record is of two. Under distributed
    data parallel every process records what it sees, and the end of an epoch is a meeting of all of
    them: rank 0 writes. On a GPU `update` waits for nothing.

    Parameters
    ----------
    n_examples
        Size of the training split, N.
    path
        The folder, made when the first epoch ends.
    mode
        In which pass the logits are taken, as the file will say: "evaluation", one pass over the
        training split after each epoch by one network, un-augmented, as in the paper; or
        "training", the batches' own logits, which cost nothing more but come from a network that
        changes meanwhile, with its augmentation and dropout.
    ids
        The examples' own names, (N,), whole numbers or strings.
    classes
        The labels' names; by default "0", "1", ….
    missing
        What an epoch without some examples is: "error", or, in the training pass only, "nan", for
        loaders that drop the last batch.
    is_merged
        Whether the processes' examples become one epoch; False where one process records alone.

    Raises
    ------
    ValueError
        If an argument has no valid value, or the folder was recorded with another.

    Notes
    -----
    An example that comes more than once in an epoch keeps what came last (between processes, that
    of the highest rank). 17 bytes an example and epoch on disk.

    Examples
    --------
    A loop of one's own, and the three lines:

    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> labels = torch.arange(40) % 2
    >>> points = torch.randn(40, 3) + labels[:, None]
    >>> network = torch.nn.Linear(3, 2)
    >>> optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    >>> recorder = DynamicsRecorder(40, folder.name, mode="training")  # line one
    >>> for epoch in range(3):
    ...     for index in torch.randperm(40).split(8):
    ...         logits = network(points[index])
    ...         loss = torch.nn.functional.cross_entropy(logits, labels[index])
    ...         optimiser.zero_grad()
    ...         loss.backward()
    ...         optimiser.step()
    ...         recorder.update(epoch, index, logits, labels[index])  # line two
    ...     recorder.end_epoch()  # line three

    A map to look at (`data_map` draws it), and scores to choose a subset by:

    >>> frame = recorder.to_frame()
    >>> len(frame), "confidence" in frame, "variability" in frame
    (40, True, True)
    >>> sorted(recorder.scores())
    ['confidence', 'correctness', 'forgetfulness', 'variability']

    What is recorded stays in the folder:

    >>> DynamicsRecorder.reopen(folder.name).record().p_gold.shape
    (40, 3)
    >>> folder.cleanup()
    """

    def __init__(
        self,
        n_examples: int,
        path: str | Path,
        mode: str = "evaluation",
        *,
        ids: Sequence[int] | Sequence[str] | Shaped[np.ndarray, " N"] | None = None,
        classes: Sequence[str] = (),
        missing: str = "error",
        is_merged: bool = True,
    ) -> None:
        check_arguments(n_examples, mode, missing)
        self.path, self.missing, self._is_merged = Path(path), missing, is_merged
        self._manifest = Manifest(n_examples=n_examples, mode=mode, classes=tuple(classes))
        self._ids = as_ids(ids, n_examples)
        found = epoch_folder.read_manifest(self.path)
        if found:
            self._manifest = same_setting(self.path, found, self._manifest)
            there = epoch_folder.read_ids(self.path, found)
            self._ids = same_ids(self.path, there, self._ids)
        self._epoch: int | None = None  # the one under way
        self._buffer: EpochBuffer | None = None
        self._labels = self._known_labels()

    @classmethod
    def reopen(cls, path: str | Path) -> "DynamicsRecorder":
        """Return the recorder of a folder that holds epochs already.

        Raises
        ------
        FileNotFoundError
            If it holds none.
        """
        manifest = epoch_folder.read_manifest(Path(path))
        if manifest is None:
            raise FileNotFoundError(
                f"expected a recorder's folder at {path}, got none; record an epoch into it "
                "with DynamicsRecorder, or name another"
            )
        return cls(manifest.n_examples, path, manifest.mode)

    @property
    def n_examples(self) -> int:
        """Size of the training split, N."""
        return self._manifest.n_examples

    @property
    def mode(self) -> str:
        """The pass in which the logits are taken, "evaluation" or "training"."""
        return self._manifest.mode

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels' names; none before the first batch where none were given."""
        return self._manifest.classes

    def name_classes(self, names: Sequence[str]) -> None:
        """Name the labels where nothing has yet."""
        if not self._manifest.classes:
            self._manifest = replace(self._manifest, classes=tuple(names))

    @property
    def epochs(self) -> tuple[int, ...]:
        """The finished epochs, as `update` numbered them."""
        return tuple(sorted(self._manifest.epochs))

    @property
    def next_epoch(self) -> int:
        """The epoch after the last finished one, where an interrupted run goes on."""
        last = self._manifest.last_epoch
        return 0 if last is None else last + 1

    @property
    def is_under_way(self) -> bool:
        """Whether an epoch has begun and not ended."""
        return self._epoch is not None

    def update(
        self, epoch: SupportsIndex, index: Numbers, logits: Numbers, labels: Numbers
    ) -> None:
        """Take one batch; the first of a later epoch ends the epoch before it.

        Parameters
        ----------
        epoch
            Any whole number that grows; gaps are allowed.
        index
            Each example's position in the training split, (B,), 0 … N - 1.
        logits
            The network's outputs, (B, C); tensors on any device, or arrays.
        labels
            Gold labels, (B,), 0 … C - 1.

        Raises
        ------
        ValueError
            If shapes or values do not fit, the epoch is recorded already, or the epoch before it
            is not whole. Values that lie on a GPU are checked when the epoch ends.
        TypeError
            If the arrays are of the wrong kind.
        """
        with torch.inference_mode(mode=False), torch.no_grad():
            batch = as_batch(index, logits, labels)
            check_values(batch, self.n_examples)
            self._check_classes(batch.logits.shape[1])
            self._begin(epoch, batch.logits.device).write(batch)

    def update_probabilities(
        self, epoch: SupportsIndex, index: Numbers, probabilities: Numbers, labels: Numbers
    ) -> None:
        """Take one batch of probabilities, (B, C), where there are no logits; see `update`."""
        with torch.inference_mode(mode=False), torch.no_grad():
            self.update(epoch, index, log_probabilities(probabilities), labels)

    def end_epoch(self) -> None:
        """Check the epoch under way and write it; in distributed runs, call it in every process.

        Raises
        ------
        ValueError
            If there is none, an example is missing (then more can be recorded), a position or a
            label was out of range, or a gold label has changed since the epoch before.
        FloatingPointError
            If a probability is not a number.
        """
        with torch.inference_mode(mode=False), torch.no_grad():
            epoch, arrays = self._whole_epoch()
            labels = check_epoch(epoch, arrays, self._labels, missing=self.missing)
            self._write(epoch, arrays, labels)
        self._labels = labels
        self._epoch = self._buffer = None

    def rewind(self, epoch: int) -> None:
        """Forget `epoch` and all after it, e.g. where training goes on from an older checkpoint."""
        self._epoch = self._buffer = None
        kept = {e: sha for e, sha in self._manifest.epochs.items() if e < epoch}
        if kept != self._manifest.epochs and self._is_writer:
            epoch_folder.drop_epochs(self.path, self._manifest, epoch)
        self._manifest = replace(self._manifest, epochs=kept)
        self._labels = self._known_labels()

    def record(self) -> DynamicsRecord:
        """Return the dynamics of all finished epochs, after ending the one under way.

        Where several processes record, call it in all of them, or `end_epoch` before.

        Returns
        -------
        DynamicsRecord
            `index` is 0 … N - 1. A probability that is missing is NaN.

        Raises
        ------
        ValueError
            If no epoch is finished, or a file is damaged or does not fit the others.
        """
        if self.is_under_way:
            self.end_epoch()
        if not self.epochs:
            raise ValueError(f"{self.path} must hold a finished epoch, got none; call `update`")
        parts = [epoch_folder.read_epoch(self.path, self._manifest, e) for e in self.epochs]
        stacked = stack_epochs(
            np.arange(self.n_examples), self._labels.numpy(), self._manifest.classes, parts
        )
        return check_record(replace(stacked, mode=self.mode, ids=self._ids), self.path)

    def scores(self) -> dict[str, Float[np.ndarray, " N"]]:
        """Return the four statistics by name, as the selection rules take them.

        Where epochs miss examples, each example's statistics are those of the epochs that have it.
        """
        record = self.record()
        return scores_with_gaps(record.p_gold, record.is_right)

    def to_frame(self) -> pd.DataFrame:
        """Return one row an example, as `data_map` takes it (`record_frame`)."""
        from carto_helpers.record_frame import record_frame

        return record_frame(self.record())

    def __enter__(self) -> "DynamicsRecorder":
        """Return the recorder."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the epoch under way, unless an error ended the loop."""
        if kind is None and self.is_under_way:
            self.end_epoch()

    @property
    def _is_together(self) -> bool:
        return self._is_merged and ranks.is_distributed()

    @property
    def _is_writer(self) -> bool:
        return not self._is_together or ranks.is_first()

    def _check_classes(self, n_classes: int) -> None:
        """Refuse another number of classes; the first batch sets it where nothing else has."""
        self.name_classes([str(label) for label in range(n_classes)])
        if n_classes != len(self._manifest.classes):
            raise ValueError(
                f"`logits` must have one column for each of {len(self._manifest.classes)} classes, "
                f"got {n_classes}; pass all, or record them into another folder"
            )

    def _begin(self, epoch: SupportsIndex, device: torch.device) -> EpochBuffer:
        """Return the buffer of `epoch`, which ends the one before it."""
        number = whole(epoch)
        first = self.next_epoch if self._epoch is None else self._epoch
        if number < first:
            raise ValueError(
                f"`epoch` must be at least {first}, got {number}: {self.path} holds it already or "
                f"a later one has begun; go on from `next_epoch`, or `rewind({number})` first"
            )
        if self._epoch is not None and number > self._epoch:
            self.end_epoch()
        if self._buffer is None:
            self._epoch, self._buffer = number, EpochBuffer(self.n_examples, device)
        return self._buffer

    def _whole_epoch(self) -> tuple[int, EpochArrays]:
        """Return the epoch under way, of all processes where there are several."""
        epoch, buffer = self._epoch, self._buffer
        if self._is_together:
            buffer = buffer or ranks.empty_buffer(self.n_examples)
            n_classes = len(self._manifest.classes)
            epoch, n_classes = ranks.agree(epoch, n_classes, buffer.device)
            self._check_classes(n_classes)
            return epoch, ranks.merge(buffer).read()
        if epoch is None or buffer is None:
            raise ValueError("expected an epoch under way, got none; call `update` first")
        return epoch, buffer.read()

    def _write(self, epoch: int, arrays: EpochArrays, labels: Int[Tensor, " N"]) -> None:
        sha256 = ""
        try:
            if self._is_writer:
                self._append(epoch, arrays, labels)
                sha256 = self._manifest.epochs[epoch]
        finally:
            if self._is_together:
                sha256 = ranks.share_digest(sha256)
        if not self._is_writer:
            epochs = self._manifest.epochs | {epoch: sha256}
            self._manifest = replace(self._manifest, epochs=epochs)

    def _append(self, epoch: int, arrays: EpochArrays, labels: Int[Tensor, " N"]) -> None:
        if self._ids is not None and self._manifest.ids_sha256 is None:
            sha256 = epoch_folder.write_ids(self.path, self._ids)
            self._manifest = replace(self._manifest, ids_sha256=sha256)
        tensors = {"labels": labels.int()} | arrays.stored()
        self._manifest = epoch_folder.append_epoch(self.path, self._manifest, epoch, tensors)

    def _known_labels(self) -> Int[Tensor, " N"]:
        """Return the gold labels that the finished epochs have told, UNSEEN where none."""
        last = self._manifest.last_epoch
        if last is None:
            return torch.full((self.n_examples,), UNSEEN)
        return epoch_folder.read_epoch(self.path, self._manifest, last)["labels"].long()
