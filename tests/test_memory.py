"""Memory: the formula's parts, what fits, what is told when nothing does."""

import math
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from carto_helpers import memory, models
from carto_helpers.engine import Engine
from carto_helpers.memory import Footprint, check_fits, footprint, n_lanes_that_fit, n_that_fit

GB = 1e9
NEED = Footprint(data=1 * GB, network=1 * GB, activations=1 * GB, lane=0.5 * GB)


def small_network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 1, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def test_each_part_of_the_formula() -> None:
    need = footprint(small_network(), torch.zeros(2, 1, 2, 2), n_images=100, batch_size=7)
    assert need.network == 16 * (4 + 16 * 3 + 3)
    assert need.data == 100 * (2.5 * 4 + 2 * 3)
    kept = 4 * 4 + 16 * 4  # the input, and the activation, which the flattened one shares
    assert need.activations == max(2 * kept * 8, 6 * 16 * 4 * memory.EVALUATION_BATCH)
    assert need.lane == 43 * (4 + 16 * 3 + 3) + 8 * (2 * kept + 18 * 4 * 16)
    assert need.a_process == memory.RUNTIME_BYTES + need.data + need.a_run + need.network / 2


def test_the_network_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 1), nn.BatchNorm2d(4), nn.Flatten(), nn.Dropout())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random = torch.get_rng_state()
    footprint(network, torch.ones(2, 1, 2, 2), n_images=2, batch_size=2)
    assert all(torch.equal(before[name], t) for name, t in network.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize(("free", "n"), [(8.6, 2), (4.3, 1), (100.0, 5)])
def test_as_many_processes_as_memory_holds(
    monkeypatch: pytest.MonkeyPatch, free: float, n: int
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _: free * GB)
    assert n_that_fit(NEED, Engine(), 5) == n


def test_networks_on_a_gpu_share_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _: 9.5 * GB)
    assert n_that_fit(NEED, Engine(device="cuda"), 100) == 4


def test_a_run_that_does_not_fit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _: 1 * GB)
    with pytest.raises(MemoryError, match=r"one run needs up to 4\.25 GB, got 1\.00 GB free"):
        n_that_fit(NEED, Engine(), 1)


@pytest.mark.parametrize(("free", "n"), [(5.9, 3), (4.8, 1), (100.0, 7)])
def test_a_stack_holds_as_many_lanes_as_fit(
    monkeypatch: pytest.MonkeyPatch, free: float, n: int
) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _: free * GB)
    assert n_lanes_that_fit(NEED, Engine(device="cuda"), 7) == n


def test_a_stack_that_does_not_fit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _: 4 * GB)
    with pytest.raises(MemoryError, match=r"a stack of one needs up to 4\.75 GB, got 4\.00 GB"):
        n_lanes_that_fit(NEED, Engine(device="cuda"), 1)


def test_where_the_system_tells_no_memory_all_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _: math.inf)
    assert [n_that_fit(NEED, Engine(device=device), 5) for device in ("cpu", "mps")] == [5, 5]
    assert n_lanes_that_fit(NEED, Engine(device="mps"), 5) == 5
    check_fits(1e15, Engine(device="mps"))


def test_a_limit_of_each_process_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda _: 100 * GB)
    monkeypatch.setattr(memory, "_address_space_free", lambda: 4.5 * GB)
    assert n_that_fit(NEED, Engine(), 5) == 5
    check_fits(3.7 * GB, Engine())
    with pytest.raises(MemoryError, match=r"this run needs up to 3\.80 GB, got 3\.75 GB free"):
        check_fits(3.8 * GB, Engine())
    monkeypatch.setattr(memory, "_address_space_free", lambda: 3 * GB)
    with pytest.raises(MemoryError, match=r"one run needs up to 4\.25 GB, got 3\.00 GB free"):
        n_that_fit(NEED, Engine(), 5)


def test_a_layer_of_several_outputs_is_measured() -> None:
    class Last(nn.Module):
        def forward(self, outputs: tuple) -> torch.Tensor:
            return outputs[0][:, -1]

    network = nn.Sequential(nn.Flatten(2), nn.LSTM(4, 3), Last())
    assert footprint(network, torch.zeros(2, 1, 2, 2), n_images=2, batch_size=2).activations > 0


def test_a_containers_limit_counts(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._cgroup_free(tmp_path) is None
    (tmp_path / "memory.current").write_text("300\n")
    assert memory._cgroup_free(tmp_path) is None
    (tmp_path / "memory.max").write_text("1000\n")
    assert memory._cgroup_free(tmp_path) == 700
    (tmp_path / "memory.stat").write_text("anon 100\ninactive_file 150\nactive_file 50\n")
    assert memory._cgroup_free(tmp_path) == 900


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="the system says no peak")
def test_the_peak_grows_with_what_is_held() -> None:
    before = memory.peak_bytes("cpu")
    held = torch.ones(int(before) // 4 + 25_000_000)
    assert memory.peak_bytes("cpu") >= before + 0.9 * 100e6
    assert memory.free_bytes("cpu") > 0
    del held


def test_the_processs_own_limit_counts(tmp_path: Path) -> None:
    assert memory._address_space_free(tmp_path) == math.inf
    (tmp_path / "status").write_text("VmPeak:\t 9 kB\nVmSize:\t     700 kB\n")
    heading = "Limit                     Soft Limit           Hard Limit           Units     \n"
    line = "Max address space         {:<20} unlimited            bytes     \n"
    for limit, free in (("unlimited", math.inf), ("1024000", 1_024_000 - 700 * 1024), ("1000", 0)):
        (tmp_path / "limits").write_text(heading + line.format(limit))
        assert memory._address_space_free(tmp_path) == free


def test_a_network_for_images_of_another_size_is_named() -> None:
    spec = models.resolve("vit_tiny_patch16_224", "teacher")
    network = models.create(spec, n_classes=2, n_channels=3)
    with pytest.raises(ValueError, match=r"VisionTransformer does not take images of \(3, 32"):
        footprint(network, torch.zeros(2, 3, 32, 32), n_images=2, batch_size=2)


_HEAP = """
import ctypes, sys, torch
from carto_helpers.memory import keep_freed
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "abcdefghij"]
if sys.argv[1] == "kept":
    keep_freed()
del [torch.ones(2**22) for _ in range(8)][:]  # 134 MB in parts of 17
mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Info
print(mallinfo().a)  # bytes of the heap
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc's allocator")
def test_a_training_process_keeps_what_it_has_freed() -> None:
    heap = {
        kind: int(
            subprocess.run(
                [sys.executable, "-c", _HEAP, kind], check=True, capture_output=True, text=True
            ).stdout
        )
        for kind in ("kept", "given back")
    }
    assert heap["kept"] - heap["given back"] > 120e6
