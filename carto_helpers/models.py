"""The paper's six networks, built by timm and configured to be the authors' networks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import nn

from carto_helpers.config import FAMILIES
from carto_helpers.networks.originals import InitialWeights, draw_weights, fix_padding
from carto_helpers.networks.torchvision_trap import prepare_torchvision
from carto_helpers.networks.weights import load_weights as load_weights
from carto_helpers.networks.weights import pretrained_state, take_over
from carto_helpers.networks.weights import state_to_save as state_to_save

Role = Literal["teacher", "student"]


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """One network: what timm builds, and what makes it the authors'.

    Attributes
    ----------
    name
        As timm and our rows name it.
    family, role
        Its place in table 1; empty for a network that is not the paper's.
    original
        The authors' constructor; empty for a network that is not the paper's.
    paper_start
        timm's tag of the ImageNet weights that "paper" starts from; None where the authors
        trained from scratch.
    options
        What timm's constructor takes beyond classes and channels.
    convolutions, head_std
        How the original draws its weights (`originals.draw_weights`); None for timm's own draw.
    native_size
        Image side in pixels for which the original's padding was fixed; None where padding does
        not depend on it.
    """

    name: str
    family: str = ""
    role: str = ""
    original: str = ""
    paper_start: str | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    convolutions: InitialWeights | None = None
    head_std: float | None = None
    native_size: int | None = None

    @property
    def paper(self) -> bool:
        """Whether it is one of the paper's six."""
        return bool(self.family)

    def row_name(self, role: str) -> str:
        """Return what rows call it: its family in its own role of table 1, else its own name."""
        return self.family if self.family and role == self.role else self.name


def _mobilenet(role: Role, width: str, paper_start: str | None) -> NetworkSpec:
    return NetworkSpec(
        name=f"mobilenetv2_{width}",
        family="mobilenet",
        role=role,
        original=f"torchvision mobilenet_v2(width_mult={int(width) / 100})",
        paper_start=paper_start,
        options=MappingProxyType({"drop_rate": 0.2}),
        convolutions="fan-out",
        head_std=0.01,
    )


def _resnet(role: Role, depth: int, paper_start: str | None) -> NetworkSpec:
    return NetworkSpec(
        name=f"resnet{depth}",
        family="resnet",
        role=role,
        original=f"torchvision resnet{depth}()",
        paper_start=paper_start,
        options=MappingProxyType({"zero_init_last": False}),
        convolutions="fan-out",
    )


def _efficientnet(role: Role, size: str, dropout: float, native_size: int) -> NetworkSpec:
    options = {
        "drop_rate": dropout,
        "drop_path_rate": 0.2,  # times block / blocks, as the original's drop-connect
        "bn_momentum": 0.01,
        "bn_eps": 1e-3,
    }
    return NetworkSpec(
        name=f"tf_efficientnet_{size}",
        family="efficientnet",
        role=role,
        original=f"efficientnet_pytorch efficientnet-{size}",
        paper_start=f"tf_efficientnet_{size}.aa_in1k",
        options=MappingProxyType(options),
        convolutions="default",
        native_size=native_size,
    )


_PAPER = (
    _mobilenet("teacher", "100", "mobilenetv2_100.ra_in1k"),
    _mobilenet("student", "035", None),
    _efficientnet("teacher", "b4", 0.4, 380),
    _efficientnet("student", "b0", 0.2, 224),
    _resnet("teacher", 50, "resnet50.tv_in1k"),
    _resnet("student", 18, None),
)
NETWORKS: Mapping[str, NetworkSpec] = MappingProxyType({spec.name: spec for spec in _PAPER})


def resolve(name: str, role: str) -> NetworkSpec:
    """Return the network that `name` means for a teacher or a student.

    Parameters
    ----------
    name
        A family (its network depends on the role), one of the six names (`tf_` may be left
        out), or any other timm name, which gives timm's default network. A timm name with a tag
        ("resnet50.a1_in1k") is always timm's default network.
    role
        "teacher" or "student".

    Raises
    ------
    ValueError
        If the name or the role is unknown.

    Examples
    --------
    >>> resolve("resnet", role="teacher").name, resolve("resnet", role="student").name
    ('resnet50', 'resnet18')
    """
    if role not in ("teacher", "student"):
        raise ValueError(f"`role` must be 'teacher' or 'student', got {role!r}; pass one of them")
    for spec in NETWORKS.values():
        is_its_name = name in (spec.name, spec.name.removeprefix("tf_"))
        if is_its_name or (name, role) == (spec.family, spec.role):
            return spec
    prepare_torchvision()
    import timm

    if name in timm.list_models() or name in timm.list_pretrained():
        return NetworkSpec(name=name)
    raise ValueError(
        f"unknown architecture {name!r}; pass a family ({', '.join(FAMILIES)}), one of the "
        f"paper's networks ({', '.join(NETWORKS)}) or a name that timm.list_models() lists"
    )


