"""The six networks are the authors': sizes, starts, names and outputs."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from authors_networks import PAPERS, authors_network, state_for, waken
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from carto_helpers import models
from carto_helpers.models import NETWORKS, count_parameters, create, resolve
from carto_helpers.networks.weights import state_to_save

TABLE_1 = Path(__file__).parents[1] / "book" / "paper" / "table1_architectures.csv"


@pytest.mark.parametrize(
    ("family", "teacher", "student"),
    [
        ("mobilenet", "mobilenetv2_100", "mobilenetv2_035"),
        ("efficientnet", "tf_efficientnet_b4", "tf_efficientnet_b0"),
        ("resnet", "resnet50", "resnet18"),
    ],
)
def test_a_family_names_another_network_for_each_role(family, teacher, student):
    assert resolve(family, role="teacher").name == teacher
    assert resolve(family, role="student").name == student


@pytest.mark.parametrize("role", ["teacher", "student"])
@pytest.mark.parametrize("name", PAPERS)
def test_a_network_keeps_its_name_in_either_role(name, role):
    assert resolve(name, role=role) is NETWORKS[name]
    assert resolve(name.removeprefix("tf_"), role=role) is NETWORKS[name]


def test_any_other_timm_name_is_timms_default_network():
    spec = resolve("mobilenetv3_small_050", role="student")
    assert not spec.paper
    assert spec.paper_start is None
    assert not resolve("resnet18.a1_in1k", role="student").paper
    network = create(spec, n_classes=7, n_channels=1).eval()
    assert network(torch.zeros(2, 1, 32, 32)).shape == (2, 7)


def test_an_unknown_name_lists_what_is_valid():
    with pytest.raises(ValueError, match="unknown architecture 'resnet19'.*mobilenet.*resnet18"):
        resolve("resnet19", role="student")
    with pytest.raises(ValueError, match="`role` must be 'teacher' or 'student', got 'pupil'"):
        resolve("resnet", role="pupil")


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("n_classes", [10, 100])
@pytest.mark.parametrize("pixels", [32, 28])
@pytest.mark.parametrize("name", ["mobilenetv2_035", "resnet18"])
def test_equal_weights_give_equal_logits(name, pixels, n_classes, n_channels):
    assert_equal_logits(name, pixels, n_classes=n_classes, n_channels=n_channels)


@pytest.mark.parametrize(
    ("name", "pixels", "n_classes", "n_channels"),
    [
        ("mobilenetv2_100", 32, 100, 3),
        ("mobilenetv2_100", 28, 10, 1),
        ("resnet50", 32, 100, 3),
        ("resnet50", 28, 10, 1),
    ],
)
def test_equal_weights_give_equal_logits_in_larger_networks(name, pixels, n_classes, n_channels):
    assert_equal_logits(name, pixels, n_classes=n_classes, n_channels=n_channels)


def assert_equal_logits(name, pixels, *, dtype=torch.float32, tolerance=1e-5, **sizes):
    torch.manual_seed(0)
    images = torch.rand(8, sizes["n_channels"], pixels, pixels, dtype=dtype) * 2 - 1
    original = waken(authors_network(name, **sizes).to(dtype), images)
    network = create(NETWORKS[name], **sizes).to(dtype)
    network.load_state_dict(state_for(network, original))
    with torch.no_grad():
        ours, theirs = network.eval()(images), original(images)
    assert ours.shape == (8, sizes["n_classes"])
    assert theirs.std() > 1e-3  # there is something to compare
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "pixels", "n_classes", "n_channels"),
    [
        ("tf_efficientnet_b0", 32, 10, 3),
        ("tf_efficientnet_b0", 32, 100, 1),
        ("tf_efficientnet_b4", 32, 100, 3),
        ("tf_efficientnet_b4", 28, 10, 1),
    ],
)
def test_equal_weights_give_equal_logits_in_efficientnets(name, pixels, n_classes, n_channels):
    # In float64: the two round differently (x · sigmoid(x) in one step or two), and the batch
    # statistics of eight noise images amplify that in float32 (to 3e-4 in B4, logits of up to 34).
    sizes = {"n_classes": n_classes, "n_channels": n_channels}
    assert_equal_logits(name, pixels, dtype=torch.float64, tolerance=1e-9, **sizes)


@pytest.mark.parametrize("name", ["tf_efficientnet_b0", "tf_efficientnet_b4"])
def test_efficientnets_in_float32_differ_by_no_more_than_rounding(name):
    torch.manual_seed(0)
    images = torch.rand(32, 3, 32, 32) * 2 - 1
    original = waken(authors_network(name), images)
    network = create(NETWORKS[name], n_classes=10, n_channels=3)
    network.load_state_dict(state_for(network, original))
    few = images[:8]
    with torch.no_grad():
        ours, theirs, exact = network.eval()(few), original(few), original.double()(few.double())
    rounding = (theirs - exact).abs().max()  # the original's own: 3e-6 in B0, 4e-5 in B4
    assert exact.std() > 0.1
    assert (ours - theirs).abs().max() <= 4 * rounding


@pytest.mark.parametrize("name", ["tf_efficientnet_b0", "tf_efficientnet_b4"])
def test_timms_own_padding_is_that_of_an_original_made_for_32_pixels(name):
    import timm
    from efficientnet_pytorch import EfficientNet

    torch.manual_seed(0)
    images = torch.rand(8, 3, 32, 32, dtype=torch.float64) * 2 - 1
    kind = name.removeprefix("tf_").replace("_", "-")
    original = EfficientNet.from_name(kind, num_classes=10, image_size=32).double()
    waken(original, images)
    network = timm.create_model(name, num_classes=10, **NETWORKS[name].options).double()
    network.load_state_dict(state_for(network, original))
    with torch.no_grad():
        ours, theirs = network.eval()(images), original(images)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["mobilenetv2_035", "resnet18", "tf_efficientnet_b0"])
def test_a_training_step_is_the_originals(name):
    torch.manual_seed(0)
    images = torch.rand(8, 3, 32, 32, dtype=torch.float64) * 2 - 1
    original = authors_network(name).double()
    network = create(NETWORKS[name], n_classes=10, n_channels=3).double()
    network.load_state_dict(state_for(network, original))
    if name == "tf_efficientnet_b0":  # it draws its drop-connect in another way
        switch_off_drops(network, original)
    losses = [loss_and_gradients(n, images) for n in (network, original)]  # dropout included
    torch.testing.assert_close(*losses)
    ours, theirs = network.parameters(), original.parameters()
    for mine, its in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, its.grad, rtol=1e-7, atol=1e-10)
    for mine, its in zip(network.buffers(), original.buffers(), strict=True):
        torch.testing.assert_close(mine, its)  # running statistics: momentum


@pytest.mark.parametrize("name", PAPERS)
def test_autograd_copies_no_input_of_an_activation(name):
    class Calls(TorchDispatchMode):
        def __torch_dispatch__(self, call, types, args=(), kwargs=None):
            seen.append(call)
            return call(*args, **(kwargs or {}))

    seen = []
    network = create(NETWORKS[name], n_classes=10, n_channels=3)
    with Calls():
        network(torch.zeros(2, 3, 32, 32))
    assert torch.ops.aten.convolution.default in seen
    assert torch.ops.aten.clone.default not in seen


def loss_and_gradients(network, images):
    torch.manual_seed(1)
    labels = torch.arange(len(images)) % 10
    loss = functional.cross_entropy(network.train()(images), labels)
    loss.backward()
    return loss.detach()


def switch_off_drops(network, original):
    network.drop_rate = 0.0
    for module in network.modules():
        if hasattr(module, "drop_prob"):
            module.drop_prob = 0.0
    original._global_params = original._global_params._replace(drop_connect_rate=0.0)
    original._dropout = nn.Identity()


@pytest.mark.parametrize("name", PAPERS)
def test_batch_norm_and_dropout_are_the_originals(name):
    original, network = authors_network(name), create(NETWORKS[name], n_classes=10, n_channels=3)
    ours, theirs = (
        [(m.eps, m.momentum) for m in n.modules() if isinstance(m, nn.BatchNorm2d)]
        for n in (network, original)
    )
    assert np.array(ours) == pytest.approx(np.array(theirs))
    dropout = [m.p for m in original.modules() if isinstance(m, nn.Dropout)] or [0.0]
    assert [network.drop_rate] == dropout


@pytest.mark.parametrize("name", ["resnet18", "tf_efficientnet_b0", "mobilenetv2_035"])
def test_one_seed_gives_one_network_and_two_give_two(name):
    def weights(seed):
        torch.manual_seed(seed)
        network = create(NETWORKS[name], n_classes=10, n_channels=1)
        return torch.cat([p.flatten() for p in network.parameters()])

    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))


@pytest.mark.parametrize(
    ("name", "with_10", "with_1000"),
    [
        ("mobilenetv2_100", 2_236_682, 3_504_872),
        ("mobilenetv2_035", 408_938, 1_677_128),
        ("tf_efficientnet_b4", 17_566_546, 19_341_616),
        ("tf_efficientnet_b0", 4_020_358, 5_288_548),
        ("resnet50", 23_528_522, 25_557_032),
        ("resnet18", 11_181_642, 11_689_512),
    ],
)
def test_parameters_are_table_1s(name, with_10, with_1000):
    spec = NETWORKS[name]
    assert count_parameters(spec, n_classes=10) == with_10
    assert count_parameters(spec, n_classes=1000) == with_1000
    published = published_count(spec)
    counted = with_10 if spec.family == "mobilenet" else with_1000
    if name == "resnet18":  # neither head: 11.5 M
        assert with_10 < 0.99 * published < 1.01 * published < with_1000
    else:
        assert counted == pytest.approx(published, rel=0.02)


def published_count(spec):
    with TABLE_1.open(encoding="utf-8") as file:
        rows = {(row["family"], row["role"]): row["params"] for row in csv.DictReader(file)}
    text = rows[spec.family, spec.role]
    return float(text[:-1]) * {"K": 1e3, "M": 1e6}[text[-1]]


def test_counting_leaves_the_random_state_alone():
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    count_parameters(NETWORKS["mobilenetv2_035"], n_classes=10)
    assert torch.equal(torch.rand(1), expected)


def test_sizes_below_one_are_refused():
    with pytest.raises(ValueError, match="`n_classes` must be at least 1, got 0"):
        create(NETWORKS["resnet18"], n_classes=0, n_channels=3)
    with pytest.raises(ValueError, match="`n_channels` must be at least 1, got -1"):
        create(NETWORKS["resnet18"], n_classes=10, n_channels=-1)


def test_paper_starts_are_where_the_authors_had_them():
    import timm

    tags = {name: spec.paper_start for name, spec in NETWORKS.items() if spec.paper_start}
    assert set(tags) == set(PAPERS) - {"mobilenetv2_035", "resnet18"}
    for name, tag in tags.items():
        assert tag.startswith(f"{NETWORKS[name].name}.")
        assert timm.models.get_pretrained_cfg(tag).hf_hub_id == f"timm/{tag}"  # as we ask for it


@pytest.mark.parametrize("n_channels", [1, 3])
def test_a_paper_start_takes_all_but_head_and_new_stem(monkeypatch, n_channels):
    spec = NETWORKS["tf_efficientnet_b0"]
    imagenet = create(spec, n_classes=1000, n_channels=3).state_dict()
    monkeypatch.setattr(models, "pretrained_state", {spec.paper_start: imagenet}.__getitem__)
    torch.manual_seed(0)
    scratch = create(spec, n_classes=10, n_channels=n_channels).state_dict()
    torch.manual_seed(0)
    started = create(spec, n_classes=10, n_channels=n_channels, start="paper").state_dict()
    new = ("classifier.", "conv_stem." if n_channels == 1 else "classifier.")
    for name, tensor in started.items():
        assert torch.equal(tensor, (scratch if name.startswith(new) else imagenet)[name]), name


def test_a_paper_start_is_scratch_where_the_authors_had_no_weights(monkeypatch):
    monkeypatch.delattr(models, "pretrained_state")
    torch.manual_seed(0)
    scratch = create(NETWORKS["resnet18"], n_classes=10, n_channels=3)
    torch.manual_seed(0)
    started = create(NETWORKS["resnet18"], n_classes=10, n_channels=3, start="paper")
    assert torch.equal(started.conv1.weight, scratch.conv1.weight)


def test_other_networks_have_no_paper_start():
    with pytest.raises(ValueError, match="start 'paper' is for the paper's networks, got resnet34"):
        create(resolve("resnet34", role="student"), n_classes=10, n_channels=3, start="paper")


def test_a_start_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="`start` must be 'scratch', 'paper' or a .safetensors"):
        create(NETWORKS["resnet18"], n_classes=10, n_channels=3, start="imagenet")


def test_a_file_gives_back_the_network_that_was_saved(tmp_path):
    spec = NETWORKS["mobilenetv2_035"]
    images = torch.rand(4, 3, 32, 32)
    saved = waken(create(spec, n_classes=10, n_channels=3), images)
    path = tmp_path / "student.safetensors"
    save_file(state_to_save(saved), path)
    loaded = create(spec, n_classes=10, n_channels=3, start=str(path)).eval()
    assert torch.equal(loaded(images), saved(images))
