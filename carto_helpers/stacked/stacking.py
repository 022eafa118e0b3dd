"""Many networks of one architecture as one network, after HFTA (Wang et al., MLSys 2021).

timm's own forward pass runs unchanged: only the layers are replaced (`lane_layers`), and whatever
lies between them works on (K·C, B, H, W) as on (B, C, H, W). HFTA fuses convolutions by groups of
(B, K·C, H, W), torch.func by vmap, which ends in the same grouped convolutions; both leave the
speed to cuDNN's grouped kernels and copy for batched products.
"""

import copy
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from carto_helpers.networks.originals import FixedSamePadding
from carto_helpers.networks.trimmed import TrimmedConv2d
from carto_helpers.stacked.lane_layers import (
    LaneConvolution,
    LaneDropPath,
    LaneLinear,
    LaneNorm,
    LaneProduct,
    Lanes,
)

# Their forward passes were read: they treat every plane alone, and channels only by their layers.
_BLOCKS = (
    "ResNet", "BasicBlock", "Bottleneck", "EfficientNet", "DepthwiseSeparableConv",
    "InvertedResidual", "SqueezeExcite", "Sequential",
)  # fmt: skip
_PLANEWISE = (
    "Identity", "ReLU", "ReLU6", "SiLU", "Sigmoid", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d",
    "SelectAdaptivePool2d", "Flatten",
)  # fmt: skip
_REPLACED = (
    "Conv2d", "ProductConv2d", "TrimmedConv2d", "FixedSamePadding", "BatchNorm2d",
    "BatchNormAct2d", "Linear", "DropPath",
)  # fmt: skip


def obstacles(network: nn.Module) -> list[str]:
    """Return the names of what in `network` cannot be stacked, sorted; none if it can be."""
    known = {*_BLOCKS, *_PLANEWISE, *_REPLACED}
    found = {type(m).__name__ for m in network.modules()} - known
    odd = (m for m in network.modules() if isinstance(m, nn.Conv2d) and not _is_plain(m))
    return sorted(found | {f"Conv2d with {m.extra_repr()}" for m in odd})


def _is_plain(layer: nn.Conv2d) -> bool:
    is_depthwise = layer.groups == layer.in_channels == layer.out_channels
    is_even = layer.stride[0] == layer.stride[1] and layer.dilation == (1, 1)
    is_padded = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    return (layer.groups == 1 or is_depthwise) and is_even and is_padded


