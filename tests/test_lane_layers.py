"""Layers of lanes: a short batch counts as itself, masks are asked for."""

import pytest
import torch
from torch import nn

from carto_helpers.stacked.lane_layers import LaneDropout, LaneNorm, Lanes

K, C, B, SIDE = 3, 4, 5, 2


def made_norm(lanes: Lanes) -> LaneNorm:
    layer = LaneNorm(nn.BatchNorm2d(C, momentum=0.3).double(), lanes)
    layer.weight = nn.Parameter(torch.rand(K, C, dtype=torch.float64))
    layer.bias = nn.Parameter(torch.rand(K, C, dtype=torch.float64))
    layer.running_mean = torch.zeros(K, C, dtype=torch.float64)
    layer.running_var = torch.ones(K, C, dtype=torch.float64)
    layer.num_batches_tracked = torch.zeros(K, dtype=torch.int64)
    return layer


@pytest.mark.parametrize("sizes", [(5, 5, 5), (5, 2, 4)])
def test_each_lane_is_normalised_over_its_own_batch(sizes: tuple[int, ...]) -> None:
    valid = (torch.arange(B) < torch.tensor(sizes)[:, None]).double()
    layer = made_norm(Lanes(n=K, valid=valid))
    x = torch.randn(K * C, B, SIDE, SIDE, dtype=torch.float64)
    found = layer(x).view(K, C, B, SIDE, SIDE)
    for k, n in enumerate(sizes):
        alone = nn.BatchNorm2d(C, momentum=0.3).double()
        alone.load_state_dict({"weight": layer.weight[k], "bias": layer.bias[k]}, strict=False)
        images = x.view(K, C, B, SIDE, SIDE)[k, :, :n].transpose(0, 1)
        torch.testing.assert_close(found[k, :, :n].transpose(0, 1), alone(images))
        torch.testing.assert_close(layer.running_mean[k], alone.running_mean)
        torch.testing.assert_close(layer.running_var[k], alone.running_var)
        assert layer.num_batches_tracked[k] == 1


def test_full_batches_need_no_mask() -> None:
    x = torch.randn(K * C, B, SIDE, SIDE, dtype=torch.float64)
    masked = made_norm(Lanes(n=K, valid=torch.ones(K, B, dtype=torch.float64)))
    full = made_norm(Lanes(n=K))
    full.load_state_dict(masked.state_dict())
    torch.testing.assert_close(full(x), masked(x))
    torch.testing.assert_close(full.running_var, masked.running_var)


def test_masks_must_come_from_somewhere() -> None:
    layer = LaneDropout(0.5, C, Lanes(n=K))
    with pytest.raises(RuntimeError, match="expected a way to draw masks, got none"):
        layer(torch.ones(K, C, B))
