"""Initial weights and padding are the originals', and where the originals stop, timm's."""

import pytest
import torch
from authors_networks import PAPERS, authors_network, waken
from torch import nn

from carto_helpers.models import NETWORKS, create
from carto_helpers.networks.originals import FixedSamePadding


@pytest.mark.parametrize("name", PAPERS)
def test_one_seed_draws_the_originals_initial_weights(name):
    torch.manual_seed(7)
    original = authors_network(name)
    torch.manual_seed(7)
    network = create(NETWORKS[name], n_classes=10, n_channels=3)
    ours, theirs = network.state_dict(), original.state_dict()
    for (label, mine), its in zip(ours.items(), theirs.values(), strict=True):
        assert torch.equal(mine, its), label


@pytest.mark.parametrize("name", ["mobilenetv2_035", "tf_efficientnet_b0", "resnet18"])
def test_a_new_stem_is_drawn_as_torch_draws(name):
    network = create(NETWORKS[name], n_classes=10, n_channels=1)
    stem = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
    bound = stem.weight[0].numel() ** -0.5
    assert stem.weight.abs().max() <= bound
    assert stem.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.2)


def test_no_residual_branch_of_a_resnet_starts_at_zero():
    network = create(NETWORKS["resnet18"], n_classes=10, n_channels=3)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(torch.equal(m.weight, torch.ones_like(m.weight)) for m in norms)


@pytest.mark.parametrize("name", ["tf_efficientnet_b0", "tf_efficientnet_b4"])
def test_drop_connect_grows_with_the_block_as_in_the_original(name):
    original = authors_network(name)
    network = create(NETWORKS[name], n_classes=10, n_channels=3)
    rates = [getattr(b.drop_path, "drop_prob", 0.0) for stage in network.blocks for b in stage]
    n_blocks = len(original._blocks)
    rate = original._global_params.drop_connect_rate
    assert rate == 0.2
    assert rates == pytest.approx([rate * i / n_blocks for i in range(n_blocks)])


def timms_padding(name, network):
    import timm

    spec = NETWORKS[name]
    other = timm.create_model(spec.name, num_classes=10, **spec.options)
    other.load_state_dict(network.state_dict())
    return other.eval()


@pytest.mark.parametrize(
    ("name", "pixels", "smallest", "largest"),
    [
        ("tf_efficientnet_b4", 32, 0.5, 10),  # one layer is padded (2, 2), by timm (1, 2)
        ("tf_efficientnet_b4", 28, 0, 0),
        ("tf_efficientnet_b0", 32, 0, 0),
        ("tf_efficientnet_b0", 28, 0, 0),  # where the original stops
    ],
)
def test_timms_own_padding_differs_by_the_stated_size(name, pixels, smallest, largest):
    torch.manual_seed(0)
    images = torch.rand(16, 3, pixels, pixels) * 2 - 1
    network = waken(create(NETWORKS[name], n_classes=10, n_channels=3), images)
    with torch.no_grad():
        logits, timms = network(images), timms_padding(name, network)(images)
    difference = ((logits - timms).square().mean().sqrt() / logits.std()).item()
    assert smallest <= difference <= largest


def test_the_original_b0_cannot_take_28_pixels():
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        authors_network("tf_efficientnet_b0").eval()(torch.zeros(1, 3, 28, 28))


@pytest.mark.parametrize("name", ["tf_efficientnet_b0", "tf_efficientnet_b4"])
def test_the_authors_own_stem_stops_both_efficientnets_on_mnist(name):
    original = authors_network(name)
    stem = original._conv_stem
    original._conv_stem = nn.Conv2d(  # as their code has it: the padding is (0, 0) here,
        1, stem.out_channels, stem.kernel_size, stem.stride, stem.padding, bias=False
    )  # for the library pads in a module of its own
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        original.eval()(torch.zeros(1, 1, 28, 28))


@pytest.mark.parametrize("name", ["tf_efficientnet_b0", "tf_efficientnet_b4"])
def test_our_efficientnets_take_mnist(name):
    network = create(NETWORKS[name], n_classes=10, n_channels=1).eval()
    assert network(torch.zeros(2, 1, 28, 28)).isfinite().all()


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("native", [112, 95, 24])
@pytest.mark.parametrize("size", range(1, 12))
def test_padding_keeps_every_second_pixel(kernel, native, size):
    convolution = FixedSamePadding(nn.Conv2d(2, 3, kernel, stride=2), native)
    assert convolution(torch.zeros(1, 2, size, size + 1)).shape[2:] == (
        (size + 1) // 2,
        (size + 2) // 2,
    )
