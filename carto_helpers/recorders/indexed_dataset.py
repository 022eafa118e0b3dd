"""Examples that know their position, and the evaluation pass over them that a recorder needs."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from carto_helpers.images.sources import Indexable
from carto_helpers.networks.evaluation import evaluation_mode
from carto_helpers.recorders.epoch_checks import check_mode
from carto_helpers.recorders.recorder import DynamicsRecorder


class IndexedDataset(Dataset[Any]):
    """A dataset whose examples carry their position in the training split.

    Parameters
    ----------
    dataset
        Any dataset of images, text or rows that has a length: torch's, Hugging Face's, a list.
        Of an example that is a tuple the position becomes the first entry, `(index, *example)`; of
        one that is a mapping the entry "index"; of anything else the first of two.

    Examples
    --------
    >>> IndexedDataset([("a cat", 0), ("a dog", 1)])[1]
    (1, 'a dog', 1)
    >>> IndexedDataset([{"text": "a cat", "labels": 0}])[0]
    {'text': 'a cat', 'labels': 0, 'index': 0}
    """

    def __init__(self, dataset: Indexable) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        """Return one example with its position.

        Raises
        ------
        IndexError
            If there is none at that position; positions count from 0 only.
        """
        if not 0 <= index < len(self):
            raise IndexError(
                f"`index` must lie in 0 … {len(self) - 1}, got {index}; count from the front"
            )
        example = self.dataset[index]
        if isinstance(example, Mapping):
            return {**example, "index": index}
        return (index, *example) if isinstance(example, tuple) else (index, example)


def record_evaluation(
    recorder: DynamicsRecorder,
    epoch: int,
    network: nn.Module,
    loader: Iterable[Any],
    *,
    forward: Callable[[nn.Module, Any], Any] | None = None,
    device: torch.device | str | None = None,
) -> None:
    """Record one evaluation pass over the training split, and end the epoch.

    The network is put into evaluation mode, and each of its modules left in the mode it came in.
    Under distributed data parallel each process passes its share (a `DistributedSampler` in
    `loader`) and all call this.

    Parameters
    ----------
    recorder
        Takes the logits.
    epoch
        The epoch that has just been trained.
    network
        Gives logits (B, C), or an output that has them as `logits`.
    loader
        Batches of an `IndexedDataset`, un-augmented: (index, inputs, …, labels), or mappings with
        "index" and "labels".
    forward
        From network and batch (without position and labels: the inputs, or the rest of the
        mapping) to logits; by default the network is called with them.
    device
        Where the batches go; by default where the network lies.

    Raises
    ------
    ValueError
        If the recorder's mode is "training", or as `DynamicsRecorder.update` has it.
    """
    check_mode(recorder.mode, "evaluation")
    place = torch.device(device) if device is not None else _device(network)
    with evaluation_mode(network), torch.inference_mode():
        for batch in loader:
            index, inputs, labels = parts(batch)
            outputs = (forward or _call)(network, _moved(inputs, place))
            recorder.update(epoch, index, logits_of(outputs), labels)
    recorder.end_epoch()


def parts(batch: Any) -> tuple[Any, Any, Any]:
    """Return positions, inputs and gold labels of a batch of an `IndexedDataset`.

    Raises
    ------
    ValueError
        If one of them is not there.
    """
    if isinstance(batch, Mapping):
        absent = sorted({"index", "labels"} - batch.keys())
        if absent:
            raise ValueError(
                f"a batch must hold 'index' and 'labels', got none of {', '.join(absent)}; wrap "
                "the dataset in IndexedDataset (Trainer: remove_unused_columns=False)"
            )
        rest = {name: part for name, part in batch.items() if name not in ("index", "labels")}
        return batch["index"], rest, batch["labels"]
    if not isinstance(batch, tuple | list) or len(batch) < 3:
        raise ValueError(
            "a batch must be (index, inputs, labels) or a mapping with 'index' and 'labels', got "
            f"{type(batch).__name__}; wrap the dataset in IndexedDataset, its examples tuples "
            "(inputs, label) or mappings"
        )
    inputs = batch[1] if len(batch) == 3 else tuple(batch[1:-1])
    return batch[0], inputs, batch[-1]


def logits_of(outputs: Any) -> Tensor:
    """Return the logits of a network's or a step's output: itself, or its `logits`.

    Raises
    ------
    TypeError
        If it has none.
    """
    if isinstance(outputs, Mapping):
        outputs = outputs.get("logits")
    found = outputs if isinstance(outputs, Tensor) else getattr(outputs, "logits", None)
    if not isinstance(found, Tensor):
        raise TypeError(
            f"an output must be logits or have them as `logits`, got {type(outputs).__name__}; "
            "return {'loss': loss, 'logits': logits}, or pass `forward`"
        )
    return found


def _call(network: nn.Module, inputs: Any) -> Any:
    if isinstance(inputs, Mapping):
        return network(**inputs)
    return network(*inputs) if isinstance(inputs, tuple | list) else network(inputs)


def _device(network: nn.Module) -> torch.device:
    first = next(network.parameters(), None)
    return torch.device("cpu") if first is None else first.device


def _moved(inputs: Any, device: torch.device) -> Any:
    if isinstance(inputs, Mapping):
        return {name: _moved(part, device) for name, part in inputs.items()}
    if isinstance(inputs, tuple | list):
        return tuple(_moved(part, device) for part in inputs)
    if not isinstance(inputs, Tensor):
        return inputs
    return inputs.to(device, non_blocking=device.type == "cuda")  # others may read too late
