"""Weights into networks: safetensors files, and ImageNet weights from timm's collection."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from carto_helpers.storage.tensor_files import DamagedFileError, has_own_checksum, is_ours

_SECONDS_TO_CONNECT = 5


class WeightsDownloadError(OSError):
    """ImageNet weights are neither cached nor to be downloaded."""


def state_to_save(network: nn.Module) -> dict[str, Tensor]:
    """Return the network's weights and buffers as a safetensors file holds them.

    Contiguous copies on the CPU, so that training on does not change them.
    """
    return {
        name: tensor.detach().cpu().clone().contiguous()
        for name, tensor in network.state_dict().items()
    }


def load_weights(
    network: nn.Module, path: str | os.PathLike[str], *, replace_head: bool = False
) -> None:
    """Load a safetensors file into a network: every tensor of it, or none and an error.

    Parameters
    ----------
    network
        A timm network, e.g. from `models.create`.
    path
        The file, as a trained network was saved.
    replace_head
        Keep the network's own new head; the file's may then be for any number of classes.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no safetensors file, or holds weights for another number of classes or channels
        or of another network.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"expected weights in {path}, got no file; pass a file that is there, or 'scratch'"
        )
    state = _read(Path(path))
    if replace_head:
        state = _with_own(network, state, _head_name(network))
    _check_fit(network, state, path)
    network.load_state_dict(state)


def _read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of any safetensors file; one of ours must have its checksum."""
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"expected a safetensors file, got {path} ({error}); pass one that holds weights"
        ) from error
    if is_ours(path) and not has_own_checksum(path):
        raise DamagedFileError(path, "forget the run that made it (`carto forget`) and train again")
    return dict(state)


def pretrained_state(tag: str) -> dict[str, Tensor]:
    """Return the ImageNet weights that timm knows by `tag`, from the cache or the network.

    Raises
    ------
    WeightsDownloadError
        If they are in neither; at once where no connection can be made.
    """
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    # its HTTP client's errors (a refusing proxy's, say) are no OSError
    failures: tuple[type[Exception], ...] = (OSError, *HfHubHTTPError.__bases__)
    place = (f"timm/{tag}", "model.safetensors")
    try:
        cached = try_to_load_from_cache(*place)
        if not isinstance(cached, str):
            _check_connection()  # the hub's client would try again for a minute
            cached = hf_hub_download(*place)
    except failures as error:
        raise WeightsDownloadError(
            f"expected ImageNet weights {tag} in the cache or from huggingface.co, got "
            f"{type(error).__name__}; run once with a network, or pass a .safetensors file as "
            "start, or start 'scratch'"
        ) from error
    return load_file(cached)


def _check_connection() -> None:
    """Raise OSError unless the hub can be reached; behind a proxy its client must find out."""
    from huggingface_hub.constants import ENDPOINT

    url = urlsplit(ENDPOINT)
    if url.scheme not in getproxies():
        port = url.port or (443 if url.scheme == "https" else 80)
        socket.create_connection((url.hostname, port), timeout=_SECONDS_TO_CONNECT).close()


def take_over(network: nn.Module, state: Mapping[str, Tensor], *, has_new_stem: bool) -> None:
    """Load pre-trained weights, but for the head and, where it is new, the stem."""
    state = _with_own(network, state, _head_name(network))
    if has_new_stem:
        state = _with_own(network, state, _stem_name(network))
    network.load_state_dict(state)


def _with_own(network: nn.Module, state: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """Return `state` with one part as the network has it."""
    others = {name: t for name, t in state.items() if not name.startswith(f"{part}.")}
    own = {name: t for name, t in network.state_dict().items() if name.startswith(f"{part}.")}
    return others | own


def _head_name(network: nn.Module) -> str:
    head: nn.Module = network.get_classifier()  # type: ignore[operator]
    name: str = next(name for name, module in network.named_modules() if module is head)
    return name


def _stem_name(network: nn.Module) -> str:
    name: str = next(n for n, m in network.named_modules() if isinstance(m, nn.Conv2d))
    return name


def _check_fit(
    network: nn.Module, state: Mapping[str, Tensor], path: str | os.PathLike[str]
) -> None:
    """Raise unless `state` has the network's names and shapes; say what it is for instead."""
    own = _shapes(network.state_dict())
    given = _shapes(state)
    stem, head = f"{_stem_name(network)}.weight", f"{_head_name(network)}.weight"
    differing = [name for name in own.keys() | given.keys() if own.get(name) != given.get(name)]
    foreign = [name for name in differing if not name.startswith(head.removesuffix("weight"))]
    if foreign == [stem] and _differ_at(1, own[stem], given.get(stem)):
        raise ValueError(
            f"expected weights for {own[stem][1]} channels, got {given[stem][1]} in {path}; "
            "pass weights trained on such images, or 'scratch'"
        )
    if not foreign and differing and _differ_at(0, own[head], given.get(head)):
        raise ValueError(
            f"expected weights for {own[head][0]} classes, got {given[head][0]} in {path}; "
            "pass weights for as many classes, or load them with replace_head=True"
        )
    if differing:
        name = min(differing)
        raise ValueError(
            f"expected weights of {type(network).__name__} with {name} {own.get(name, 'absent')}, "
            f"got {given.get(name, 'absent')} in {path}; pass weights of the same network"
        )


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return shapes by name; batch normalisation's counts may be absent, as in old files."""
    return {
        name: tuple(tensor.shape)
        for name, tensor in state.items()
        if not name.endswith("num_batches_tracked")
    }


def _differ_at(axis: int, one: tuple[int, ...], other: tuple[int, ...] | None) -> bool:
    """Return whether two shapes differ along one axis and nowhere else."""
    return other is not None and [
        i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b
    ] == [axis]
