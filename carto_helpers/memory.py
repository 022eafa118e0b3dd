"""What a run needs in memory at most, what there is, and what was used."""

import ctypes
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from carto_helpers.engine import Engine

RUNTIME_BYTES = 750e6  # what is imported, pages of libraries in use, what allocators keep
EVALUATION_BATCH = 500  # images at a time in the evaluation pass
_KEPT = {-3: 2**25, -1: 2**29}  # glibc's M_MMAP_THRESHOLD, the most it takes, M_TRIM_THRESHOLD


@dataclass(frozen=True, kw_only=True)
class Footprint:
    """The most that training one network takes, in bytes.

    Attributes
    ----------
    data
        Images as they were loaded and again in the split's order, half as much in between, and
        the teacher's logits; once a process.
    network
        Float32 weights, gradients and Adam's two moments: 16 bytes a parameter.
    activations
        Twice what the forward pass of one batch keeps for the backward pass, or six times the
        largest layer's output in the evaluation pass, whichever is more.
    lane
        What one more network adds to a stack: 43 bytes a parameter (its weights in the stack and
        in the network that they end in, there also the whole kernels of trimmed ones, two
        gradients, two moments, and trimmed kernels with a tap for each output and pixel, 16 for 9,
        and their gradient), and for a batch twice what the forward pass keeps and the pixels that
        a 3 × 3 kernel gathers, with their gradient, at most 18 times the largest layer's output.
    """

    data: float
    network: float
    activations: float
    lane: float

    @property
    def a_run(self) -> float:
        """What one more network adds on a device that holds the data."""
        return self.network + self.activations

    @property
    def a_process(self) -> float:
        """What a process takes that trains one network.

        Half as much as the network again: while its weights are written they are laid out once
        more, and once as the file's bytes.
        """
        return RUNTIME_BYTES + self.data + self.a_run + self.network / 2


def footprint(
    network: nn.Module, images: Shaped[Tensor, "N C H W"], *, n_images: int, batch_size: int
) -> Footprint:
    """Return what training `network` takes at most, from one forward pass of two images.

    Parameters
    ----------
    network
        On the CPU.
    images
        Of the shape that it is trained on; two at least.
    n_images
        How many all splits hold together.
    batch_size
        Of a training step.

    Raises
    ------
    ValueError
        If the network takes no images of that shape.
    """
    kept, largest, n_outputs = _forward(network, images[:2].float())
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return Footprint(
        data=n_images * (2.5 * images[0].numel() + 2 * n_outputs),
        network=16.0 * parameters,
        activations=max(2 * kept * (batch_size + 1), 6 * largest * EVALUATION_BATCH),
        lane=43.0 * parameters + (2 * kept + 18 * largest) * (batch_size + 1),
    )


def _forward(network: nn.Module, pair: Tensor) -> tuple[float, float, int]:
    """Return an image's bytes kept for the backward pass and of the largest output, and K."""
    own = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, int] = {}
    sizes: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def measure(_: nn.Module, __: object, output: Tensor | tuple[object, ...]) -> None:
        parts = output if isinstance(output, tuple) else (output,)
        sizes.append(sum(part.nbytes for part in parts if isinstance(part, Tensor)))

    hooks = [
        module.register_forward_hook(measure)
        for module in network.modules()
        if not list(module.children())
    ]
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.random.fork_rng([]), torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t):
        try:
            logits = network.train()(pair)
        except AssertionError as error:  # timm's, of networks for one size of image
            raise ValueError(
                f"{type(network).__name__} does not take images of {tuple(pair.shape[1:])} "
                f"({error}); pass `image_size`, or another network"
            ) from error
    for hook in hooks:
        hook.remove()
    network.load_state_dict(state)  # the pass has moved batch norm's running statistics
    return sum(kept.values()) / 2, max(sizes) / 2, logits.shape[1]


