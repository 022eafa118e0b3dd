"""Where and how a network is run: device, memory layout, precision, threads."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

import torch

Layout = Literal["contiguous", "channels_last"]
Precision = Literal["float32", "float64"]  # float64 is for comparisons


@dataclass(frozen=True, kw_only=True)
class Engine:
    """What changes speed, not what is computed; every row holds the one it was made with.

    `stacked` is how many students were trained as one network, in one step together; `products`
    says whether convolutions over maps of a few pixels are products (`networks.small_maps`), those
    of 3 × 3 without the taps that only ever meet padding (`networks.trimmed`); `replayed`, whether
    the steps of a training of 500 or more are recorded once and replayed (`replayed_step`), to the
    same bits, for which convolutions have to be products.

    Raises
    ------
    ValueError
        If steps are to be replayed without products.
    """

    device: str = "cpu"
    layout: Layout = "contiguous"
    dtype: Precision = "float32"
    threads: int = 1
    stacked: int = 1
    products: bool = False
    replayed: bool = False

    def __post_init__(self) -> None:
        """Refuse what would not give the same bits."""
        if self.replayed and not self.products:
            raise ValueError(
                "`replayed` needs `products`: convolutions of PyTorch's own give gradients in "
                "another layout when they are recorded; pass products=True"
            )

    def to_json(self) -> str:
        """Return the choice as one line of JSON, as a row holds it."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Engine":
        """Return the choice that a row or a checkpoint holds.

        Examples
        --------
        >>> Engine.from_json('{"device": "cpu", "threads": 2}')
        Engine(device='cpu', ..., threads=2, stacked=1, products=False, replayed=False)
        """
        return cls(**json.loads(text))

    def __str__(self) -> str:
        """Say it in a few words."""
        threads = f", {self.threads} thread{'s' * (self.threads != 1)}"
        stacked = f", stacks of {self.stacked}" * (self.stacked > 1)
        products = ", small maps as products" * self.products
        replayed = ", long trainings replayed" * self.replayed
        where = f"{self.device}, {self.layout}, {self.dtype}{products}{replayed}"
        return f"{where}{threads * (self.device == 'cpu')}{stacked}"

    def of_stack(self, n: int) -> "Engine":
        """Return it for a stack of `n` students."""
        return dataclasses.replace(self, stacked=n, products=True, replayed=False)

    def alone(self) -> "Engine":
        """Return it for one student, which on a GPU has no products."""
        products = self.products and self.device == "cpu"
        return dataclasses.replace(self, stacked=1, products=products)

    @property
    def torch_dtype(self) -> torch.dtype:
        """PyTorch's type of the precision."""
        return torch.float64 if self.dtype == "float64" else torch.float32

    @property
    def memory_format(self) -> torch.memory_format:
        """PyTorch's name of the layout."""
        return torch.channels_last if self.layout == "channels_last" else torch.contiguous_format


def resolve_device(device: str) -> str:
    """Return "cuda", "mps" or "cpu" for `device`, which may be "auto".

    Raises
    ------
    ValueError
        If the device is unknown or not there.

    Examples
    --------
    >>> resolve_device("cpu")
    'cpu'
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next((name for name, is_there in there.items() if is_there), "cpu")
    kind = device.partition(":")[0]
    if device != "cpu" and kind not in there:
        raise ValueError(
            f"`device` must be auto, cpu, cuda, cuda:N or mps, got {device!r}; pass 'auto'"
        )
    if kind != "cpu" and not (there[kind] and _has_number(device)):
        raise ValueError(
            f"`device` {device!r} is not there (torch {torch.__version__}); "
            "pass 'auto', or install the torch build for it"
        )
    return device


def _has_number(device: str) -> bool:
    number = device.partition(":")[2]
    return not number or (number.isdigit() and int(number) < torch.cuda.device_count())


def choose_engine(network: str, device: str = "auto", *, role: str = "teacher") -> Engine:
    """Return how to run `network`: a stated rule, so that a resumed run gets the same engine.

    All run channels_last. On a CPU, students of depthwise convolutions (MobileNet and EfficientNet)
    run on one thread each, as many side by side as there are threads, the others on all threads,
    and all compute convolutions over small maps as products. Steps of networks of depthwise
    convolutions, whose operations are small, are replayed there in long trainings.
    """
    where = resolve_device(device)
    is_depthwise = any(word in network for word in ("mobilenet", "efficientnet"))
    is_side_by_side = where == "cpu" and role == "student" and is_depthwise
    return Engine(
        device=where,
        layout="channels_last",
        threads=1 if is_side_by_side else torch.get_num_threads(),
        products=where == "cpu",
        replayed=where == "cpu" and is_depthwise,
    )


def n_side_by_side(engine: Engine, n_runs: int) -> int:
    """Return how many of `n_runs` runs to train at once, one process each."""
    if engine.device != "cpu":
        return 1
    return max(1, min(n_runs, torch.get_num_threads() // engine.threads))
