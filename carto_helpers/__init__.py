"""Knowledge distillation with training dynamics: a reproducible paper that runs.

The public names below are loaded when first used, so that figures and tables need no torch and
training needs no Jupyter.

Examples
--------
>>> import carto_helpers
>>> carto_helpers.subset_size(0.33, 40_000)
13200
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from carto_helpers.config import PhaseConfig as PhaseConfig
    from carto_helpers.config import Recipe as Recipe
    from carto_helpers.config import SubsetSpec as SubsetSpec
    from carto_helpers.config import subset_size as subset_size
    from carto_helpers.data import ImageSet as ImageSet
    from carto_helpers.data import load as load
    from carto_helpers.dynamics import confidence as confidence
    from carto_helpers.dynamics import correctness as correctness
    from carto_helpers.dynamics import forgetfulness as forgetfulness
    from carto_helpers.dynamics import variability as variability
    from carto_helpers.experiments import map_frame as map_frame
    from carto_helpers.experiments import phase1 as phase1
    from carto_helpers.experiments import phase2 as phase2
    from carto_helpers.experiments import phase3 as phase3
    from carto_helpers.experiments import teachers as teachers
    from carto_helpers.losses import (
        distillation_loss_cross_entropy as distillation_loss_cross_entropy,
    )
    from carto_helpers.losses import distillation_loss_kl as distillation_loss_kl
    from carto_helpers.metrics import accuracy as accuracy
    from carto_helpers.metrics import confidence_interval as confidence_interval
    from carto_helpers.metrics import macro_f1 as macro_f1
    from carto_helpers.records import Results as Results
    from carto_helpers.scoring import StreamingDynamics as StreamingDynamics
    from carto_helpers.scoring import scores as scores
    from carto_helpers.selection import select as select

_PLACES = {
    "config": "PhaseConfig Recipe SubsetSpec subset_size",
    "data": "ImageSet load",
    "dynamics": "confidence correctness forgetfulness variability",
    "experiments": "map_frame phase1 phase2 phase3 teachers",
    "losses": "distillation_loss_cross_entropy distillation_loss_kl",
    "metrics": "accuracy confidence_interval macro_f1",
    "records": "Results",
    "scoring": "StreamingDynamics scores",
    "selection": "select",
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names.split()}
__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 - a list, made from the table above


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
