"""One epoch under way: what the batches have told so far, on the device of the logits.

Nothing here waits for a GPU: no number is read back before the epoch ends. What is wrong with a
batch is counted on the device, and the count read with everything else.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from carto_helpers.recorders.batches import Batch
from carto_helpers.recording import QUANTITIES, epoch_quantities

UNSEEN = -1  # in the label or the place of an example that no batch has held
_N_TOGETHER = 1024  # examples that are reckoned at once,
_N_NUMBERS = 2**20  # or logits, if there are many classes


@dataclass(frozen=True, kw_only=True)
class EpochArrays:
    """A finished epoch in main memory: `quantities` (N,) each, `labels` (N,), UNSEEN where none."""

    quantities: dict[str, Tensor]
    labels: Int[Tensor, " N"]
    n_wrong_index: int
    n_wrong_label: int

    @property
    def is_seen(self) -> Bool[Tensor, " N"]:
        """Whether a batch has held the example."""
        return self.labels != UNSEEN

    def stored(self) -> dict[str, Tensor]:
        """Return the quantities in the kinds that a record keeps, NaN where one is missing."""
        kinds = dict.fromkeys(QUANTITIES, torch.float16)
        kinds |= {"p_gold": torch.float32, "is_right": torch.bool}
        filled = {
            name: values if name == "is_right" else values.masked_fill(~self.is_seen, torch.nan)
            for name, values in self.quantities.items()
        }
        return {name: values.to(kinds[name]) for name, values in filled.items()}


class EpochBuffer:
    """Room for one number a quantity and example, O(N), filled by batches in any order.

    An example that comes twice keeps what came last, within one batch too and on every device:
    each number gets its place in the epoch, and the highest place wins. Row N takes what is not
    kept.

    Parameters
    ----------
    n_examples
        Size of the training split, N.
    device
        Where the logits lie; for Apple's GPUs, which lack operations, main memory is taken.
    """

    def __init__(self, n_examples: int, device: torch.device) -> None:
        self.n_examples, self.n_seen = n_examples, 0
        device = torch.device("cpu") if device.type == "mps" else device
        self.values = torch.zeros(n_examples + 1, len(QUANTITIES), device=device)
        self.labels = torch.full((n_examples + 1,), UNSEEN, device=device)
        self.places = torch.full((n_examples + 1,), UNSEEN, device=device)
        self.n_wrong = torch.zeros(2, dtype=torch.int64, device=device)  # positions, labels
        self._waiting: list[tuple[Tensor, Tensor, Tensor]] = []
        self._n_waiting = 0

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.values.device

    def write(self, batch: Batch) -> None:
        """Take one batch: copy it, and reckon when enough have come."""
        self._waiting.append((batch.index.clone(), batch.logits.clone(), batch.labels.clone()))
        self._n_waiting += len(batch.index)
        n_numbers = self._n_waiting * batch.logits.shape[1]
        if self._n_waiting >= _N_TOGETHER or n_numbers >= _N_NUMBERS:
            self.settle()

    def settle(self) -> None:
        """Reckon what waits: many small batches as one, which costs a step a tenth as much."""
        if not self._waiting:
            return
        columns = zip(*self._waiting, strict=True)
        index, logits, labels = (torch.cat([part.to(self.device) for part in c]) for c in columns)
        self._waiting, self._n_waiting = [], 0
        is_outside = (index < 0) | (index >= self.n_examples)
        is_no_class = (labels < 0) | (labels >= logits.shape[1])
        self.n_wrong += torch.stack((is_outside.sum(), is_no_class.sum()))
        labels = labels.clamp(0, logits.shape[1] - 1)
        index = self._last(torch.where(is_outside | is_no_class, self.n_examples, index))
        quantities = epoch_quantities(logits, labels)
        self.values[index] = torch.stack([quantities[name].float() for name in QUANTITIES], dim=1)
        self.labels[index] = labels

    def _last(self, index: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        """Return `index`, row N instead where the same example comes again later in it."""
        place = torch.arange(self.n_seen, self.n_seen + len(index), device=self.device)
        self.n_seen += len(index)
        self.places.scatter_reduce_(0, index, place, "amax")
        return torch.where(self.places[index] == place, index, self.n_examples)

    def read(self) -> EpochArrays:
        """Return the epoch in main memory; here a GPU is waited for, once."""
        self.settle()
        values = self.values[:-1].cpu()  # (N, 6)
        n_wrong_index, n_wrong_label = self.n_wrong.tolist()
        labels = torch.where(self.places[:-1] == UNSEEN, UNSEEN, self.labels[:-1]).cpu()
        return EpochArrays(
            quantities=dict(zip(QUANTITIES, values.unbind(1), strict=True)),
            labels=labels,
            n_wrong_index=n_wrong_index,
            n_wrong_label=n_wrong_label,
        )