class StackedNetwork:
    """K networks of one architecture, in training mode, as one.

    All weights lie in one tensor (K, P), a lane's in one row, which the layers see as views.

    Parameters
    ----------
    networks
        Of one architecture, on one device; they are copied, not changed.

    Raises
    ------
    ValueError
        If there is none, one differs in its weights' shapes, or a layer cannot be stacked.
    """

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        _check(networks)
        self.lanes = Lanes(n=len(networks))
        first = networks[0]
        self._shapes = {name: tensor.shape for name, tensor in first.named_parameters()}
        self.network = _replaced(copy.deepcopy(first), self.lanes).train()
        self.buffers = {
            name: torch.stack([_statistics(network)[name] for network in networks])
            for name in _statistics(first)
        }
        self.weights = torch.stack([_flat(network) for network in networks])  # (K, P)
        self._bind()

    def __call__(self, pixels: Float[Tensor, "K B C H W"]) -> Float[Tensor, "K B n"]:
        """Return the logits of each lane for its own images."""
        found: Tensor = self.network(pixels.transpose(1, 2).flatten(0, 1))  # (K·C, B, H, W)
        return found

    def load(self, lane: int, network: nn.Module) -> None:
        """Put a network in the place of a lane, or raise as for a new stack."""
        _check_shapes(network, list(self._shapes.values()))
        with torch.no_grad():
            self.weights[lane].copy_(_flat(network))
            for name, tensor in _statistics(network).items():
                self.buffers[name][lane].copy_(tensor)

    def save(self, lane: int, network: nn.Module) -> None:
        """Write a lane's weights and statistics into a network of the same architecture."""
        with torch.no_grad():
            for name, tensor in self._views().items():
                network.get_parameter(name).copy_(tensor[lane])
            for name, tensor in _statistics(network).items():
                tensor.copy_(self.buffers[name][lane])

    def keep(self, lanes: Sequence[int]) -> None:
        """Leave only these lanes, in this order."""
        at = torch.tensor(lanes, device=self.weights.device)
        self.weights = self.weights[at]
        self.buffers = {name: tensor[at] for name, tensor in self.buffers.items()}
        self.lanes.n = len(lanes)
        self._bind()

    def gradients(self) -> list[Tensor]:
        """Return each weight's gradient, (K, …), in the order of `parts`."""
        return [p.grad for p in self._parameters if p.grad is not None]  # each is used

    def parts(self, flat: Float[Tensor, "K P"]) -> list[Tensor]:
        """Return a tensor like `weights` as views, one a weight, (K, …)."""
        sizes = [shape.numel() for shape in self._shapes.values()]
        return [
            part.view(len(flat), *shape)
            for part, shape in zip(flat.split(sizes, 1), self._shapes.values(), strict=True)
        ]

    def forget_gradients(self) -> None:
        """Drop the gradients of the step before."""
        for parameter in self._parameters:
            parameter.grad = None

    def _views(self) -> dict[str, Tensor]:
        return dict(zip(self._shapes, self.parts(self.weights), strict=True))

    def _bind(self) -> None:
        """Let the layers see their part of `weights` and their buffers."""
        self._parameters = []
        for name, view in self._views().items():
            self._parameters.append(nn.Parameter(view))
            _set(self.network, name, self._parameters[-1])
        for name, tensor in self.buffers.items():
            _set(self.network, name, tensor)


def _check(networks: Sequence[nn.Module]) -> None:
    if not networks:
        raise ValueError("a stack needs at least one network, got none; pass one")
    if found := obstacles(networks[0]):
        raise ValueError(
            f"expected layers that can be stacked, got {', '.join(found)}; "
            "train these networks one by one"
        )
    shapes = [p.shape for p in networks[0].parameters()]
    for network in networks:
        _check_shapes(network, shapes)


def _check_shapes(network: nn.Module, shapes: list[torch.Size]) -> None:
    if [p.shape for p in network.parameters()] != shapes:
        raise ValueError(
            "the networks of a stack must have one architecture, got weights of other shapes; "
            "stack each architecture on its own"
        )


def _statistics(network: nn.Module) -> dict[str, Tensor]:
    """Return the buffers that training moves; the taps that it leaves stay in their network."""
    layers = network.named_modules()
    kernels = {f"{name}.kernel" for name, layer in layers if isinstance(layer, TrimmedConv2d)}
    return {name: t for name, t in network.named_buffers() if name not in kernels}


def _flat(network: nn.Module) -> Float[Tensor, " P"]:
    return torch.cat([p.detach().reshape(-1) for p in network.parameters()])


def _set(network: nn.Module, name: str, value: Tensor) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, value)


def _replaced(network: nn.Module, lanes: Lanes) -> nn.Module:
    """Replace the layers of `network` by those of the lanes; dropout moves into the head."""
    drop_rate = float(network.drop_rate)  # type: ignore[arg-type]  # timm's attribute
    for name, layer in list(network.named_modules()):
        if type(layer).__name__ in _REPLACED:
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, _lane_layer(layer, lanes, drop_rate))
    network.drop_rate = 0.0  # type: ignore[assignment]
    return network


def _lane_layer(layer: nn.Module, lanes: Lanes, drop_rate: float) -> nn.Module:
    if isinstance(layer, TrimmedConv2d):
        return LaneProduct(layer, lanes)
    if isinstance(layer, nn.Conv2d | FixedSamePadding):
        return LaneConvolution(layer, lanes)
    if isinstance(layer, nn.BatchNorm2d):
        return LaneNorm(layer, lanes)
    if isinstance(layer, nn.Linear):
        return LaneLinear(layer, lanes, drop_rate)
    return LaneDropPath(layer, lanes)