def n_that_fit(need: Footprint, engine: Engine, n: int) -> int:
    """Return how many of `n` runs fit at once: processes on a CPU, networks on one GPU.

    Raises
    ------
    MemoryError
        If not even one fits.
    """
    free = free_bytes(engine.device)
    if engine.device == "cpu":
        own = _address_space_free()  # each process has it for itself
        n_fitting = free / need.a_process if own >= need.a_process else 0.0
        free = min(free, own)
    else:
        n_fitting = (free - need.data) / need.a_run
    if n_fitting < 1:
        raise _no_room("one run", need.a_process, free, engine)
    return int(min(n, n_fitting))


def check_fits(n_bytes: float, engine: Engine) -> None:
    """Raise MemoryError unless so much more fits into this process, on the engine's device.

    Of a limit to its addresses (`ulimit -v`) the runtime's share is kept back: threads and
    libraries reserve more than they use, and end the process without a word where they cannot.
    """
    free = free_bytes(engine.device)
    if engine.device == "cpu":
        free = min(free, _address_space_free() - RUNTIME_BYTES)
    if n_bytes > free:
        raise _no_room("this run", n_bytes, max(free, 0.0), engine)


def _no_room(what: str, n_bytes: float, free: float, engine: Engine) -> MemoryError:
    return MemoryError(
        f"{what} needs up to {n_bytes / 1e9:.2f} GB, got {free / 1e9:.2f} GB free on "
        f"{engine.device}; close other programs, raise a limit that is set, or pass a smaller "
        "`batch_size`"
    )


def n_lanes_that_fit(need: Footprint, engine: Engine, n: int) -> int:
    """Return how many of `n` networks fit into one stack, beside the evaluation of one.

    Raises
    ------
    MemoryError
        If not even one fits.
    """
    free = free_bytes(engine.device)
    n_fitting = (free - need.a_process) / need.lane
    if n_fitting < 1:
        raise _no_room("a stack of one", need.a_process + need.lane, free, engine)
    return int(min(n, n_fitting))


def free_bytes(device: str) -> float:
    """Return the memory of a device that is free; infinite where the system does not say.

    On a CPU: what the machine has or a container's limit leaves, whichever is less. On a GPU:
    with what this process holds there and does not use.
    """
    if device.startswith("cuda"):
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return float(torch.cuda.mem_get_info(device)[0] + unused)
    limits = [_kilobytes("/proc/meminfo", "MemAvailable"), _cgroup_free()]
    return min([limit for limit in limits if limit is not None], default=float("inf"))


def keep_freed() -> None:
    """Let this process keep up to half a gigabyte that it has freed, if its allocator is glibc's.

    Else a part goes back to the system after every training step, to be asked for in the next. It
    holds for the whole process, so it is for processes that do nothing but train.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        for name, n_bytes in _KEPT.items():
            mallopt(name, n_bytes)


def peak_bytes(device: str) -> float:
    """Return the most memory that this process had on a device so far; 0 where none says."""
    if device.startswith("cuda"):
        return float(torch.cuda.max_memory_allocated(device))
    return _kilobytes("/proc/self/status", "VmHWM") or 0.0


def _kilobytes(path: str | Path, field: str) -> float | None:
    if not Path(path).is_file():
        return None
    found = re.search(rf"^{field}:\s+(\d+) kB", Path(path).read_text(), re.MULTILINE)
    return 1024.0 * int(found[1]) if found else None


def _address_space_free(process: Path = Path("/proc/self")) -> float:
    """Return what `ulimit -v` leaves this process; infinite without a limit."""
    used, limits = _kilobytes(process / "status", "VmSize"), process / "limits"
    if used is None or not limits.is_file():
        return float("inf")
    limit = re.search(r"^Max address space +(\d+) ", limits.read_text(), re.MULTILINE)
    return max(0.0, int(limit[1]) - used) if limit else float("inf")


def _cgroup_free(folder: Path = Path("/sys/fs/cgroup")) -> float | None:
    """Return what a container's limit leaves, cached files not counted; None without a limit."""
    limit, used, parts = folder / "memory.max", folder / "memory.current", folder / "memory.stat"
    if not (limit.is_file() and used.is_file()) or limit.read_text().strip() == "max":
        return None
    text = parts.read_text() if parts.is_file() else ""
    cached = sum(map(float, re.findall(r"^(?:in)?active_file (\d+)$", text, re.MULTILINE)))
    return float(limit.read_text()) - float(used.read_text()) + cached
