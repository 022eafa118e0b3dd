"""Made cells for the tests of claims: scores by subset with a little spread over seeds."""

import numpy as np
import pandas as pd

from carto_helpers.claims.claim_cells import Cell


def made_cell(
    means: dict[str, float], *, n: int = 5, spread: float = 0.001, paper: dict | None = None
) -> Cell:
    """Return a cell whose subsets have these means, and a seeded, centred spread over n seeds."""
    draw, scores = np.random.default_rng(0), {}
    for name, mean in means.items():
        noise = draw.normal(0, spread, n)
        scores[name] = pd.Series(mean + noise - noise.mean(), index=range(n))
    return Cell(dataset="cifar10", student="resnet", scores=scores, paper=paper or {})
