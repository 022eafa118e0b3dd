"""Adam a lane: against PyTorch's Adam and clip_grad_norm_ on each alone."""

import torch
from torch import nn

from carto_helpers.config import Recipe
from carto_helpers.stacked.stacked_step import LaneAdam

K, P = 3, 50
RECIPE = Recipe(clip_norm=0.5)


def alone(start: torch.Tensor, gradients: torch.Tensor) -> torch.Tensor:
    row = nn.Parameter(start.clone())
    adam = torch.optim.Adam([row], lr=RECIPE.learning_rate)
    for gradient in gradients:
        row.grad = gradient.clone()
        nn.utils.clip_grad_norm_([row], RECIPE.clip_norm)
        adam.step()
    return row.detach()


def test_each_lane_is_clipped_and_moved_as_if_alone() -> None:
    """Lane 0 all along, lane 1 begun anew after two steps, lane 2 given up then."""
    start = torch.randn(K, P, dtype=torch.float64)
    scale = torch.tensor([0.01, 1.0, 5.0])[:, None]  # one is not clipped
    gradients = torch.randn(4, K, P, dtype=torch.float64) * scale
    weights = start.clone()
    adam = LaneAdam(weights, RECIPE)
    for gradient in gradients[:2]:
        adam.gradients.copy_(gradient)
        adam.step()
    for lane in range(K):
        torch.testing.assert_close(weights[lane], alone(start[lane], gradients[:2, lane]))
    weights[1] = start[1]
    adam.reset(1)
    kept = weights[[1, 0]]
    fewer = adam.kept([1, 0], kept)
    for gradient in gradients[2:]:
        fewer.gradients.copy_(gradient[[1, 0]])
        fewer.step()
    torch.testing.assert_close(kept[0], alone(start[1], gradients[2:, 1]))
    torch.testing.assert_close(kept[1], alone(start[0], gradients[:, 0]))
