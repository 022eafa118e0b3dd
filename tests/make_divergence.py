"""Print how far a student's trainings move from its plain loop, for `benchmarks/notes.md`.

`python tests/make_divergence.py [NAME]`: the largest difference in loss up to a
step, on photographs in float64: of the fast paths, of the plain loop in another memory layout, and
of the plain loop with its first weights moved by a normal draw times a share of themselves.
"""

import dataclasses
import sys
from collections.abc import Iterator

import numpy as np
import torch
from plain_loops import EXACT, PlainLoop, Watched, drawn_batches, made_network, photographs

from carto_helpers.config import Recipe
from carto_helpers.engine import Engine, choose_engine
from carto_helpers.stacked.stacked_training import StackedTraining

RECIPE, N_STEPS = Recipe(epochs=1), 50
INDEX = np.arange(32 * N_STEPS)
SHOWN = (1, 10, 15, 20, 30, 40, 50)


def trained(name: str, engine: Engine) -> Watched:
    """Return a training, not begun."""
    network, data = made_network(name, 0), photographs(engine)
    return Watched(network, data, INDEX, recipe=RECIPE, seed=0, engine=engine)


def plain(name: str, layout: torch.memory_format, share: float) -> np.ndarray:
    """Return the losses of a plain loop whose first weights are moved by a share of themselves."""
    loop, drawn = PlainLoop(name, RECIPE, 0, layout=layout), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in loop.network.parameters():
            weight.mul_(1 + share * torch.randn(weight.shape, generator=drawn, dtype=weight.dtype))
    return np.array([loop.step(batch) for batch in drawn_batches(INDEX, 0)])


def losses_of(name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each way's name and its losses, the plain loop's first."""
    yield "the plain loop", plain(name, torch.contiguous_format, 0.0)
    alone = trained(
        name, dataclasses.replace(choose_engine(name, "cpu", role="student"), dtype="float64")
    )
    alone.run_epoch()
    yield "the engine of a CPU", np.array(alone.losses)
    stacked = trained(name, dataclasses.replace(EXACT, products=True))
    list(StackedTraining([stacked], 1).run())
    yield "a stack of one", np.array(stacked.losses)
    yield "the plain loop, channels_last", plain(name, torch.channels_last, 0.0)
    for share in (1e-16, 1e-15, 1e-14):
        what = f"the plain loop, first weights moved by {share:.0e}"
        yield what, plain(name, torch.contiguous_format, share)


def main(name: str) -> None:
    """Print the table."""
    print(f"| {name} beside its plain loop | {' | '.join(f'step {n}' for n in SHOWN)} |")
    print("|---" * (1 + len(SHOWN)) + "|")
    ways = losses_of(name)
    _, base = next(ways)
    for what, losses in ways:
        cells = [f"{np.abs(losses - base)[:n].max():.0e}" for n in SHOWN]
        print(f"| {what} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(*(sys.argv[1:] or ["mobilenetv2_035"]))
