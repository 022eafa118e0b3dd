"""Devices and layouts: what is chosen, and what is refused."""

import json

import pytest
import torch

from carto_helpers.engine import Engine, choose_engine, resolve_device


def test_auto_takes_a_device_that_is_there() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    if torch.backends.mps.is_available():
        expected = "mps"
    assert resolve_device("auto") == expected


@pytest.mark.parametrize("device", ["tpu", "cpu:5", "cpu:", "cpu:abc"])
def test_an_unknown_device_names_the_valid_ones(device: str) -> None:
    with pytest.raises(ValueError, match="`device` must be auto, cpu, cuda, cuda:N or mps"):
        resolve_device(device)


@pytest.mark.parametrize("device", ["cuda:99", "cuda:x"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    with pytest.raises(ValueError, match=f"`device` '{device}' is not there"):
        resolve_device(device)


@pytest.mark.parametrize("network", ["resnet50", "mobilenetv2_035", "tf_efficientnet_b0"])
def test_networks_run_channels_last_and_small_maps_as_products_on_a_cpu(network: str) -> None:
    engine = choose_engine(network, "cpu")
    assert engine.layout == "channels_last"
    assert engine.threads == torch.get_num_threads()
    assert engine.products
    assert Engine(**json.loads(engine.to_json())) == engine


def test_a_stacks_engine_alone_is_the_one_it_came_from() -> None:
    on_gpu = Engine(device="cuda", layout="channels_last")
    for n in (1, 7):
        assert on_gpu.of_stack(n).alone() == on_gpu.alone() == on_gpu
    on_cpu = choose_engine("resnet18", "cpu")
    assert on_cpu.alone() == on_cpu


def test_an_engine_of_before_products_has_none() -> None:
    assert not Engine.from_json('{"device": "cpu", "layout": "contiguous", "threads": 2}').products
