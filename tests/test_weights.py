"""Weights are loaded whole or not at all, and an error says what to do."""

import socket

import pytest
import torch
from safetensors.torch import save_file

from carto_helpers.models import NETWORKS, create, resolve
from carto_helpers.networks import weights
from carto_helpers.networks.weights import (
    WeightsDownloadError,
    load_weights,
    pretrained_state,
    state_to_save,
)


def student(**sizes):
    return create(NETWORKS["mobilenetv2_035"], **({"n_classes": 10, "n_channels": 3} | sizes))


@pytest.fixture
def saved(tmp_path):
    def save(network):
        path = tmp_path / "weights.safetensors"
        save_file(state_to_save(network), path)
        return path

    return save


def assert_untouched(network, before):
    after = network.state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())


def test_saved_state_does_not_follow_training():
    network = student()
    state = state_to_save(network)
    with torch.no_grad():
        network.classifier.bias += 1
    assert torch.equal(state["classifier.bias"] + 1, network.classifier.bias)
    assert all(tensor.is_contiguous() for tensor in state.values())


def test_channels_last_weights_are_saved_contiguous():
    state = state_to_save(student().to(memory_format=torch.channels_last))
    assert all(tensor.is_contiguous() for tensor in state.values())


def test_loading_gives_every_tensor(saved):
    source, network = student(), student()
    load_weights(network, saved(source))
    assert_untouched(network, source.state_dict())


def test_weights_for_other_classes_name_both_counts(saved):
    network = student()
    before = state_to_save(network)
    with pytest.raises(ValueError, match="expected weights for 10 classes, got 100 .*replace_head"):
        load_weights(network, saved(student(n_classes=100)))
    assert_untouched(network, before)


@pytest.mark.parametrize("n_classes", [10, 100])
def test_a_replaced_head_stays_new_and_the_rest_is_loaded(saved, n_classes):
    source, network = student(n_classes=n_classes), student()
    head = {n: t for n, t in state_to_save(network).items() if n.startswith("classifier.")}
    load_weights(network, saved(source), replace_head=True)
    body = {n: t for n, t in source.state_dict().items() if n not in head}
    assert_untouched(network, head | body)


def test_weights_for_other_channels_name_both_counts(saved):
    with pytest.raises(ValueError, match="expected weights for 3 channels, got 1 in .*such images"):
        load_weights(student(), saved(student(n_channels=1)))


@pytest.mark.parametrize("replace_head", [False, True])
@pytest.mark.parametrize("other", ["mobilenetv2_100", "resnet18", "mobilenetv3_small_050"])
def test_weights_of_another_network_are_refused(saved, other, replace_head):
    source = create(resolve(other, role="student"), n_classes=10, n_channels=3)
    network = student()
    before = state_to_save(network)
    with pytest.raises(ValueError, match="expected weights of EfficientNet.*of the same network"):
        load_weights(network, saved(source), replace_head=replace_head)
    assert_untouched(network, before)


def test_old_weights_without_batch_counts_are_loaded(tmp_path):
    source, network = student(), student()
    state = {n: t for n, t in state_to_save(source).items() if "num_batches" not in n}
    save_file(state, tmp_path / "old.safetensors")
    load_weights(network, tmp_path / "old.safetensors")
    assert_untouched(network, state)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected weights in .*none.safetensors, got no"):
        load_weights(student(), tmp_path / "none.safetensors")


@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x04\x95 a pickle"])
def test_what_is_no_safetensors_file_is_refused(tmp_path, content):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="expected a safetensors file, got .*weights.safetensors"):
        load_weights(student(), path)


@pytest.fixture
def no_cache(monkeypatch, tmp_path):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(weights, "getproxies", dict)


def refuse(*args, **kwargs):
    raise socket.gaierror(-2, "Name or service not known")


def test_no_network_stops_at_once_and_says_what_to_do(monkeypatch, no_cache):
    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(
        WeightsDownloadError, match="resnet50.tv_in1k .*run once with a network, or"
    ):
        create(NETWORKS["resnet50"], n_classes=10, n_channels=3, start="paper")


def test_a_download_that_fails_says_so(monkeypatch, no_cache):
    monkeypatch.setattr(weights, "getproxies", lambda: {"https": "proxy"})  # nothing to try before
    monkeypatch.setattr("huggingface_hub.hf_hub_download", refuse)
    with pytest.raises(WeightsDownloadError, match="got gaierror; run once with a network"):
        pretrained_state("resnet50.tv_in1k")


def test_a_refusing_proxy_says_so(monkeypatch, no_cache):
    from huggingface_hub.errors import HfHubHTTPError

    def fail(*place):  # as the hub's client: with its HTTP library's error, which is no OSError
        raise HfHubHTTPError.__bases__[0]("403 Forbidden")

    monkeypatch.setattr(weights, "getproxies", lambda: {"https": "proxy"})
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(WeightsDownloadError, match="got HTTPError; run once with a network"):
        pretrained_state("resnet50.tv_in1k")


def test_cached_weights_need_no_network(monkeypatch, saved):
    path = saved(student())
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *place: str(path))
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert set(pretrained_state("any.tag")) == set(student().state_dict())


def test_weights_are_asked_of_timms_collection(monkeypatch, no_cache, saved):
    path, asked = saved(student()), []
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: socket.socket())
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *p: asked.append(p) or str(path))
    pretrained_state("mobilenetv2_100.ra_in1k")
    assert asked == [("timm/mobilenetv2_100.ra_in1k", "model.safetensors")]
