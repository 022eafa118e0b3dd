"""Distributed data parallel: the examples that each process has recorded become one epoch."""

import torch
from torch import distributed

from carto_helpers.recorders.epoch_buffer import UNSEEN, EpochBuffer

_NO_EPOCH = -(2**62)
_DIGEST_BYTES = 32


def is_distributed() -> bool:
    """Return whether this is one of several processes of `torch.distributed`."""
    is_ready = distributed.is_available() and distributed.is_initialized()
    return is_ready and distributed.get_world_size() > 1


def is_first() -> bool:
    """Return whether this process writes the files: rank 0, or the only one."""
    return not is_distributed() or distributed.get_rank() == 0


def empty_buffer(n_examples: int) -> EpochBuffer:
    """Return the buffer of a process that has recorded nothing in this epoch."""
    return EpochBuffer(n_examples, _meeting_place(torch.device("cpu")))


def agree(epoch: int | None, n_classes: int, device: torch.device) -> tuple[int, int]:
    """Return the epoch under way in all processes, and the number of classes.

    Parameters
    ----------
    epoch
        The one under way in this process, None if it has recorded nothing.
    n_classes
        As far as this process knows, 0 if it does not.
    device
        Where this process records.

    Raises
    ------
    ValueError
        If the epochs differ, or none has recorded anything; raised in every process.
    """
    mine = (_NO_EPOCH, _NO_EPOCH) if epoch is None else (epoch, -epoch)
    words = torch.tensor((*mine, n_classes), device=_meeting_place(device))
    distributed.all_reduce(words, distributed.ReduceOp.MAX)
    highest, negative_lowest, most_classes = (int(word) for word in words)
    if highest == _NO_EPOCH:
        raise ValueError("expected an epoch under way, got none in any process; call `update`")
    if highest != -negative_lowest:
        raise ValueError(
            f"all processes must end one epoch together, got epochs {-negative_lowest} to "
            f"{highest}; call `end_epoch` in every process, or pass is_merged=False where one "
            "records alone"
        )
    return highest, most_classes


def merge(buffer: EpochBuffer) -> EpochBuffer:
    """Return the epoch of all processes, in every one of them.

    Each example comes from one process as it is; where several have it (samplers pad the last
    batches with repetitions) from the one of highest rank. Memory stays O(N) in each.
    """
    buffer.settle()
    merged = EpochBuffer(buffer.n_examples, _meeting_place(buffer.device))
    rank = distributed.get_rank()
    is_mine = (buffer.places != UNSEEN).to(merged.device)
    owner = torch.where(is_mine, rank, UNSEEN)  # (N + 1,)
    distributed.all_reduce(owner, distributed.ReduceOp.MAX)
    merged.places.copy_(owner)
    is_mine &= owner == rank
    merged.values.copy_(torch.where(is_mine[:, None], buffer.values.to(merged.device), 0))
    merged.labels.copy_(torch.where(is_mine, buffer.labels.to(merged.device), 0))
    merged.n_wrong.copy_(buffer.n_wrong)
    for part in (merged.values, merged.labels, merged.n_wrong):
        distributed.all_reduce(part)  # all but the owner add 0
    return merged


def share_digest(sha256: str) -> str:
    """Return the SHA-256 of the file that rank 0 wrote, in every process.

    Parameters
    ----------
    sha256
        In rank 0 the file's, "" if it could not be written; of no account in the others.

    Raises
    ------
    RuntimeError
        In the others, if rank 0 could not write.
    """
    rank = distributed.get_rank()
    told = bytes.fromhex(sha256) if rank == 0 and sha256 else bytes(_DIGEST_BYTES)
    words = torch.tensor(list(told), device=_meeting_place(torch.device("cpu")))
    distributed.all_reduce(words, distributed.ReduceOp.MAX)
    heard = bytes(words.tolist())
    if rank and not any(heard):
        raise RuntimeError(
            "expected rank 0 to write the epoch, but it could not; see the error of rank 0"
        )
    return heard.hex()


def _meeting_place(device: torch.device) -> torch.device:
    """Return a device on which the processes can exchange tensors: NCCL takes GPUs only."""
    if device.type == "cpu" and distributed.get_backend() == "nccl":
        return torch.device("cuda", torch.cuda.current_device())
    return device