def create(
    spec: NetworkSpec, *, n_classes: int, n_channels: int, start: str = "scratch"
) -> nn.Module:
    """Return a new network on the CPU, its random weights drawn from torch's current generator.

    The paper's networks compute what the authors' do, and draw the same initial weights as their
    constructors from the same seed. As in the authors' code, a stem for other than three channels
    is a new convolution with torch's own initial weights.

    Parameters
    ----------
    spec
        From `resolve`.
    n_classes, n_channels
        Size of the head's output and of the input, at least 1.
    start
        "scratch"; "paper" (ImageNet weights, head new, where the authors had them, else scratch);
        or the path of a safetensors file with the weights of this very network.

    Returns
    -------
    nn.Module
        (B, n_channels, H, W) in, logits (B, n_classes) out; in training mode.

    Raises
    ------
    ValueError
        If a size is below 1, a file's weights do not fit, or the start is unknown.
    FileNotFoundError
        If there is no such file.
    WeightsDownloadError
        If ImageNet weights are neither cached nor to be had.

    Examples
    --------
    >>> network = create(resolve("mobilenet", role="student"), n_classes=10, n_channels=1)
    >>> network(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 10])
    """
    if start == "paper" and not spec.paper:
        raise ValueError(
            f"start 'paper' is for the paper's networks, got {spec.name}; pass 'scratch'"
        )
    is_from_file = start not in ("scratch", "paper")
    if is_from_file and not start.endswith(".safetensors"):
        raise ValueError(
            f"`start` must be 'scratch', 'paper' or a .safetensors file, got {start!r}; "
            "pass 'scratch'"
        )
    network = _initialised(spec, n_classes, n_channels)
    _spare_copies(network)
    if start == "paper" and spec.paper_start:
        state = pretrained_state(spec.paper_start)
        take_over(network, state, has_new_stem=n_channels != 3)
    elif is_from_file:
        load_weights(network, start)
    return network


def _spare_copies(network: nn.Module) -> None:
    """Let activations write beside their input where autograd would first copy it.

    The gradient of these needs the input, which one in place overwrites; that of a ReLU does not.
    """
    for module in network.modules():
        if isinstance(module, nn.Hardtanh | nn.SiLU | nn.Hardswish | nn.Mish):
            module.inplace = False


def count_parameters(spec: NetworkSpec, *, n_classes: int, n_channels: int = 3) -> int:
    """Return the number of trainable parameters (table 1).

    Examples
    --------
    >>> spec = resolve("mobilenet", role="student")
    >>> count_parameters(spec, n_classes=10), count_parameters(spec, n_classes=1000)
    (408938, 1677128)
    """
    with torch.random.fork_rng([]):
        network = _build(spec, n_classes, n_channels)
    return sum(parameter.numel() for parameter in network.parameters())


def _build(spec: NetworkSpec, n_classes: int, n_channels: int) -> nn.Module:
    for name, value in (("n_classes", n_classes), ("n_channels", n_channels)):
        if value < 1:
            raise ValueError(f"`{name}` must be at least 1, got {value}; pass the data's")
    prepare_torchvision()
    import timm

    network: nn.Module = timm.create_model(
        spec.name, num_classes=n_classes, in_chans=n_channels, **spec.options
    )
    if spec.native_size is not None:
        fix_padding(network, spec.native_size)
    return network


def _initialised(spec: NetworkSpec, n_classes: int, n_channels: int) -> nn.Module:
    if spec.convolutions is None:
        return _build(spec, n_classes, n_channels)
    with torch.random.fork_rng([]):  # what timm draws is thrown away
        network = _build(spec, n_classes, n_channels)
    draw_weights(network, spec.convolutions, head_std=spec.head_std, has_new_stem=n_channels != 3)
    return network
