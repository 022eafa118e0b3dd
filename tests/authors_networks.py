"""The networks as the authors' libraries make them: what ours are compared with."""

import torch
from torch import nn

from carto_helpers.networks.torchvision_trap import prepare_torchvision

PAPERS = [
    "mobilenetv2_100",
    "mobilenetv2_035",
    "tf_efficientnet_b4",
    "tf_efficientnet_b0",
    "resnet50",
    "resnet18",
]


def authors_network(name, *, n_classes=10, n_channels=3):
    """Return the original of one of the six; its own constructor draws its weights.

    Another number of channels gets a new stem, as in the authors' code, but for EfficientNet's
    padding, which the authors' own stem loses (`test_originals` shows what comes of it).
    """
    prepare_torchvision()
    from efficientnet_pytorch import EfficientNet
    from torchvision import models

    if name.startswith("tf_efficientnet"):
        kind = name.removeprefix("tf_").replace("_", "-")
        return EfficientNet.from_name(kind, in_channels=n_channels, num_classes=n_classes)
    if name.startswith("mobilenet"):
        width = int(name.removeprefix("mobilenetv2_")) / 100
        network = models.mobilenet_v2(width_mult=width, num_classes=n_classes)
        parent, child, stem = network.features[0], "0", network.features[0][0]
    else:
        network = getattr(models, name)(num_classes=n_classes)
        parent, child, stem = network, "conv1", network.conv1
    if n_channels != 3:
        new = nn.Conv2d(
            n_channels, stem.out_channels, stem.kernel_size, stem.stride, stem.padding, bias=False
        )
        setattr(parent, child, new)
    return network


def state_for(network, original):
    """Return the original's state under our names: both list their layers in one order."""
    ours, theirs = network.state_dict(), original.state_dict()
    assert [t.shape for t in ours.values()] == [t.shape for t in theirs.values()]
    return dict(zip(ours, theirs.values(), strict=True))


def waken(network, images):
    """Give batch norm the statistics of `images`; new ones leave logits of 1e-10, equal or not."""
    layers = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 1.0
    with torch.no_grad():
        network.train()(images)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    return network.eval()
