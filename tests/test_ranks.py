"""Distributed data parallel: two processes leave what one leaves, and fail together."""

from pathlib import Path

import pytest
import torch
from made_loops import made_logits
from torch import distributed, multiprocessing
from torch.utils.data import DistributedSampler

from carto_helpers.recorders import ranks
from carto_helpers.recorders.recorder import DynamicsRecorder

N = 23  # odd: the sampler pads with a repetition


def record_share(rank: int, world: int, folder: str) -> None:
    """Record as one of `world` processes what the sampler gives it."""
    logits, labels = made_logits(n=N)
    recorder = DynamicsRecorder(N, Path(folder) / f"of {world}", ids=range(N))
    sampler = DistributedSampler(range(N), num_replicas=world, rank=rank, shuffle=False)
    for epoch in range(len(logits)):
        for at in torch.tensor(list(sampler)).split(1):  # one by one: the same rounding
            recorder.update(epoch, at, logits[epoch][at], labels[at])
    recorder.end_epoch()
    assert recorder.epochs == (0, 1, 2)
    assert recorder.record().n_epochs == 3


def fail_together(rank: int, folder: str) -> None:
    """What one process sees wrong, both refuse; what rank 0 cannot write, both know."""
    logits, labels = made_logits(n=N)

    def half(epoch: int, start: int) -> DynamicsRecorder:
        recorder = DynamicsRecorder(N, Path(folder) / "none")
        at = torch.arange(start, N, 2)
        recorder.update(epoch, at, logits[0][at], labels[at])
        return recorder

    with pytest.raises(ValueError, match="got 11: 12 are missing"):
        half(0, 1).end_epoch()
    with pytest.raises(ValueError, match="end one epoch together, got epochs 0 to 1"):
        half(rank, rank).end_epoch()
    with pytest.raises(ValueError, match="got none in any process"):
        DynamicsRecorder(N, folder).end_epoch()
    (Path(folder) / "file").touch()
    recorder = half(0, rank)
    recorder.path = Path(folder) / "file"
    with pytest.raises((OSError, RuntimeError), match="rank 0 to write|exists"):
        recorder.end_epoch()
    if rank == 0:  # rank 1 has nothing: the file holds what rank 0 has
        alone = DynamicsRecorder(N, Path(folder) / "alone", is_merged=False)
        alone.update(0, range(N), logits[0], labels)
        alone.end_epoch()
    late = DynamicsRecorder(N, Path(folder) / "late")
    if rank == 1:
        late.update(4, range(N), logits[0], labels)
    late.end_epoch()
    assert late.epochs == (4,)
    late.rewind(4)
    assert late.epochs == ()


def process(rank: int, world: int, folder: str) -> None:
    torch.set_num_threads(1)
    if world == 1:
        return record_share(rank, world, folder)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world
    )
    record_share(rank, world, folder)
    fail_together(rank, folder)
    return distributed.destroy_process_group()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_processes_leave_the_files_of_one(tmp_path: Path) -> None:
    process(0, 1, str(tmp_path))
    multiprocessing.spawn(process, (2, str(tmp_path)), nprocs=2)
    assert files(tmp_path / "of 2") == files(tmp_path / "of 1")
    assert DynamicsRecorder.reopen(tmp_path / "alone").epochs == (0,)


def test_a_process_alone_is_the_first() -> None:
    assert ranks.is_first()
    assert not ranks.is_distributed()
